"""What is stored of a library's object instead of its fields: its data, without the agents that it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import attrs

from xpander_facade.usage import _hosted, _openai_agents, _pydantic_ai, _smolagents, _xai
from xpander_facade.usage._fields import access_of, names_of
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._reader import Reader
from xpander_facade.usage._registry import parse

Simplifier = Callable[[Any], Any]


@attrs.frozen
class Snapshot:
    """How objects of one shape are stored.

    Args:
        simplify: Returns simpler data, or None for an object that is not of its shape. What shortens marks its data by
            `"_shortened"`, with the name of the object's type.
        fields: It is tried with objects that have one of these.
        shortens: It leaves out what the object holds besides its run, such as agents; an opt-out leaves it out.
    """

    simplify: Simplifier
    fields: tuple[str, ...]
    shortens: bool = False


_SNAPSHOTS: tuple[Snapshot, ...] = (
    Snapshot(_xai.proto, ("proto",)),
    Snapshot(_hosted.oci_fields, ("attribute_map",)),
    Snapshot(_pydantic_ai.summary, ("all_messages",), shortens=True),
    Snapshot(_openai_agents.summary, ("raw_responses",), shortens=True),
    Snapshot(_smolagents.summary, ("steps",), shortens=True),
)
_HAS_DATA = ("model_dump", "to_dict", "toDict", "DESCRIPTOR", "__fields__", "__attrs_attrs__")


def snapshot(value: object, *, shorten: bool = True) -> object:
    """Return what is stored of an object; the object itself where nothing is simpler.

        kept = snapshot(response)

    Args:
        value: An object of a library.
        shorten: Leave out the agents and inputs that a result holds; False keeps everything.
    """
    try:
        names = {*(names_of(value) or ()), *access_of(type(value)).names}
        for one in _SNAPSHOTS:
            if (shorten or not one.shortens) and not names.isdisjoint(one.fields):
                simple = one.simplify(value)
                if simple is not None:
                    return simple
        # Last, since it reads the object as usage to see whether its attributes are worth keeping.
        return _attributes(value)
    except Exception:
        return value


def _attributes(value: object) -> object:
    """Return the attributes of an object of a bare class that tells its usage (Voyage, vLLM)."""
    kind = type(value)
    if not hasattr(value, "__dict__") or dataclasses.is_dataclass(kind) or any(hasattr(kind, n) for n in _HAS_DATA):
        return value
    if access_of(kind).is_dynamic or not isinstance(parse(value, Reader()), UsageFragment):
        return value
    data = vars(value)
    return {name: item for name, item in data.items() if not name.startswith("_") and not callable(item)}
