"""The outputs of crewAI's crews and agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, count, counts_in
from xpander_facade.usage._fields import field, first_of, is_list
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts
from xpander_facade.usage._reader import Within

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

EARLIER = "the crew's models count all of their calls, those of other kickoffs and crews, too"


def output(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the output of a crew's or an agent's kickoff.

    Its counts are those of its models since they were made. Where these have made just the calls whose answers stand in
    the output, they are the kickoff's own.
    """
    tasks = field(thing, "tasks_output")
    usage = field(thing, "token_usage") if is_list(tasks) else field(thing, "usage_metrics")
    if usage is None or field(thing, "raw") is None:
        return None
    tools: list[str] = []
    answers = 0
    for each in [*read.items(tasks)] if is_list(tasks) else [thing]:
        for message in read.items(field(each, "messages")):
            if field(message, "role") == "assistant":
                answers += 1
                tools += read.calls(field(message, "tool_calls"))
    counts = counts_in(usage)
    return UsageFragment(
        Counts() if counts.is_zero else counts,
        tools=tools,
        # `raw` is the text that structured output was parsed from.
        texts=output_texts(first_of(thing, "pydantic", "json_dict", "raw"), read),
        scope=Scope.RUN,
        is_final=True,
        earlier=None if count(field(usage, "successful_requests")) == answers else EARLIER,
    )


def streaming_output(thing: Any, read: Reader) -> Within | list[UsageFragment] | None:
    """Find the output at the end of a streamed kickoff."""
    if not callable(field(thing, "get_full_text")) or field(thing, "is_completed") is None:
        return None
    return Within((field(thing, "result"),)) if field(thing, "is_completed") is True else []
