"""Trees of spans, and which of their spans are the model calls that count.

Neither all spans nor the outermost one may be counted: agents sum up what their calls tell, some of them over their
whole life, and clients of models tell again what the frameworks above them tell.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

import attrs

from xpander_facade.integrations.opentelemetry._attributes import SpanFacts, SpanKind, facts_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.sdk.trace import ReadableSpan  # noqa: TC004 (annotations only)

    from xpander_facade.integrations.opentelemetry._attributes import Attributes
    from xpander_facade.integrations.opentelemetry._final_text import Event

MAX_SPANS = 20_000
"""Spans of one tree that are kept; a tree of a process that runs for days is not one run."""


class ReportOfAgent(Protocol):
    """The report of an agent's run, which takes what is told later."""

    def add(self, tops: Sequence[Node]) -> None:
        """Take what spans tell.

        Args:
            tops: The uppermost of the spans.
        """
        ...


@attrs.define(eq=False)
class Node:
    """One span.

    Args:
        parent: The span above it, where that is known.
        span: The span as it was when it was looked at last; None for one that has ended and has nothing more to tell.
        facts: What it tells; None until it has ended.
        children: The spans below it, in the order of their start.
        is_top: Nothing above it will take what it tells: it has no parent, or that has been taken before it ended.
        is_taken: What it and the spans below it tell has been taken.
        report: The report of an agent's run that was made of it.
    """

    parent: Node | None
    span: ReadableSpan | None = attrs.field(repr=False)
    facts: SpanFacts | None = None
    children: list[Node] = attrs.field(factory=list["Node"], repr=False)
    is_top: bool = attrs.field(
        default=attrs.Factory(lambda node: node.parent is None or node.parent.is_taken, takes_self=True)
    )
    is_taken: bool = False
    report: ReportOfAgent | None = attrs.field(default=None, repr=False)

    def add(self, child: Node) -> None:
        """Put a span below this one."""
        if len(self.children) < MAX_SPANS:
            self.children.append(child)

    def end(self, span: ReadableSpan) -> None:
        """Note what the span tells now that it has ended."""
        self.facts = facts_of(span.name, scope_of(span), span.attributes or {})
        # Of others the facts are enough; a span holds prompts and answers.
        self.span = span if self.kind in {SpanKind.CALL, SpanKind.AGENT} else None

    def take(self) -> list[Node]:
        """Let go of what has been taken.

        Returns:
            The uppermost spans below it that are open still, such as those of streams: they are trees of their own now.
        """
        late = self.open_below()
        for node in late:
            node.is_top = True
        self.is_taken = True
        self.children.clear()
        self.span = None
        return late

    def open_below(self) -> list[Node]:
        """Return the uppermost spans below it that have not ended and may tell a call yet that is not told.

        What has ended below those is let go of.
        """
        if self.is_told_call:
            return []
        found: list[Node] = []
        for child in self.children:
            below_it = child.open_below()
            if child.facts is not None:
                found += below_it
                child.is_taken, child.children, child.span = True, [], None
            else:
                child.children = below_it
                found.append(child)
        return found

    @property
    def is_below_told_call(self) -> bool:
        """Whether a call above it has told its counts: what this one tells is told already."""
        above = self.parent
        while above is not None and not above.is_told_call:
            above = above.parent
        return above is not None

    @property
    def reported_above(self) -> ReportOfAgent | None:
        """The report of the outermost agent above it that has been made."""
        found, above = None, self.parent
        while above is not None:
            found, above = above.report or found, above.parent
        return found

    @property
    def is_told_call(self) -> bool:
        """Whether it is a model's call that has told its counts: what is below it tells them again."""
        return self.facts is not None and self.facts.kind is SpanKind.CALL and bool(self.facts.counts)

    @property
    def nearest_above(self) -> Node | None:
        """The next span above it that is a call's, an agent's or a tool's."""
        above = self.parent
        while above is not None and above.kind is SpanKind.OTHER:
            above = above.parent
        return above

    @property
    def kind(self) -> SpanKind:
        """What it is the span of, as far as that is known: some emitters tell it only when the span ends."""
        if self.facts is not None:
            return self.facts.kind
        if self.span is None:
            return SpanKind.OTHER
        return kind_of(self.span.name, scope_of(self.span), self.span.attributes or {})

    @property
    def attributes(self) -> Attributes:
        """The attributes of an agent's or a call's span."""
        return {} if self.span is None else self.span.attributes or {}

    @property
    def events(self) -> list[Event]:
        """The events of an agent's or a call's span."""
        return [] if self.span is None else [(event.name, event.attributes or {}) for event in self.span.events]

    def may_be_below_agent(self) -> bool:
        """Tell whether a span above it is an agent's, or can turn out to be one when it ends."""
        scope = "" if self.span is None else scope_of(self.span)
        above = self.parent
        while above is not None:
            is_open = above.facts is None and above.span is not None
            if above.kind is SpanKind.AGENT or (is_open and above.span is not None and scope_of(above.span) == scope):
                return True
            above = above.parent
        return False


def scope_of(span: ReadableSpan) -> str:
    """Return the name of the scope of whoever made a span."""
    return span.instrumentation_scope.name if span.instrumentation_scope is not None else ""


class Rank(enum.IntEnum):
    """Who tells what a call has cost."""

    SUM = 0
    """An agent, which sums up."""
    CLIENT = 1
    """A client of models, which may tell again what a framework tells."""
    CALL = 2
    """A framework; or a client where no framework can tell the same call."""


@attrs.frozen
class ModelCall:
    """A model call that counts.

    Args:
        node: Its span.
        facts: What that tells.
        rank: Who tells it. What a run's calls of a lower rank tell may be told by those of a higher one.
    """

    node: Node
    facts: SpanFacts
    rank: Rank


def calls_of(tops: Iterable[Node]) -> list[ModelCall]:
    """Return the calls of trees: on each path down the outermost span of a call that has counts.

    A client's span right below a tool, whose own call it is, ranks as a framework's, and so does one below a
    framework's span of a call that has no counts.

    Returns:
        The calls; where no span of a call has counts, the outermost spans that have some.
    """
    tops = list(tops)
    found = [call for top in tops for call in _calls_below(top, above=top.nearest_above)]
    return found or [call for top in tops for call in _sums_below(top)]


def _calls_below(node: Node, above: Node | None) -> Iterator[ModelCall]:
    facts = node.facts
    if facts is not None and node.is_told_call:
        yield ModelCall(node, facts, Rank.CLIENT if facts.is_sdk and not _is_told_alone(above) else Rank.CALL)
        return
    nearest = node if node.kind is not SpanKind.OTHER else above
    for child in node.children:
        yield from _calls_below(child, nearest)


def _is_told_alone(above: Node | None) -> bool:
    """Tell whether no framework tells a client's call: a tool makes it, or the framework's own span has no counts."""
    if above is None or above.facts is None:
        return False
    return above.kind is SpanKind.TOOL or (above.kind is SpanKind.CALL and not above.facts.is_sdk)


def _sums_below(node: Node) -> Iterator[ModelCall]:
    if node.facts is not None and node.facts.counts and node.kind is not SpanKind.TOOL:
        yield ModelCall(node, node.facts, Rank.SUM)
        return
    for child in node.children:
        yield from _sums_below(child)


def below(tops: Iterable[Node]) -> Iterator[Node]:
    """Yield all spans of trees, each before those below it."""
    waiting = list(tops)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def tools_of(tops: Iterable[Node]) -> list[str]:
    """Return the names of the tools that were called, each once, in the order of their first call."""
    names = [node.facts.tool for node in below(tops) if node.facts is not None and node.kind is SpanKind.TOOL]
    return list(dict.fromkeys(name for name in names if name))


def outermost_agents(top: Node) -> Iterator[Node]:
    """Yield the spans of agents of a tree that are below no other one."""
    if top.kind is SpanKind.AGENT:
        yield top
        return
    for child in top.children:
        yield from outermost_agents(child)
