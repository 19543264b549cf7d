"""What the model calls of one run cost together, each counted once, whichever way it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from xpander_facade.recorder._earlier import RunPath, earlier_runs
from xpander_facade.usage._fragments import Scope, UsageFragment, may_be_same_id
from xpander_facade.usage._tally import UsageTally
from xpander_facade.usage._usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade.usage._counts import Counts
    from xpander_facade.usage._usage import Usage  # noqa: TC004 (annotations only)

SPANS = "spans"
"""The way by which tracing tells; the way of an emitter begins with it."""
_COUNTS = ("prompt", "completion", "cache_read", "cache_write")

MESSAGES_HINT = (
    "it holds earlier turns of its conversation, whose tokens are counted, too: pass after=n, the number of messages "
    "before this run, or record each turn in this process"
)


@attrs.frozen
class UsageChange:
    """What a record call changes of its run.

    Args:
        counts: What is to be added to the tokens, by the names of `Counts`; None where no counts were told.
        told: What the recorded object tells for the run, without what earlier runs have recorded.
        warnings: What the user should know of it.
    """

    counts: dict[str, int] | None
    told: Usage | None
    warnings: tuple[str, ...] = ()


class RunUsage:
    """The tally of one run. Not safe for several threads at once: the run holds its lock.

    Args:
        path: The runs around this run, and the run.
    """

    __slots__ = ("_credited", "_lowest", "_rank", "_ranked", "_tally", "_warned", "path")

    def __init__(self, path: RunPath) -> None:
        self.path = path
        self._tally = UsageTally()
        self._credited: dict[int, tuple[int, int, int, int]] = {}
        self._warned: set[str] = set()
        self._rank = -1
        self._lowest = 99
        self._ranked: list[tuple[UsageFragment, int]] = []

    def take(self, told: Iterable[UsageFragment], *, way: str = "", is_single: bool = False) -> UsageChange:
        """Take what was told by one way; what is known by its id already adds nothing.

        Args:
            told: Fragments, which become this tally's.
            way: By which way: a response by `record`, an instrumented client, spans.
            is_single: A single chunk, after which others of its stream can follow.
        """
        warnings: list[str] = []
        touched: dict[int, UsageFragment] = {}
        for fragment in told:
            if fragment.is_kept and fragment.key is not None and earlier_runs.has_recorded(fragment.key, self.path):
                continue
            self._without_earlier(fragment, warnings)
            entry = self._tally.add(fragment, way=way)
            if entry is not fragment and entry.way.startswith(SPANS):
                self._confirm(entry)
            touched[id(entry)] = entry
        # A chunk that is recorded by itself goes on with the stream of the one before; after anything else a stream
        # is over.
        if not is_single:
            self._tally.close_streams()
        entries = list(touched.values())
        self._look_for_earlier_turns(entries, warnings)
        counts = self._difference([*entries, *self._tally.changed])
        self._tally.changed.clear()
        usage = usage_of(entries)
        if usage is not None and usage.tokens is None and usage.hint:
            warnings.append(f"the library told no token counts: set {usage.hint}")
        return UsageChange(counts, usage, self._fresh(warnings))

    def take_ranked(self, calls: Iterable[tuple[UsageFragment, int, str]]) -> UsageChange:
        """Take model calls that spans tell, of which those of the highest rank count.

        What a span of a lower rank tells, as a client's, one of a higher rank may tell, too: it counts only where its
        id shows that it is a call of its own.

        Args:
            calls: Fragments with their ranks and who emitted their spans.
        """
        taken: list[UsageFragment] = []
        warnings: list[str] = []
        for fragment, rank, emitter in sorted(calls, key=lambda call: -call[1]):
            if rank < self._rank and (fragment.scope is not Scope.CALL or not self._is_apart(fragment)):
                continue
            self._without_earlier(fragment, warnings)
            entry = self._tally.add(fragment, way=f"{SPANS}:{emitter}")
            if entry is fragment:
                self._ranked.append((entry, rank))
            elif entry.scope is Scope.CALL:
                self._raise_rank(entry, rank, fragment)
            taken.append(entry)
            self._rank, self._lowest = max(self._rank, rank), min(self._lowest, rank)
        # Where all are of one rank, as nearly always, there is nothing to look through.
        lower = [one for one in self._ranked if one[1] < self._rank] if self._lowest < self._rank else []
        for earlier, _ in lower:
            if earlier.scope is not Scope.CALL or not self._is_apart(earlier):
                self._tally.discount(earlier)
        counts = self._difference([*taken, *self._tally.changed])
        self._tally.changed.clear()
        usage = usage_of([entry for entry in taken if entry.is_counted] or taken)
        return UsageChange(counts, usage, self._fresh(warnings))

    def _fresh(self, warnings: list[str]) -> tuple[str, ...]:
        """Return each warning once a run: a handler that records in a loop would else fill the log."""
        fresh = tuple(warning for warning in dict.fromkeys(warnings) if warning not in self._warned)
        self._warned.update(fresh)
        return fresh

    def _raise_rank(self, entry: UsageFragment, rank: int, fragment: UsageFragment) -> None:
        """Let a call count as one of a higher rank tells it."""
        entry.is_counted = True  # it may have been left out
        for number, (one, before) in enumerate(self._ranked):
            if one is entry and before < rank:
                self._ranked[number] = entry, rank
                entry.counts = fragment.counts

    def _is_apart(self, fragment: UsageFragment) -> bool:
        """Tell whether ids show that a call of a lower rank is none of those of the highest."""
        return all(
            not may_be_same_id(fragment.ids, entry.ids)
            for entry, rank in self._ranked
            if rank == self._rank and entry is not fragment
        )

    def _confirm(self, entry: UsageFragment) -> None:
        """Count a span's call again that was taken for a repetition: it was told by another way, too."""
        self._ranked = [ranked for ranked in self._ranked if ranked[0] is not entry]
        if not entry.is_counted and entry.scope is Scope.CALL and not self._tally.has_equal(entry):
            entry.is_counted = True
            self._tally.changed.append(entry)

    def _without_earlier(self, fragment: UsageFragment, warnings: list[str]) -> None:
        """Leave out of a sum what earlier runs have recorded of it."""
        own: Counts | None = None
        if fragment.scope is Scope.SESSION and fragment.key is not None and fragment.counts:
            own = earlier_runs.own_part(fragment.key, fragment.counts, self.path)
            if own is not None:
                fragment.counts = own
        if own is None and fragment.earlier is not None and not fragment.counts.is_zero:
            warnings.append(f"its tokens are a sum that can hold earlier runs: {fragment.earlier}")

    def _look_for_earlier_turns(self, entries: list[UsageFragment], warnings: list[str]) -> None:
        turns = [entry.turn for entry in entries if entry.is_kept and entry.turn is not None and entry.counts]
        fresh = [entry for entry in entries if entry.is_kept and id(entry) not in self._credited and entry.counts]
        if turns and any(entry.turn is not None and entry.turn < max(turns) for entry in fresh):
            warnings.append(MESSAGES_HINT)

    def _difference(self, entries: list[UsageFragment]) -> dict[str, int] | None:
        """Return what entries count beyond what they did when they were looked at last."""
        change: dict[str, int] = dict.fromkeys(_COUNTS, 0)
        is_told = False
        for entry in entries:
            total = entry.total
            if not total:
                continue
            is_told = True
            before = self._credited.get(id(entry), (0, 0, 0, 0))
            now = (
                (total.prompt or 0, total.completion or 0, total.cache_read or 0, total.cache_write or 0)
                if entry.is_counted
                else (0, 0, 0, 0)
            )
            self._credited[id(entry)] = now
            for name, after, earlier in zip(_COUNTS, now, before, strict=True):
                change[name] += after - earlier
        return change if is_told else None
