"""Tokens: the counts of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from xpander_facade import _validation, usage
from xpander_facade._hints import COUNTS, with_hints
from xpander_facade._process import late_attrs
from xpander_facade._serialization.essential import NOT_NEGATIVE


def _extra() -> dict[str, Any]:
    return {}


def _checked(name: str, value: int) -> int:
    if type(value) is int and value >= 0:
        return value
    return _validation.whole_number(name, value, unit="tokens")


def _count(name: str) -> Any:
    return late_attrs.field(default=0, converter=partial(_checked, name), metadata=NOT_NEGATIVE)


_COUNTS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")


@late_attrs.define(init=False)
class Tokens:
    """Token usage of a run.

    Cache counts are never added to the total: some providers already count them in the prompt.

        used = Tokens(prompt_tokens=812, completion_tokens=164)
        print(used.total_tokens)

    Args:
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the answer.
        cache_read_tokens: Tokens read from the provider's cache.
        cache_write_tokens: Tokens written to the provider's cache.
        total_tokens: Taken and ignored, since it is the sum.

    Raises:
        ValueError: A count is negative or not a whole number.
    """

    COMPUTED: ClassVar[tuple[str, ...]] = ("total_tokens",)

    prompt_tokens: int = _count("prompt_tokens")
    completion_tokens: int = _count("completion_tokens")
    cache_read_tokens: int = _count("cache_read_tokens")
    cache_write_tokens: int = _count("cache_write_tokens")
    extra: dict[str, Any] = late_attrs.field(factory=_extra, kw_only=True, repr=False)

    def __init__(
        self,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
        total_tokens: int | None = None,
        *,
        extra: dict[str, Any] | None = None,
    ) -> None:
        counts = (prompt_tokens, completion_tokens, cache_read_tokens, cache_write_tokens)
        for name, count in zip(_COUNTS, counts, strict=True):
            # Past the hook for what is set later, which would check it once more.
            object.__setattr__(self, name, _checked(name, count))
        object.__setattr__(self, "extra", {} if extra is None else extra)

    @property
    def total_tokens(self) -> int:
        """Prompt plus completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Tokens) -> Tokens:
        if not isinstance(other, Tokens):
            return NotImplemented
        return Tokens(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )

    @classmethod
    def from_response(cls, response: object) -> Tokens:
        """Return the tokens of a provider's response as `read_usage` reads them, zeros where it tells none.

        For example:

            used = Tokens.from_response(response)
        """
        told = usage.read_usage(response)
        return cls() if told is None or told.tokens is None else told.tokens


def check_tokens(value: Any) -> Tokens | None:
    """Return Tokens for Tokens, a mapping of their attributes, a provider's usage object, or None.

    Raises:
        TypeError: It is none of these.
        ValueError: A count is negative or not a whole number, or the mapping holds none that are known.
    """
    if value is None or isinstance(value, Tokens):
        return value
    # A proxy names the class of what it stands for here, and `type` its own.
    kind: type[object] = value.__class__
    if issubclass(kind, str | bytes | int | float | complex | list | tuple):
        raise TypeError(
            f"tokens must be Tokens, a mapping or a provider's usage object, not {kind.__name__}: "
            "pass Tokens(prompt_tokens=..., completion_tokens=...)"
        )
    is_mapping = issubclass(kind, Mapping)
    given: dict[str, Any] = {}
    if is_mapping:
        given = {name: count for name, count in value.items() if count is not None}
    counts = {name: given[name] for name in _COUNTS if name in given}
    if counts and given.keys() <= {*_COUNTS, *Tokens.COMPUTED, "extra"}:
        return Tokens(**counts)
    # A total alone does not tell prompt and completion apart.
    told = None if given.keys() == {"total_tokens"} else usage.read_usage(value)
    if told is not None and told.tokens is not None:
        return told.tokens
    if counts:
        return Tokens(**counts)
    if is_mapping:
        what = "holds only a total" if "total_tokens" in given else "holds no count that is known"
        raise ValueError(f"tokens {what}: pass prompt_tokens and completion_tokens")
    raise TypeError(
        f"tokens must be Tokens, a mapping or a provider's usage object, and {kind.__name__} tells no counts: "
        "pass Tokens(prompt_tokens=..., completion_tokens=...)"
    )


if not TYPE_CHECKING:  # a checker knows the arguments
    Tokens.__init__ = with_hints(Tokens.__init__, COUNTS)
