"""Adding fragments up: chunks to streams, streams and responses to a usage, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.usage._counts import added
from xpander_facade.usage._fragments import Scope, UsageFragment, may_be_same_id

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_IDS = frozenset({"", "__fake_id__"})
"""What stands where an id should: openai-agents has none for a streamed chat."""


class UsageTally:
    """What was told so far, each model call once.

    Not safe for several threads at once: whoever shares a tally holds a lock.
    """

    __slots__ = ("_by_id", "_held", "_last_chunk", "_ways", "changed", "entries")

    def __init__(self) -> None:
        self.entries: list[UsageFragment] = []
        self.changed: list[UsageFragment] = []
        """Entries that ceased to count since this was emptied last."""
        self._by_id: dict[str, UsageFragment] = {}
        self._held: set[str] = set()
        self._ways: set[str] = set()
        self._last_chunk: UsageFragment | None = None

    def add(self, fragment: UsageFragment, *, way: str = "") -> UsageFragment:
        """Take one fragment, and return the entry that it is part of now. The fragment becomes the tally's.

        Args:
            fragment: What is told.
            way: By which way it came: what comes by another way under a known id is never added.
        """
        fragment.way = way
        known = self._known(fragment)
        if self._has_several_ways(way):
            known = self._equal_by_another_way(fragment) if known is None else self._same_of_id(known, fragment)
        if known is not None and known.way != way:
            known.take_again(fragment)
            known.ways = (*known.ways, way)
            return self._remember(known, fragment)
        if fragment.chunk:
            # A list can hold a whole response and the chunks that it was made of.
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
        if fragment.scope is not Scope.CALL and self._has_several_ways(way) and self._is_sum_of_another_way(fragment):
            fragment.is_counted = False
        return self._remember(fragment, fragment)

    def close_streams(self) -> None:
        """Let no later chunk without an id belong to what was told until now."""
        self._last_chunk = None

    def _has_several_ways(self, way: str) -> bool:
        """Tell whether something has come by another way than this one."""
        self._ways.add(way)
        return len(self._ways) > 1

    def _same_of_id(self, known: UsageFragment, fragment: UsageFragment) -> UsageFragment | None:
        """Return which call of an id is told again by another way, where a server gives all of its calls one id."""
        if known.way == fragment.way or not fragment.counts or known.total.may_equal(fragment.total):
            return known
        ids = {*fragment.ids}
        for entry in self.entries:
            is_told = fragment.way in {entry.way, *entry.ways}
            if not is_told and not ids.isdisjoint(entry.ids) and entry.total.may_equal(fragment.total):
                return entry
        return None if fragment.way in known.ways else known

    def _equal_by_another_way(self, fragment: UsageFragment) -> UsageFragment | None:
        """Return the call of another way that is this one by its counts, where their ids don't tell them apart."""
        if fragment.scope is not Scope.CALL or not fragment.counts:
            return None
        if fragment.chunk and self._stream_of(fragment, None) is not None:
            return None
        for entry in self.entries:
            if (
                entry.is_counted
                and entry.scope is Scope.CALL
                and fragment.way not in {entry.way, *entry.ways}
                and entry.total.may_equal(fragment.total)
                and may_be_same_id(entry.ids, fragment.ids)
            ):
                return entry
        return None

    def _is_sum_of_another_way(self, fragment: UsageFragment) -> bool:
        """Tell whether a sum is what the calls of another way have cost together."""
        for way in self._ways - {fragment.way}:
            several = [
                entry.total
                for entry in self.entries
                if entry.is_counted and entry.scope is Scope.CALL and way in {entry.way, *entry.ways}
                and fragment.way not in {entry.way, *entry.ways}
            ]  # fmt: skip
            if several and added(several).may_equal(fragment.total):
                return True
        return False

    def has_equal(self, fragment: UsageFragment) -> bool:
        """Tell whether another call that counts came by the same way and has the same counts."""
        return any(
            entry is not fragment
            and entry.is_counted
            and entry.scope is Scope.CALL
            and entry.way == fragment.way
            and entry.total.may_equal(fragment.total)
            for entry in self.entries
        )

    def _known(self, fragment: UsageFragment) -> UsageFragment | None:
        if fragment.key in _NO_IDS:
            fragment.key = None
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
        # Chunks without ids belong together as long as nothing else is told between them.
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
                self.discount(earlier)
        if entry.scope is Scope.CALL or entry.group is None:
            return
        for earlier in reversed(self.entries[:-1]):
            if earlier.group != entry.group:
                continue
            # The calls before an earlier sum are part of that one already.
            if earlier.scope is not Scope.CALL and entry.scope is Scope.RUN:
                break
            self.discount(earlier)

    def discount(self, entry: UsageFragment) -> None:
        """Let an entry count no more."""
        if entry.is_counted:
            entry.is_counted = False
            self.changed.append(entry)


def tally_of(fragments: Iterable[UsageFragment]) -> UsageTally:
    """Return what fragments tell together."""
    tally = UsageTally()
    for fragment in fragments:
        tally.add(fragment)
    return tally
