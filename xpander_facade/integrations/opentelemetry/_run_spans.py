"""The spans of one recorded run, and what they add to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from xpander_facade.integrations.opentelemetry._attributes import SpanKind, may_hold_earlier_runs, parsed
from xpander_facade.integrations.opentelemetry._final_text import text_of_agent, text_of_call
from xpander_facade.integrations.opentelemetry._span_tree import (
    ModelCall,
    Node,
    Rank,
    below,
    calls_of,
    tools_of,
)
from xpander_facade.usage._crewai import EARLIER
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._reading import collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from xpander_facade.recorder._external_task import ExternalTask

_MAX_TOPS = 10_000


class RunSpans:
    """The spans that began in a run. They are taken tree by tree, and what has not ended by then when the run ends.

    Args:
        run: The run.
        has_content: Whether the final text is taken, too.
    """

    __slots__ = ("_has_content", "_has_text", "_known", "_run", "_tops")

    def __init__(self, run: ExternalTask, *, has_content: bool) -> None:
        self._run: ExternalTask | None = run
        self._has_content = has_content
        self._has_text = False
        self._tops: list[Node] = []
        self._known: set[tuple[int, int]] = set()

    @classmethod
    def of(cls, run: ExternalTask, *, has_content: bool) -> RunSpans:
        """Return the spans of a run."""
        spans = run._collectors.get("spans")
        if isinstance(spans, cls):
            return spans
        # Several threads may come here at once with the first spans of a run.
        return cast("RunSpans", run._collectors.setdefault("spans", cls(run, has_content=has_content)))

    def start(self, key: tuple[int, int], node: Node) -> bool:
        """Note a span that has begun; False where another processor has told of it. After the run's end it is lost."""
        if self._run is None:
            return True
        if key in self._known:
            return False
        self._known.add(key)
        if node.is_top and not node.is_below_told_call and len(self._tops) < _MAX_TOPS:
            self._tops.append(node)
        return True

    def end(self, key: tuple[int, int], node: Node, span: ReadableSpan) -> None:
        """Note what a span tells that has ended, and take the tree whose uppermost span it is."""
        run = self._run
        if run is None:
            return
        # With the run's lock: whoever takes the spans above sees it open, or ended.
        with run._lock:
            self._known.discard(key)
            node.end(span)
            if node.is_top and not node.is_taken and not node.is_below_told_call:
                self._take([node])

    def finish(self) -> None:
        """Take what was not taken yet: the run ends."""
        self._take([top for top in self._tops if not top.is_taken])
        self._tops.clear()
        self._known.clear()
        self._run = None  # spans that nobody ends must not keep it

    @property
    def is_empty(self) -> bool:
        """Whether no span has begun in the run."""
        return not self._tops

    def _take(self, tops: Sequence[Node]) -> None:
        run, calls = self._run, calls_of(tops)
        if run is None:
            return
        told = [(fragment_of(call), int(call.rank), call.facts.scope) for call in calls]
        # A call that ends after its agent, as a stream's does, says no more than that has said.
        is_late = self._has_text and all(top.parent is not None for top in tops)
        summary = summary_of(tops, has_content=self._has_content and not is_late)
        self._has_text = self._has_text or (summary is not None and bool(summary.texts))
        run._take_spans(told, summary)
        for top in tops:
            self._tops += top.take()


def fragment_of(call: ModelCall) -> UsageFragment:
    """Return what a model call tells, with the ids under which it may be told again."""
    facts = call.facts
    fragment = UsageFragment(facts.counts.copy(), model=facts.model, provider=facts.provider, key=facts.response_id)
    if call.rank is Rank.SUM:
        fragment.scope, fragment.key = Scope.RUN, None
        fragment.earlier = EARLIER if may_hold_earlier_runs(call.node.attributes) else None
    elif facts.response_id is None:
        # OpenInference tells no id, but the whole response, which has one.
        told = parsed(call.node.attributes.get("output.value"))
        same = [] if told is None else collect(told)
        if len(same) == 1:
            fragment.key, fragment.aliases = same[0].key, same[0].aliases
    return fragment


def summary_of(tops: Sequence[Node], *, has_content: bool) -> UsageFragment | None:
    """Return the tools and the final text that spans tell; None where they tell none."""
    tools = tools_of(tops)
    said = final_text(tops) if has_content else None
    if not tools and said is None:
        return None
    return UsageFragment(tools=tools, texts=[said] if said else [], is_final=True)


def final_text(tops: Sequence[Node]) -> str | None:
    """Return what came of it: as the outermost agent tells, else an agent below, else the last call of a model."""
    # What a span that is open has as its output may be that of the one before, or nothing yet.
    ended = [node for node in below(tops) if node.facts is not None and node.span is not None]
    agents = [node for node in ended if node.kind is SpanKind.AGENT]
    tops_first = [node for node in tops if node in agents]
    for node in tops_first or agents[:1]:
        if said := text_of_agent(node.attributes, node.events):
            return said
    for node in reversed([node for node in ended if node.kind is SpanKind.CALL]):
        if said := text_of_call(node.attributes, node.events):
            return said
    for node in agents:
        if said := text_of_agent(node.attributes, node.events):
            return said
    return None
