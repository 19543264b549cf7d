"""Adding fragments up: chunks to streams, streams and responses to a usage, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.usage._fragments import Scope, UsageFragment

if TYPE_CHECKING:
    from collections.abc import Iterable


class UsageTally:
    """What was told so far, each model call once.

    Not safe for several threads at once: whoever shares a tally holds a lock.
    """

    __slots__ = ("_by_id", "_held", "_last_chunk", "changed", "entries")

    def __init__(self) -> None:
        self.entries: list[UsageFragment] = []
        self.changed: list[UsageFragment] = []
        """Entries that ceased to count since this was emptied last."""
        self._by_id: dict[str, UsageFragment] = {}
        self._held: set[str] = set()
        self._last_chunk: UsageFragment | None = None

    def add(self, fragment: UsageFragment, *, way: str = "") -> UsageFragment:
        """Take one fragment, and return the entry that it is part of now. The fragment becomes the tally's.

        Args:
            fragment: What is told.
            way: By which way it came: what comes by another way under a known id is never added.
        """
        fragment.way = way
        known = self._known(fragment)
        if known is not None and known.way != way:
            known.take_again(fragment)
            return self._remember(known, fragment)
        if fragment.chunk:
            if known is not None and not known.chunk and known.kind == fragment.kind and known.holds_chunk(fragment):
                return known
            entry = None if fragment.opens else self._stream_of(fragment, known)
            if entry is not None:
                entry.take(fragment)
                self._last_chunk = entry
                return self._remember(entry, fragment) if fragment.key or fragment.aliases else entry
            self._last_chunk = fragment
        elif known is not None:
            if known.chunk:
                known.take(fragment)
                return self._remember(known, fragment)
            if known.comes_again(fragment):
                known.take_again(fragment)
                return self._remember(known, fragment)
        self.entries.append(fragment)
        self._settle(fragment)
        return self._remember(fragment, fragment)

    def close_streams(self) -> None:
        """Let no later chunk without an id belong to what was told until now."""
        self._last_chunk = None

    def _known(self, fragment: UsageFragment) -> UsageFragment | None:
        if fragment.key is not None and (known := self._by_id.get(fragment.key)) is not None:
            return known
        for alias in fragment.aliases:
            if (known := self._by_id.get(alias)) is not None:
                return known
        return None

    def _stream_of(self, chunk: UsageFragment, known: UsageFragment | None) -> UsageFragment | None:
        """Return the stream that a chunk goes on with, if any."""
        if known is not None and (known.chunk or not chunk.key):
            return known
        last = self._last_chunk
        if last is None or last.kind != chunk.kind or last.ends or (last.key and chunk.key):
            return None
        return last if last is self.entries[-1] or (last.key and chunk.key is None) else None

    def _remember(self, entry: UsageFragment, fragment: UsageFragment) -> UsageFragment:
        if fragment.key is not None:
            self._by_id[fragment.key] = entry
        for alias in fragment.aliases:
            self._by_id[alias] = entry
        return entry

    def _settle(self, entry: UsageFragment) -> None:
        """Let what a sum holds count no more, and what it holds already not count again."""
        if entry.key in self._held or any(alias in self._held for alias in entry.aliases):
            entry.is_counted = False
        for id in entry.holds:
            self._held.add(id)
            if (earlier := self._by_id.get(id)) is not None and earlier is not entry:
                self._discount(earlier)
        if entry.scope is Scope.CALL or entry.group is None:
            return
        for earlier in reversed(self.entries[:-1]):
            if earlier.group != entry.group:
                continue
            if earlier.scope is not Scope.CALL and entry.scope is Scope.RUN:
                break
            self._discount(earlier)

    def _discount(self, entry: UsageFragment) -> None:
        if entry.is_counted:
            entry.is_counted = False
            self.changed.append(entry)


def tally_of(fragments: Iterable[UsageFragment]) -> UsageTally:
    """Return what fragments tell together."""
    tally = UsageTally()
    for fragment in fragments:
        tally.add(fragment)
    return tally
