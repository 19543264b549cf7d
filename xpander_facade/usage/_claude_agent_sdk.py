"""The messages of the Claude Agent SDK: those of the assistant, then the result with the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_by_model, counts_of
from xpander_facade.usage._fields import field, first_of, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_GROUP = "claude-agent-sdk"


def assistant_message(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a message of the assistant: one for each block, each with the usage of the whole API message."""
    content = field(thing, "content")
    if not is_list(content) or text(field(thing, "model")) is None or field(thing, "role") is not None:
        return None
    blocks = list(read.items(content))
    if not blocks or any(field(block, "type") is not None for block in blocks):  # the API's own blocks have a type
        return None
    calls = [block for block in blocks if field(block, "input") is not None]
    said = [piece for block in blocks for piece in read.take_text(field(block, "text"))]
    return UsageFragment(
        counts_of(thing),
        model=text(field(thing, "model")),
        provider="anthropic",
        tools=read.names(calls, "name"),
        # What a subagent says goes to the agent that called it; it is not the answer.
        texts=said if field(thing, "parent_tool_use_id") is None else [],
        key=text(field(thing, "message_id")),
        group=_GROUP,
    )


def result_message(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the result of a query."""
    has_failed = field(thing, "is_error")
    if type(has_failed) is not bool or field(thing, "num_turns") is None or field(thing, "session_id") is None:
        return None
    by_model, model = counts_by_model(first_of(thing, "model_usage", "modelUsage"))
    said = output_texts(first_of(thing, "structured_output", "result"), read)
    # Without an answer the subtype says why: error_max_turns, error_max_budget_usd; not always is_error with it.
    has_failed = has_failed or (not said and (text(field(thing, "subtype")) or "").startswith("error"))
    reasons = [reason for reason in read.items(field(thing, "errors")) if type(reason) is str]
    failure = "; ".join(reasons) or "".join(said) or text(field(thing, "subtype")) or "the query failed"
    return UsageFragment(
        counts_of(thing) or by_model,
        model=model,
        provider="anthropic",
        texts=said,
        scope=Scope.RUN,
        group=_GROUP,
        is_final=True,
        is_success=not has_failed,
        failure=failure if has_failed else None,
    )
