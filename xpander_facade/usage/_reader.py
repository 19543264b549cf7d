"""Going through what was given: bounded in items and characters, and the same for every family of libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade.usage._fields import field, first_of, is_list, items, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xpander_facade.usage._fragments import UsageFragment

MAX_ITEMS = 150_000
MAX_CHARACTERS = 10_000_000
"""What is kept of the texts of everything that is read at once."""

_MAX_NESTING = 8
# Google's parts have no type, and Oracle's are in capitals.
_TEXT_TYPES = (None, "text", "output_text", "TEXT")


@attrs.frozen
class Within:
    """What a parser returns where a response lies in another object: the objects to read instead.

    Args:
        values: They are read one after the other.
    """

    values: tuple[object, ...]


class Reader:
    """Goes through lists, texts and calls, up to a number of items and characters for all of them together.

    Args:
        after: How many messages, turns or items at the beginning are to be left out; see `messages`.
    """

    __slots__ = ("_after", "_characters_left", "_items_left", "_nesting", "read_inner")

    def __init__(self, after: int | None = None) -> None:
        self._items_left = MAX_ITEMS
        self._characters_left = MAX_CHARACTERS
        self._after = after
        self._nesting = 0
        self.read_inner: Callable[[object, Reader], Iterator[UsageFragment]] | None = None

    @property
    def is_after_pending(self) -> bool:
        """Whether there is something to leave out, and nothing yet that it could be left out of."""
        return self._after is not None

    def renew(self) -> None:
        """Let as many items be read as at the beginning; characters stay bounded for everything that is read."""
        self._items_left = MAX_ITEMS

    def items(self, value: object) -> Iterable[Any]:
        """Return what a list holds, as long as items are left to be read."""
        if type(value) is list:
            listed = cast("list[Any]", value)
            if (left := self._items_left - len(listed)) >= 0:
                self._items_left = left
                return listed
        return () if value is None else self._counted(cast("object", value))

    def _counted(self, value: object) -> Iterator[Any]:
        for item in items(value):
            if self._items_left <= 0:
                return
            self._items_left -= 1
            yield item

    def messages(self, value: object) -> Iterator[Any]:
        """Yield the messages of a conversation, without those that `after` leaves out. Only the first list has some."""
        skipped, self._after = self._after or 0, None
        for number, item in enumerate(self.items(value)):
            if number >= skipped:
                yield item

    def inner(self, value: object) -> list[UsageFragment]:
        """Return what an object tells that lies in the one that is read, for a parser that adds something to it."""
        if self.read_inner is None or self._nesting >= _MAX_NESTING:
            return []
        self._nesting += 1
        try:
            return list(self.read_inner(value, self))
        finally:
            self._nesting -= 1

    def take_text(self, value: object) -> list[str]:
        """Return a text as a list, to be joined to others; an empty one where there is none."""
        found = text(value)
        if found is None or self._characters_left <= 0:
            return []
        if len(found) > self._characters_left:
            found = found[: self._characters_left]
        self._characters_left -= len(found)
        return [found]

    def texts(self, content: object) -> list[str]:
        """Return the text of a message's content: a string, or a list of strings and typed parts, without thoughts."""
        if type(content) is str:
            return self.take_text(content)
        if content is None:
            return []
        if not is_list(content):
            return self.take_text(content)
        texts: list[str] = []
        for part in self.items(content):
            if isinstance(part, str):
                texts += self.take_text(part)
            elif field(part, "type") in _TEXT_TYPES and field(part, "thought") is not True:
                texts += self.take_text(field(part, "text"))
        return texts

    def calls(self, parts: object) -> list[str]:
        """Return the names of the tools that the parts of a message call."""
        return [name for part in self.items(parts) if (name := called_tool(part))]

    def names(self, things: object, *paths: str) -> list[str]:
        """Return the first text at one of these fields of each thing that has one."""
        return [name for thing in self.items(things) if (name := text(first_of(thing, *paths)))]


def called_tool(part: object) -> str | None:
    """Return the name of the tool that a part calls; a provider's own tool is named for the part: web_search_call."""
    kind = field(part, "type")
    if kind in _TEXTS:
        return None
    kind = text(field(part, "part_kind") if kind is None else kind)
    if kind is not None and kind.endswith(("tool_use", "_call", "tool-call")):
        name = text(first_of(part, "name", "tool_name"))
        if name is not None or not kind.endswith("_call") or kind in _NAMELESS:
            return name
        return kind.removesuffix("_call")
    called = first_of(part, "function", "custom", "functionCall", "function_call", "toolUse")  # OpenAI, Google, Bedrock
    return text(field(called, "name"))


_TEXTS = ("text", "output_text", "thinking", "reasoning")
_NAMELESS = frozenset({"function_call", "custom_tool_call", "tool_call", "mcp_call"})
"""Calls of the user's tools: a further piece of one that is streamed has no name."""
