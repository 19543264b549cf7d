"""Agno's runs of agents, teams and workflows: their outputs and their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, added, counts_in
from xpander_facade.usage._fields import as_dict, field, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts, status_of

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "stream_events=True or yield_run_output=True"
_MAX_DEPTH = 8
_FAILED = {"error": "the run ended with an error", "cancelled": "the run was cancelled"}


def output(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read the output of a run, with those of a team's members or of a workflow's steps."""
    if text(field(thing, "run_id")) is None or field(thing, "event") is not None:
        return None
    metrics = field(thing, "metrics")
    members = first_of(thing, "member_responses", "step_executor_runs")
    if not counts_in(metrics) and not is_list(members) and get_path(metrics, "steps") is None:
        return _without_metrics(thing, read)
    return _outputs(thing, read, 0)


def _without_metrics(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read a run that failed before a model answered."""
    is_run = any(field(thing, name) is not None for name in ("agent_id", "team_id", "workflow_id"))
    if not is_run or status_of(thing) is None:
        return None
    return [_fragment(thing, read)]


def _outputs(thing: Any, read: Reader, depth: int) -> list[UsageFragment]:
    fragments = [_fragment(thing, read, is_member=depth > 0)]
    own = fragments[0].key
    if depth < _MAX_DEPTH:
        for name in ("member_responses", "step_executor_runs"):
            for member in read.items(field(thing, name)):
                inner = _outputs(member, read, depth + 1)
                inner[0].part_of = own
                fragments += inner
    if len(fragments) == 1:  # a workflow whose steps' runs were not kept
        steps = as_dict(get_path(thing, "metrics.steps")) or {}
        if steps:
            fragments[0].counts = added(counts_in(field(step, "metrics")) for step in read.items([*steps.values()]))
    return fragments


def _fragment(thing: Any, read: Reader, *, is_member: bool = False) -> UsageFragment:
    tools = read.names(field(thing, "tools"), "tool_name")
    for message in read.items(field(thing, "messages")):
        # History was called for in an earlier run, whose report has those tools.
        if field(message, "role") == "assistant" and field(message, "from_history") is not True:
            tools += read.calls(field(message, "tool_calls"))
    status = status_of(thing)
    said = output_texts(field(thing, "content"), read)
    # A member can fail and its team answer all the same: only the outermost run tells how it ended.
    failure = None
    if not is_member and status in _FAILED:
        failure = "".join(said) or _FAILED[status]
    is_success = None if is_member else {"completed": True, "error": False, "cancelled": False}.get(status or "")
    return UsageFragment(
        _told(counts_in(field(thing, "metrics"))),
        model=text(field(thing, "model")),
        provider=_provider(thing),
        tools=tools,
        texts=[] if is_member else said,
        key=text(field(thing, "run_id")),
        scope=Scope.RUN,
        is_success=is_success,
        failure=failure,
        is_final=not is_member,
    )


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of a run. All events of a run, and its output, are one entry; a member's run is its own."""
    kind, key = text(field(thing, "event")), text(field(thing, "run_id"))
    if kind is None or key is None or field(thing, "created_at") is None:
        return None
    # Teams and workflows send the events of agents under prefixed names, as in TeamRunContent.
    kind = kind.removeprefix("Team").removeprefix("Workflow")
    parent = text(field(thing, "parent_run_id"))
    is_member = parent is not None
    piece = UsageFragment(key=key, chunk=True, is_final=not is_member, part_of=parent)
    if kind in ("RunStarted", "Started"):
        return piece
    if kind == "RunContent":
        piece.texts = [] if is_member else output_texts(field(thing, "content"), read)
        piece.hint = HINT
    elif kind == "ModelRequestCompleted":
        # One call of the model; the sum that comes with the end of the run replaces what these add up to.
        piece.counts, piece.adds = _told(counts_in(thing)), True
        piece.model = text(field(thing, "model"))
    elif kind == "ToolCallStarted":
        name = text(get_path(thing, "tool.tool_name"))
        piece.tools = [name] if name else []
    elif kind in ("RunCompleted", "Completed"):
        piece.counts, piece.whole = _told(counts_in(field(thing, "metrics"))), True
        piece.texts = [] if is_member else output_texts(field(thing, "content"), read)
        piece.model = text(field(thing, "model"))
        piece.is_success = None if is_member else True
    elif kind in ("RunError", "RunCancelled", "Error", "Cancelled"):
        if not is_member:
            said = output_texts(first_of(thing, "content", "reason", "error"), read)
            piece.texts, piece.whole = said, True
            piece.is_success = False
            piece.failure = "".join(said) or _FAILED["error" if kind.endswith("Error") else "cancelled"]
    else:
        return []
    return piece


def _told(counts: Counts) -> Counts:
    """Return counts as they are told: no run costs nothing, so zeros say that nothing was told."""
    return Counts() if counts.is_zero else counts


def _provider(thing: Any) -> str | None:
    name = text(field(thing, "model_provider"))
    # Agno may name an interface of the provider, too: "OpenAI Responses".
    return name.partition(" ")[0].lower() if name else None
