"""Finding responses in whatever was given: in lists, in envelopes, in the states and results of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._fields import data_field, has_any_name, is_list
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._reader import Reader, Within
from xpander_facade.usage._registry import parse
from xpander_facade.usage._tally import tally_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_UNKNOWN = 500
"""So many items in a row that say nothing end the reading."""
_OF_A_MOCK = MAX_UNKNOWN // 4
"""What has whatever it is asked for costs the most to ask: a MagicMock looks like a list, too."""
_OF_A_COLLECTION = MAX_UNKNOWN // 20
"""To go through a collection of an unknown class runs that class's code, so that only a few are tried."""
_MAX_DEPTH = 8
_END: Any = object()
_SIMPLE = frozenset({str, bytes, bytearray, int, float, bool, complex, type(None)})
_LISTS = frozenset({list, tuple, set, frozenset})
"""Lists that are nothing else; a result can be gone through like one, too."""

_ENVELOPES = (
    "raw_response", "_raw_response", "raw", "response", "body", "message", "data", "kwargs", "chunk", "result", "value",
    "generations", "raw_responses", "messages",
)  # fmt: skip
"""Where a response can lie in something else: an agent's state, a result, a serialized message."""


def entries_of(response: object) -> Sequence[UsageFragment]:
    """Return what a response tells, each call once; for `usage_of`."""
    read = Reader()
    read.read_inner = fragments_of
    parsed = None if type(response) in _SIMPLE or type(response) in _LISTS else parse(response, read)
    if type(parsed) is UsageFragment:
        return (parsed,)
    return list(tally_of(parsed if type(parsed) is list else fragments_of(response)).entries)


def collect(response: object, *, after: int | None = None) -> list[UsageFragment]:
    """Return the fragments of a response.

    Args:
        response: As of `read_usage`.
        after: How many messages at the beginning of what was given are of earlier runs, and left out.

    Raises:
        ValueError: There are no messages that could be left out.
    """
    read = Reader(after)
    fragments = list(fragments_of(response, read))
    if read.is_after_pending:
        raise ValueError(
            f"after={after} leaves messages out, and a {type(response).__name__} holds none that are known: "
            "leave after= out, or pass the list of messages"
        )
    return fragments


def fragments_of(response: object, read: Reader | None = None) -> Iterator[UsageFragment]:
    """Yield what the response, or what lies in it, tells; in order. No response makes it fail."""
    read = read or Reader()
    read.read_inner = fragments_of
    unknown = 0
    if read.is_after_pending and is_list(response):
        above: list[Iterator[Any]] = [read.messages(response)]
    else:
        above = [iter((response,))]
    while above and unknown < MAX_UNKNOWN:
        item = next(above[-1], _END)
        if item is _END:
            above.pop()
            continue
        if type(item) in _SIMPLE:
            unknown += 1
            continue
        try:
            parsed = None if type(item) in _LISTS else parse(item, read)
            if parsed is None and is_list(item):
                if type(item) in _LISTS:
                    unknown += 1
                else:
                    unknown += _OF_A_MOCK if has_any_name(item) else _OF_A_COLLECTION
                if len(above) < _MAX_DEPTH:
                    above.append(iter(read.items(item)))
                continue
        except Exception:  # an item that makes reading fail tells nothing
            unknown += 1
            continue
        if type(parsed) is UsageFragment:
            unknown = 0
            yield parsed
        elif type(parsed) is list:
            unknown = 0
            yield from parsed
        else:
            unknown += 1
            inner = parsed.values if isinstance(parsed, Within) else _envelope(item)
            if inner and len(above) < _MAX_DEPTH:
                above.append(_each(inner, read))
            elif has_any_name(item):  # as a Mock, which is full of Mocks
                unknown += _OF_A_MOCK


def _each(values: tuple[object, ...], read: Reader) -> Iterator[object]:
    for value in values:
        if is_list(value):
            yield from read.messages(value) if read.is_after_pending else read.items(value)
        else:
            yield value


def _envelope(thing: object) -> tuple[object, ...]:
    if has_any_name(thing):
        return ()
    for name in _ENVELOPES:
        value = data_field(thing, name)
        if value is not None and type(value) not in _SIMPLE:
            return (value,)
    return ()
