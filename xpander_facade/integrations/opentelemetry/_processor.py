"""Span processor: what an instrumented framework's spans tell of a run goes into the run's report."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import threading
from typing import TYPE_CHECKING

from xpander_facade import _validation
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._requirements import require
from xpander_facade.integrations.opentelemetry._attributes import SpanKind
from xpander_facade.integrations.opentelemetry._health import SpanHealth
from xpander_facade.integrations.opentelemetry._reports import report_agent
from xpander_facade.integrations.opentelemetry._run_spans import RunSpans
from xpander_facade.integrations.opentelemetry._span_tree import Node, outermost_agents
from xpander_facade.recorder._external_task import current_run

require(
    "opentelemetry.sdk.trace", distribution="opentelemetry-sdk", oldest="1.20", integration="integrations.opentelemetry"
)

from opentelemetry.sdk.trace import SpanProcessor  # noqa: E402 (it may be missing, which has an error of its own)

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from xpander_facade.backend import Backend

log = logging.getLogger("xpander_facade.integrations.opentelemetry")
# Spans that nobody ends must not fill the memory: beyond this the oldest are forgotten.
MAX_OPEN_SPANS = 100_000
# Emitters that make spans afterwards end a span before those below it begin: the last that have ended are known still.
MAX_ENDED_SPANS = 2_000
_Open = tuple[Node, "RunSpans | Tree"]


class Tree:
    """The spans below one that is in no recorded run: what the spans of agents in it tell becomes runs."""

    __slots__ = ("is_over", "lock", "top")

    def __init__(self, top: Node) -> None:
        self.top = top
        self.is_over = False
        self.lock = threading.RLock()


class RunSpanProcessor(SpanProcessor):
    """Adds the model calls that spans tell to the run that is current when they start.

    Inside of `with backend.external_task()` the tokens, tools, model and final text that spans tell go into that run,
    each call once, whatever else records it. Outside of any run the outermost span of an agent is a run of its own,
    reported when it ends, unless `agents=False`.

    Args:
        backend: Reports the runs of agents that are in no recorded run.
        agent_id: The agent that such runs count for; by default the configuration's.
        agents: Whether agents outside of a recorded run are reported.
        content: Whether texts are taken from spans: the input and the result.

    Raises:
        IntegrationError: opentelemetry-sdk is missing or too old.

    Example:
        >>> provider = TracerProvider()
        >>> provider.add_span_processor(RunSpanProcessor(backend))
        >>> trace.set_tracer_provider(provider)
        >>> with backend.external_task(input=question) as run:
        ...     agent.run(question)
    """

    def __init__(
        self, backend: Backend, *, agent_id: str | None = None, agents: bool = True, content: bool = True
    ) -> None:
        if not hasattr(backend, "report_external_task"):
            raise IntegrationError(f"RunSpanProcessor takes a Backend, not a {type(backend).__name__}")
        self._backend = backend
        self._agent_id = _validation.check_text("agent_id", agent_id)
        self._reports_agents = _validation.check_flag("agents", agents)
        self._has_content = _validation.check_flag("content", content)
        self._open: dict[tuple[int, int], _Open] = {}
        self._ended: dict[tuple[int, int], _Open] = {}
        # Each processor has trees of its own, so that several of them don't add to each other's.
        self._current = contextvars.ContextVar[tuple[Tree, Node] | None]("xpander_spans", default=None)
        self._process = os.getpid()
        self._health = SpanHealth(log)
        self._health.watch_runs()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note whose run the span is in. It never raises."""
        try:
            self._start(span)
        except Exception as error:
            self._health.warn_of_failure(error)

    def on_end(self, span: ReadableSpan) -> None:
        """Take what the span tells. It never raises and never waits: a report is made on a thread of its own."""
        try:
            self._end(span)
        except Exception as error:
            self._health.warn_of_failure(error)

    def shutdown(self) -> None:
        """Forget the spans that have not ended, and watch no further runs."""
        self._open.clear()
        self._ended.clear()
        self._health.unwatch_runs()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait for the reports that are being made, and for the outbox; True where nothing is left."""
        from xpander_facade._process.threads import join

        has_ended = join(timeout_millis / 1_000)
        if not has_ended or self._backend.configuration.outbox is None:
            return has_ended
        return not self._backend.flush(timeout_millis / 1_000).waiting

    def _start(self, span: Span) -> None:
        if self._process != os.getpid():  # the spans of a parent process end there
            self._process = os.getpid()
            self._open.clear()
            self._ended.clear()
        self._health.has_seen_spans = True
        context, parent = span.get_span_context(), span.parent
        if context is None:
            return
        key = context.trace_id, context.span_id
        above: _Open | None = None
        if parent is not None:
            known = parent.trace_id, parent.span_id
            above = self._open.get(known) or self._ended.get(known)
        run = current_run()
        owner: RunSpans | Tree
        if run is not None:
            owner = RunSpans.of(run, has_content=self._has_content)
            node = Node(above[0] if above is not None and above[1] is owner else None, span)
            if not owner.start(key, node):
                return
        elif above is not None:
            node, owner = Node(above[0], span), above[1]
            if isinstance(owner, RunSpans) and not owner.start(key, node):
                return
        elif self._reports_agents:
            node, owner = self._without_parent(span)
        else:
            return
        if node.parent is not None and not node.is_top:
            node.parent.add(node)
        _remember(self._open, key, (node, owner), MAX_OPEN_SPANS)
        if isinstance(owner, Tree) and node.kind is SpanKind.AGENT:
            # Not taken back: an emitter may end a span in another context, and a tree that is over is not used.
            self._current.set((owner, node))

    def _end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None:
            return
        key = context.trace_id, context.span_id
        opened = self._open.pop(key, None)
        if opened is None:
            return
        node, owner = opened
        if isinstance(owner, RunSpans):
            owner.end(key, node, span)
            self._health.check(span, node)
        else:
            with owner.lock:
                node.end(span)
                self._health.check(span, node)
                if node is owner.top:
                    owner.is_over = True
                self._end_outside(node)
        _remember(self._ended, key, opened, MAX_ENDED_SPANS)

    def _end_outside(self, node: Node) -> None:
        """Report the agents whose runs have ended with a span, or what it tells of one that was reported before."""
        if node.is_top and (report := node.reported_above) is not None:
            if not node.is_below_told_call:
                report.add([node])
            node.take()
            return
        for agent in outermost_agents(node):
            if not agent.is_taken and not agent.may_be_below_agent():
                agent.report = report_agent(self._backend, self._agent_id, agent, has_content=self._has_content)
                agent.take()

    def _without_parent(self, span: Span) -> tuple[Node, Tree]:
        # Some emitters give the spans of calls no parent: they belong to the agent that runs in this context.
        current = self._current.get()
        if current is not None and not current[0].is_over and current[1].facts is None:
            return Node(current[1], span), current[0]
        node = Node(None, span)
        return node, Tree(node)


def _remember(spans: dict[tuple[int, int], _Open], key: tuple[int, int], span: _Open, most: int) -> None:
    """Remember a span, and forget the oldest where there are too many."""
    spans[key] = span
    if len(spans) > most:
        with contextlib.suppress(RuntimeError):  # another thread has changed it between, and will look again
            spans.pop(next(iter(spans), key), None)
