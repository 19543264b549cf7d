"""The results and steps of smolagents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, added, counts_in, counts_of
from xpander_facade.usage._fields import as_dict, field, is_list, items, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts
from xpander_facade.usage._reader import called_tool

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_GROUP = "smolagents"
# The library's own tool, by which the model gives its answer.
_OUTPUT_TOOL = "final_answer"
_MAX_STEPS = "max_steps_error"


def result(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a full result. With `reset=False` it holds earlier tasks; the steps after the last task are this run."""
    steps, state = field(thing, "steps"), field(thing, "state")
    if not is_list(steps) or type(state) is not str or field(thing, "timing") is None:
        return None
    kept = list(read.items(steps))
    tasks = [at for at, step in enumerate(kept) if field(step, "task") is not None]
    own = kept[tasks[-1] :] if tasks else kept
    counts = counts_in(field(thing, "token_usage"))
    if len(tasks) > 1 or not counts:
        counts = added(counts_of(step, "token_usage") for step in own)
    if counts.is_zero:
        counts = Counts()
    said = output_texts(field(thing, "output"), read)
    has_failed = state == _MAX_STEPS
    return UsageFragment(
        counts,
        tools=[name for step in own for name in _tools(step, read)],
        texts=said,
        scope=Scope.RUN,
        group=_GROUP,
        is_final=True,
        is_success=not has_failed,
        failure="the agent reached its last step without an answer (max_steps_error)" if has_failed else None,
    )


def step(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a step of a streamed run. The calls that are told beside it are in it."""
    usage = field(thing, "token_usage")
    if usage is None or field(thing, "timing") is None or field(thing, "steps") is not None:
        return None
    return UsageFragment(counts_in(usage), tools=_tools(thing, read), group=_GROUP)


def answer(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the output of a tool or an action in a streamed run, where it is the final answer."""
    if field(thing, "is_final_answer") is not True or field(thing, "token_usage") is not None:
        return None
    return UsageFragment(texts=output_texts(field(thing, "output"), read), group=_GROUP, is_final=True)


def _tools(step: Any, read: Reader) -> list[str]:
    called = [called_tool(call) or text(field(call, "name")) for call in read.items(field(step, "tool_calls"))]
    return [name for name in called if name and name != _OUTPUT_TOOL]


def summary(thing: Any) -> dict[str, Any] | None:
    """Return what a result tells of its run, without the whole input that each of its steps holds."""
    steps, usage = field(thing, "steps"), field(thing, "token_usage")
    if not is_list(steps) or usage is None or field(thing, "state") is None:
        return None
    told = [_without_inputs(step) for step in items(steps)]
    return {
        "_shortened": type(thing).__name__,
        "output": field(thing, "output"),
        "state": field(thing, "state"),
        "token_usage": usage,
        "timing": field(thing, "timing"),
        "steps": told,
    }


def _without_inputs(step: Any) -> Any:
    fields = as_dict(step)
    return step if fields is None else {name: item for name, item in fields.items() if name not in _INPUTS}


_INPUTS = frozenset({"model_input_messages", "observations_images"})
