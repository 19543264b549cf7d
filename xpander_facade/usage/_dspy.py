"""The predictions of DSPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_by_model
from xpander_facade.usage._fields import as_dict, field
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "dspy.configure(track_usage=True)"
# ChainOfThought and ReAct add these to the fields of the user's signature.
_NOT_OUTPUT = frozenset({"reasoning", "trajectory"})


def prediction(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a prediction. Its usage is there where it was tracked."""
    tell, store = field(thing, "get_lm_usage"), as_dict(field(thing, "_store"))
    if not callable(tell) or store is None:
        return None
    counts, model = counts_by_model(tell())
    fields = {name: value for name, value in store.items() if name not in _NOT_OUTPUT}
    trajectory = as_dict(store.get("trajectory")) or {}
    names = [value for key, value in trajectory.items() if str(key).startswith("tool_name_")]
    # `finish` is ReAct's own tool, by which the model ends its trajectory.
    tools = [name for name in names if type(name) is str and name != "finish"]
    return UsageFragment(
        counts,
        model=model,
        tools=tools,
        texts=output_texts(next(iter(fields.values())) if len(fields) == 1 else (fields or None), read),
        scope=Scope.RUN,
        is_final=True,
        hint=None if counts else HINT,
    )
