"""What one response, or one piece of a stream, tells; and how pieces that belong together become one."""

from __future__ import annotations

import enum
import re

import attrs

from xpander_facade.usage._counts import Counts


class Scope(enum.Enum):
    """What the counts of a fragment are counts of."""

    CALL = "one call of a model"
    RUN = "one run: all of the calls of its group since the last such sum"
    SESSION = "everything of its group so far, earlier runs too"


@attrs.define
class UsageFragment:
    """What one response tells, or one chunk of a stream.

    Args:
        counts: What is counted.
        beside: What is billed beside `counts` and is not part of them; told later, it replaces what was told before.
        model: The name of the model that answered.
        provider: Who runs the model, by the name that genai-prices has for it, where that is told.
        tools: The names of the tools that were called, in their order; repetitions are fine.
        texts: What the model said, to be joined.
        key: The id of the response: its chunks, and what comes again under it, are one.
        aliases: Further ids of the same response, as the provider's in the message of a framework.
        holds: The ids of other calls whose counts are in these.
        chunk: It is part of a stream.
        opens: A stream begins with it.
        ends: A stream ends with it.
        whole: Its texts are all of the stream's text so far, not a further part.
        may_be_whole: They are the one or the other, which only the texts themselves tell.
        adds: Its counts are to be added to those of the stream; else they are the stream's so far and replace them.
        scope: What the counts are counts of.
        group: Whose calls a sum sums up: those of this group.
        failure: Why the run failed, where its result says so.
        is_success: How a run's result ended; None for what is not a run's result.
        is_final: Its text goes before those that are told later, as the output of a run before its messages.
        hint: What to set so that the library tells the counts, where it tells none.
        is_kept: An object that outlives the run holds it: it can be of an earlier turn.
        turn: Which turn of the conversation it is of, from 0.
        part_of: The key of the run that this one is a part of, as a team's: without the counts of that run, which may
            come in an event that was not asked for, its own would pass for all.
        earlier: What may hold earlier runs, where the counts cannot be told apart from theirs: "the crew's models".
        kind: Which parser made it; set by the registry.
        is_counted: Whether it takes part in the sum; set by `UsageTally`.
        way: By which way it came to a run; set by `UsageTally`.
        ways: By which other ways it came again; likewise.
        is_complete: A whole response was taken: a chunk that comes late only fills in what is not told.
        is_so_far: Whether such a stream's pieces turned out to be all so far; None before that is known.
    """

    counts: Counts = attrs.field(factory=Counts)
    beside: Counts | None = None
    model: str | None = None
    provider: str | None = None
    tools: list[str] = attrs.field(factory=list[str])
    texts: list[str] = attrs.field(factory=list[str])
    key: str | None = None
    aliases: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    chunk: bool = False
    opens: bool = False
    ends: bool = False
    whole: bool = False
    may_be_whole: bool = False
    adds: bool = False
    scope: Scope = Scope.CALL
    group: str | None = None
    failure: str | None = None
    is_success: bool | None = None
    is_final: bool = False
    hint: str | None = None
    is_kept: bool = False
    turn: int | None = None
    part_of: str | None = None
    earlier: str | None = None
    kind: str = ""
    is_counted: bool = True
    way: str = ""
    ways: tuple[str, ...] = ()
    is_complete: bool = False
    is_so_far: bool | None = None

    @property
    def total(self) -> Counts:
        """All that is billed."""
        if not self.beside:
            return self.counts
        total = self.counts.copy()
        total.add(self.beside)
        return total

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the response."""
        return self.aliases if self.key is None else (self.key, *self.aliases)

    def copy(self) -> UsageFragment:
        """Return a fragment that can take others without changing this one."""
        return attrs.evolve(self, counts=self.counts.copy(), tools=[*self.tools], texts=[*self.texts])

    def take(self, later: UsageFragment) -> None:
        """Add the next chunk of the same stream, or what tells all of it again."""
        is_whole = later.whole or not later.chunk or (later.may_be_whole and self._tells_all_so_far(later))
        if later.chunk and self.is_complete:
            if not self.counts:
                self.counts = later.counts
            return
        if not later.chunk:
            self.is_complete = True
            self.counts = later.counts or self.counts
            self.model = later.model or self.model
        elif later.adds:
            self.counts.add(later.counts)
        else:
            self.counts.replace(later.counts)
        self.beside = later.beside or self.beside
        self.model = self.model or later.model
        self.provider = self.provider or later.provider
        self.key = self.key or later.key
        self.aliases += later.aliases
        self.ends = later.ends
        self.hint = self.hint or later.hint
        self.failure = later.failure or self.failure
        self.is_success = self.is_success if later.is_success is None else later.is_success
        if later.tools:
            self.tools += later.tools
        if later.texts:
            if is_whole:
                self.texts = later.texts
            else:
                self.texts += later.texts

    def _tells_all_so_far(self, later: UsageFragment) -> bool:
        """Tell whether a piece repeats the text before it: then all pieces of its stream do."""
        if self.is_so_far is None and later.texts and self.texts:
            said, now = "".join(self.texts), "".join(later.texts)
            if not now.startswith(said):
                self.is_so_far = False
            elif len(now) > len(said):
                self.is_so_far = True
            else:
                return later.counts == self.counts  # "ha" and "ha" again, or the end of a stream that is told twice
        return self.is_so_far is True

    def take_again(self, again: UsageFragment) -> None:
        """Take what was told before by another way, or once more: nothing of it is added."""
        # What a provider has said goes before what emitters of spans make of it.
        if not again.way.startswith("spans") or not self.counts:
            self.counts.replace(again.counts)
        self.beside = again.beside or self.beside
        self.model = self.model or again.model
        self.provider = self.provider or again.provider
        self.aliases += again.aliases
        self.tools += [name for name in again.tools if name not in self.tools]
        if any(again.texts):
            self.texts = [*again.texts]

    def comes_again(self, other: UsageFragment) -> bool:
        """Tell whether a whole response under the same id is the same, not another one of a server without real ids."""
        if self.way.startswith("spans"):  # a span ends once, and tells no text
            return self.counts.may_equal(other.counts)
        said, now = "".join(self.texts), "".join(other.texts)
        if said and now and said != now:  # a response that grows while it is streamed
            return now.startswith(said) and other.counts.covers(self.counts)
        if self.counts == other.counts or not self.counts or not other.counts:
            return True
        return said == now and (bool(said) or self.tools == other.tools)

    def holds_chunk(self, chunk: UsageFragment) -> bool:
        """Tell whether a whole response has what a chunk under its id tells, as where both are told together."""
        said = "".join(chunk.texts) in "".join(self.texts) and set(chunk.tools) <= set(self.tools)
        return said and self.counts.covers(chunk.counts)


_SORT = re.compile(r"([A-Za-z]+)[-_]")


def may_be_same_id(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether ids that differ can be ids of one response: a framework's own and the provider's.

    Of one sort, as `chatcmpl-1` and `chatcmpl-2` are, they are ids of two.
    """
    sorts = {match.group(1) for id in some if (match := _SORT.match(id))}
    return not any((match := _SORT.match(id)) and match.group(1) in sorts for id in others)
