"""Adding fragments up: chunks to streams, streams and responses to a usage, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._usage import ModelCall, Tokens, Usage

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


def usage_of(entries: Iterable[UsageFragment]) -> Usage | None:
    """Return the sum of what a tally's entries tell; None where that is nothing."""
    model = provider = said = failure = is_success = hint = None
    prompt = completion = cache_read = cache_write = 0
    tools: list[str] = []
    calls: list[ModelCall] = []
    is_known = is_told = is_final = False
    entries = list(entries)
    parts = {entry.part_of for entry in entries if entry.part_of is not None}
    silent = {entry.key for entry in entries if entry.key in parts and not entry.total} if parts else frozenset[str]()
    for entry in entries:
        text = entry.texts[0] if len(entry.texts) == 1 else "".join(entry.texts)
        counts = entry.total
        if not (text or counts or entry.model or entry.tools or entry.is_success is not None):
            continue
        is_known = True
        tools += entry.tools
        model, provider = entry.model or model, entry.provider or provider
        if text and (entry.is_final or not is_final):
            said, is_final = text, entry.is_final
        if text or entry.is_success is not None:
            failure, is_success = entry.failure, entry.is_success
        if not counts or entry.part_of in silent:
            hint = hint or entry.hint
            continue
        is_told = True
        if entry.is_counted:
            prompt += counts.prompt or 0
            completion += counts.completion or 0
            cache_read += counts.cache_read or 0
            cache_write += counts.cache_write or 0
            calls.append(ModelCall(entry.model, entry.provider, counts, entry.scope is not Scope.CALL))
    if not is_known:
        return None
    return Usage(
        Tokens(prompt, completion, cache_read, cache_write) if is_told else None,
        model,
        list(dict.fromkeys(tools)),
        said,
        failure,
        provider,
        is_success,
        hint,
        tuple(calls),
    )
