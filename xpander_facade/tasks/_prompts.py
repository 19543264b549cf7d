"""Prompts: the message of a task, and the message that goes on with an unfinished plan.

Pure text: what goes in are strings and a plan, what comes out is a string, the same for the same input.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xpander_facade.types.models import DeepPlanning, DeepPlanningItem

CONTEXT_TAG = "compacted_context"
"""The tag around what a compaction leaves in a task's `additional_context`."""

# JSON leaves these three as they are, but they end a line for whoever splits a text into lines.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def message_text(text: str | None, urls: Sequence[str], contents: Sequence[Mapping[str, str]]) -> str:
    """Return the message of a task.

    Args:
        text: The prompt.
        urls: The URLs of the files; without any there is no `Files:` line.
        contents: One `url` and `content` for each file that was read; each becomes one line of JSON.
    """
    lines = [text] if text else []
    if urls:
        lines.append(f"Files: {', '.join(urls)}")
    if contents:
        lines.append("Files contents:")
        lines.extend(_json_line(content) for content in contents)
    return "\n".join(lines)


def continuation_text(message: str, plan: DeepPlanning, retry_count: int, additional_context: str | None) -> str:
    """Return the message for another attempt at a task whose plan is not done.

    Args:
        message: The message of the first attempt; it is kept whole.
        plan: The plan as it stands.
        retry_count: How many attempts there were before this one.
        additional_context: The task's; where it holds a compacted context, the message points to it.
    """
    open_items = [item for item in plan.tasks if not item.completed]
    done = len(plan.tasks) - len(open_items)
    upcoming = open_items[0] if open_items else None
    lines = [
        f"This is retry {retry_count} of this task: the attempt before it ended too early. "
        "Go on from where it stopped, and do not repeat what is done.",
        "",
        f"Plan ({done} of {len(plan.tasks)} completed, {len(open_items)} not completed):",
        *(_item_line(item, item is upcoming) for item in plan.tasks),
        "",
    ]
    if upcoming is None:
        lines.append("Every item is completed: give the final result now.")
    else:
        lines.append(f"Work on this item next: {_item_name(upcoming)}")
        lines.append("Mark each item as completed as soon as it is, and do not finish while one is not completed.")
    if plan.question_raised:
        lines.append("A question to the user was raised: take the answer into account if there is one.")
    if additional_context and f"<{CONTEXT_TAG}>" in additional_context:
        lines.append(f"What happened so far is summed up in <{CONTEXT_TAG}> in the additional context.")
    return "\n".join([message, "", *lines] if message else lines)


def is_active(plan: DeepPlanning) -> bool:
    """Whether a plan is to be followed: it is enabled and has items."""
    return plan.enabled and bool(plan.tasks)


def one_line(text: str) -> str:
    """Return a text with every run of white space as one blank."""
    return " ".join(text.split())


def _item_line(item: DeepPlanningItem, is_next: bool) -> str:
    return f"[{'x' if item.completed else ' '}] {_item_name(item)}{'  <-- next' if is_next else ''}"


def _item_name(item: DeepPlanningItem) -> str:
    return f"{one_line(item.title)} (id: {one_line(item.id)})"


def _json_line(content: Mapping[str, str]) -> str:
    return json.dumps(dict(content), ensure_ascii=False).translate(_LINE_ENDS)
