"""Compaction: from a task and its activity thread to a text that fits a budget. No I/O.

The text is filled in this order, and what comes first is what is kept: the request, the plan, the errors, the last
exchanges, the calls before them, and the count of what was left out. Where somebody summed the session up, the summary
stands in the place of the earlier calls. All sizes are bytes of UTF-8, but an error's, which is characters.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.tasks._prompts import CONTEXT_TAG, one_line
from xpander_facade.types.activity import (
    AgentActivityThreadAuth,
    AgentActivityThreadEntry,
    AgentActivityThreadGatewayDecision,
    AgentActivityThreadMessage,
    AgentActivityThreadReasoning,
    AgentActivityThreadSubAgentTrigger,
    AgentActivityThreadToolCall,
)
from xpander_facade.types.models import DeepPlanningItem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade.types._task_record import TaskRecord
    from xpander_facade.types.activity import AgentActivityThread

BUDGET = 32_000
MIN_ENTRIES = 3
MAX_SUMMARISED_CALLS = 20
MAX_TRANSCRIPT = 200_000

# Shares of the budget: however long one part is, those after it have room.
_REQUEST = 8_000
_ERROR = 300
_EXCHANGES = 3
_EXCHANGE = 4_000
_SUMMARY = 8_000
_CALL = 300
_SUMMARISED_CALL = 800
_PLAN_TITLES = 10_000
_TRANSCRIPT_ENTRY = 4_000
_LAST_LINE = 200
# The line of a smaller call says nearly all that it holds.
_WORTH_SUMMARISING = 400

_OPEN, _CLOSE = f"<{CONTEXT_TAG}>", f"</{CONTEXT_TAG}>"
_TAGS = re.compile(f"{_OPEN}|{_CLOSE}")


@attrs.frozen
class Session:
    """What a compaction works on.

    Args:
        request: What the user asked.
        plan: The plan's items.
        entries: The thread's entries, oldest first.
    """

    request: str
    plan: Sequence[DeepPlanningItem]
    entries: Sequence[AgentActivityThreadEntry]


def session_of(task: TaskRecord, thread: AgentActivityThread) -> Session | None:
    """Return what there is to compact, or None where the thread is too short to be worth it."""
    if len(thread.messages) < MIN_ENTRIES:
        return None
    return Session(task.input.text or "", list(task.deep_planning.tasks), list(thread.messages))


def transcript(session: Session) -> str:
    """Return the session as a text for somebody who sums it up: all of it, as far as it fits.

    Long entries are cut, and where the whole is too long, the oldest entries are missing.
    """
    head = [f"Request:\n{cut(session.request, _REQUEST)}"]
    if session.plan:
        head.extend(["Plan:", *_fitting_plan(session, MAX_TRANSCRIPT // 10)])
    room = MAX_TRANSCRIPT - sum(size(line) + 1 for line in head)
    lines = _newest_that_fit([cut(_words(entry), _TRANSCRIPT_ENTRY) for entry in session.entries], room)
    return "\n".join([*head, "History:", *lines])


def input_size(session: Session) -> int:
    """Return the bytes of the whole session, nothing cut."""
    return size(session.request) + sum(size(_words(entry)) for entry in session.entries)


def largest_calls(session: Session) -> list[AgentActivityThreadToolCall]:
    """Return the largest of the earlier calls, largest first: those whose line can't say what they hold."""
    earlier, _ = _split(session.entries)
    calls = [(size(_words(entry)), entry) for entry in earlier if isinstance(entry, AgentActivityThreadToolCall)]
    calls.sort(key=lambda sized: -sized[0])
    return [call for length, call in calls[:MAX_SUMMARISED_CALLS] if length > _WORTH_SUMMARISING]


def compacted(session: Session, summary: str | None = None, call_summaries: Mapping[int, str] | None = None) -> str:
    """Return what is kept of a session, between its tags and within BUDGET.

    Args:
        session: What there was.
        summary: What somebody made of `transcript(session)`; it takes the place of the earlier calls.
        call_summaries: What somebody made of single calls, by the `id()` of the call's entry.
    """
    # The tags and the last line are written in any case; two bytes are the line ends between them.
    page = _Page(BUDGET - size(_OPEN) - size(_CLOSE) - 2 - _LAST_LINE)
    page.add("The user's request:", [cut(session.request, _REQUEST)])
    if session.plan:
        page.add(_plan_heading(session), _fitting_plan(session, page.room))
    # Here and below, 100 bytes are for a heading and its empty line.
    summary = None if summary is None else cut(summary, max(0, min(_SUMMARY, page.room - 100)))
    reserve = 0 if summary is None else size(summary) + 100
    earlier, exchanges = _split(session.entries)
    # Many errors must not cost the newest exchange, which says where the session stands.
    errors = [_error_line(entry) for entry in session.entries if _is_error(entry)]
    kept = _newest_that_fit(errors, page.room - reserve - (_EXCHANGE if exchanges else 0) - 100)
    if kept:
        page.add(f"Errors ({_of(len(kept), len(errors))}):", kept)
    shown = _newest_that_fit([_exchange(entries) for entries in exchanges], page.room - reserve - 100)
    if shown:
        page.add("The last exchanges:", shown)
    left_out = [*earlier, *(entry for entries in exchanges[: len(exchanges) - len(shown)] for entry in entries)]
    if summary is not None:
        page.add("The session, summed up:", [summary])
    else:
        entries = [entry for entry in left_out if _has_line(entry, session)]
        lines = _newest_that_fit([_line(entry, call_summaries or {}) for entry in entries], page.room - 100)
        if lines:
            page.add(f"Earlier calls and messages ({_of(len(lines), len(entries))}):", lines)
            mentioned = {id(entry) for entry in entries[-len(lines) :]}
            left_out = [entry for entry in left_out if id(entry) not in mentioned]
    last = f"Left out: {len(left_out)} of {len(session.entries)} entries of the session."
    return "\n".join([_OPEN, _defused("\n".join([*page.lines, last])), _CLOSE])


def with_context(additional_context: str | None, block: str) -> str:
    """Return a task's additional context with a compacted context in the place of any earlier one."""
    text = _without_blocks(additional_context or "")
    return f"{text}\n\n{block}" if text else block


def estimated_tokens(length: int) -> int:
    """Return about how many tokens a text of so many bytes is: one for every four."""
    return -(-length // 4)


def words_of(value: Any) -> str:
    """Return any JSON as a text; a text stays as it is, and nothing is nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def size(text: str) -> int:
    """Return a text's bytes as UTF-8."""
    # JSON can bring half of a surrogate pair, which strict UTF-8 does not have.
    return len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, limit: int) -> str:
    """Return a text within so many bytes; where something is missing, its middle says how much."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    mark = f" [... {len(data) - limit} bytes or more cut here ...] "
    keep = limit - size(mark)
    if keep <= 0:
        return data[:limit].decode("utf-8", "ignore")
    # A text says more at its beginning than at its end.
    head, tail = data[: keep - keep // 4], data[len(data) - keep // 4 :]
    return head.decode("utf-8", "ignore") + mark + tail.decode("utf-8", "ignore")


class _Page:
    """Lines, and the bytes that are left for more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.lines: list[str] = []

    def add(self, heading: str, lines: Sequence[str]) -> None:
        added = [heading, *lines, ""]
        self.lines.extend(added)
        self.room -= sum(size(line) + 1 for line in added)


def _newest_that_fit(lines: Sequence[str], room: int) -> list[str]:
    first = len(lines)
    while first and (room := room - size(lines[first - 1]) - 1) >= 0:
        first -= 1
    return list(lines[first:])


def _split(
    entries: Sequence[AgentActivityThreadEntry],
) -> tuple[list[AgentActivityThreadEntry], list[list[AgentActivityThreadEntry]]]:
    """Return the earlier entries, and the last exchanges.

    An exchange is what was asked of the agent or of a tool, with the thoughts before it and the answer after it.
    """
    exchanges: list[list[AgentActivityThreadEntry]] = []
    has_question = True
    for entry in entries:
        asks = _asks(entry)
        thinks = isinstance(entry, AgentActivityThreadReasoning) and entry.type == "think"
        if not exchanges or (has_question and (asks or thinks)):
            exchanges.append([])
            has_question = False
        has_question = has_question or asks
        exchanges[-1].append(entry)
    earlier = [entry for exchange in exchanges[:-_EXCHANGES] for entry in exchange]
    return earlier, exchanges[-_EXCHANGES:]


def _asks(entry: AgentActivityThreadEntry) -> bool:
    if isinstance(entry, AgentActivityThreadMessage):
        return entry.role == "user"
    return isinstance(entry, AgentActivityThreadToolCall | AgentActivityThreadSubAgentTrigger)


def _exchange(entries: Sequence[AgentActivityThreadEntry]) -> str:
    share = _EXCHANGE // len(entries) - 1
    texts = [_words(entry) for entry in entries]
    if sum(size(text) + 1 for text in texts) > _EXCHANGE:
        texts = [cut(text, share) for text in texts] if share > 100 else [cut("\n".join(texts), _EXCHANGE - 1)]
    return "\n".join(texts)


def _is_error(entry: AgentActivityThreadEntry) -> bool:
    return isinstance(entry, AgentActivityThreadToolCall) and entry.is_error


def _error_line(entry: AgentActivityThreadEntry) -> str:
    assert isinstance(entry, AgentActivityThreadToolCall)
    return _ends(f"- {entry.tool_name}: {one_line(words_of(entry.result))}", _ERROR)


def _has_line(entry: AgentActivityThreadEntry, session: Session) -> bool:
    if isinstance(entry, AgentActivityThreadMessage):
        return bool(entry.content.text) and entry.content.text != session.request
    return isinstance(entry, AgentActivityThreadToolCall | AgentActivityThreadSubAgentTrigger)


def _line(entry: AgentActivityThreadEntry, call_summaries: Mapping[int, str]) -> str:
    if isinstance(entry, AgentActivityThreadToolCall):
        known = call_summaries.get(id(entry))
        if known is not None:
            return _ends(f"- {entry.tool_name}: {one_line(known)}", _SUMMARISED_CALL)
        outcome = "error" if entry.is_error else "result"
        arguments, result = (_ends(one_line(words_of(value)), _CALL // 3) for value in (entry.payload, entry.result))
        return _ends(f"- {_ends(entry.tool_name, 60)}({arguments}) {outcome}: {result}", _CALL)
    return _ends(f"- {one_line(_words(entry))}", _CALL)


def _words(entry: AgentActivityThreadEntry) -> str:
    """Return an entry as a text, nothing cut."""
    if isinstance(entry, AgentActivityThreadMessage):
        files = f" (files: {', '.join(entry.content.files)})" if entry.content.files else ""
        return f"{entry.role}: {entry.content.text or ''}{files}"
    if isinstance(entry, AgentActivityThreadToolCall):
        outcome = "error" if entry.is_error else "result"
        return f"tool {entry.tool_name}({words_of(entry.payload)})\n{outcome}: {words_of(entry.result)}"
    if isinstance(entry, AgentActivityThreadReasoning):
        said = (entry.title, entry.thought, entry.analysis, entry.action, words_of(entry.result))
        return f"{entry.type}: {' | '.join(part for part in said if part)}"
    if isinstance(entry, AgentActivityThreadSubAgentTrigger):
        return f"asked agent {entry.agent_id}: {entry.query or ''}"
    if isinstance(entry, AgentActivityThreadAuth):
        return f"login: {entry.type}"
    if isinstance(entry, AgentActivityThreadGatewayDecision):
        return f"gateway: {entry.action}: {entry.title or ''} {entry.reasoning or ''}".rstrip()
    return f"other: {words_of(entry.fields)}"


def _plan_heading(session: Session) -> str:
    done = sum(item.completed for item in session.plan)
    return f"The plan ({len(session.plan)} items, {done} completed):"


def _plan_lines(session: Session, title: int) -> list[str]:
    return [f"[{'x' if item.completed else ' '}] {item.id}{_title(item, title)}" for item in session.plan]


def _title(item: DeepPlanningItem, limit: int) -> str:
    return f": {_ends(one_line(item.title[:1_000]), limit)}" if limit else ""


def _fitting_plan(session: Session, room: int) -> list[str]:
    # Every id comes before any title: an agent that knows the id can look the rest up.
    for title, most in ((200, _PLAN_TITLES), (80, _PLAN_TITLES), (30, _PLAN_TITLES), (0, room - 200)):
        lines = _plan_lines(session, title)
        if sum(size(line) + 1 for line in lines) <= min(most, room - 200):
            return lines
    return [cut(" ".join(item.id for item in session.plan), room - 200)]


def _of(shown: int, there_are: int) -> str:
    return f"all {shown}" if shown == there_are else f"the newest {shown} of {there_are}"


def _ends(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    if limit < 10:
        return ""
    tail = (limit - 5) // 2
    return f"{text[: limit - 5 - tail]} ... {text[-tail:]}"


def _without_blocks(text: str) -> str:
    """Return a text without what stands between two tags that match; one that matches none stays."""
    # In one pass: the text can be long, and anybody may have written it.
    opened: list[int] = []
    blocks: list[tuple[int, int]] = []
    for tag in _TAGS.finditer(text):
        if tag.group() == _OPEN:
            opened.append(tag.start())
        elif opened:
            start = opened.pop()
            while blocks and blocks[-1][0] > start:
                blocks.pop()
            blocks.append((start, tag.end()))
    if not blocks:
        return text
    before, after = text[: blocks[0][0]].rstrip(), text[blocks[-1][1] :].lstrip()
    between = [text[end:start].strip() for (_, end), (start, _) in itertools.pairwise(blocks)]
    return "\n\n".join(part for part in (before, *between, after) if part)


def _defused(text: str) -> str:
    # What was said in the session must not end the block, nor open another one. The length stays the same.
    name = CONTEXT_TAG.replace("_", "-")
    return text.replace(_OPEN, f"<{name}>").replace(_CLOSE, f"</{name}>")
