"""The final output of an agent's run as text, structured output as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._serialization.jsonable import to_text
from xpander_facade.usage._fields import field, text

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_OTHER_FORMS = ("model_dump", "__dataclass_fields__", "__attrs_attrs__", "__fields__", "_asdict", "__slots__", "value")
"""What a class has whose objects become JSON by other ways than by their attributes."""


def output_texts(output: object, read: Reader) -> list[str]:
    """Return an output as the text to keep: a string as it is, anything else as JSON; none where there is none.

    Args:
        output: What an agent gave in the end: text, a dict, a list, or an object of the user's own class.
        read: It bounds how much text is kept.
    """
    if output is None:
        return []
    if isinstance(output, str):
        return read.take_text(output)
    if (said := text(field(output, "text"))) is not None and field(output, "role") is not None:
        return read.take_text(said)  # a message
    return read.take_text(to_text(_data_of(output)))


def _data_of(output: object) -> object:
    """Return an object's attributes where it is of a class that has no other form than these."""
    kind = type(output)
    if kind.__module__ == "builtins" or any(hasattr(kind, name) for name in _OTHER_FORMS):
        return output
    return {name: value for name, value in vars(output).items() if not name.startswith("_")} or output


def status_of(thing: object, name: str = "status") -> str | None:
    """Return a status in lower case, be it a string or a member of an enumeration."""
    status = field(thing, name)
    return (text(field(status, "value")) or text(status) or "").lower() or None
