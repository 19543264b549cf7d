"""Objects that remember the configuration they were loaded with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xpander_facade.types._llm_gateway import LLMGatewayRoute


class ConfigurationBound:
    """What belongs to an object but is not one of its attributes, so that no dump of the attributes can hold it."""

    __slots__ = ("_configuration", "_llm_gateway", "_page_url", "_request_id", "_retries", "_snapshot")

    if TYPE_CHECKING:
        _llm_gateway: LLMGatewayRoute | None
        _retries: int

    @property
    def request_id(self) -> str | None:
        """The platform's id of the request whose answer this is, for its support; None where it told none."""
        return getattr(self, "_request_id", None)

    def _bind_response(self, request_id: str | None, page_url: str | None) -> None:
        """Keep what the headers of the answer told that this was made of."""
        # A user's subclass may be frozen, or have hooks for what is set.
        object.__setattr__(self, "_request_id", request_id)
        object.__setattr__(self, "_page_url", page_url)

    def __reduce__(self) -> tuple[Any, ...]:
        # Not by `__getstate__`: attrs gives a user's subclass one of its own.
        names = {name for base in type(self).__mro__ for name in _slots(base)} - {"__dict__", "__weakref__"}
        state = {name: getattr(self, name) for name in sorted(names) if hasattr(self, name)}
        return _restore, (type(self), state | getattr(self, "__dict__", {}))


def _slots(cls: type) -> tuple[str, ...]:
    slots: tuple[str, ...] | str = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    # Python stores a slot that begins with two underscores under a mangled name.
    return tuple(f"_{cls.__name__.lstrip('_')}{name}" if _is_private(name) else name for name in names)


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def _restore(cls: type[ConfigurationBound], state: dict[str, Any]) -> ConfigurationBound:
    item = object.__new__(cls)
    for name, value in state.items():
        object.__setattr__(item, name, value)
    return item
