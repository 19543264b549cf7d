"""Warnings of what keeps spans from telling of runs, each once."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from xpander_facade.integrations.opentelemetry._attributes import SpanKind
from xpander_facade.recorder._run_data import run_observers

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from xpander_facade.integrations.opentelemetry._span_tree import Node
    from xpander_facade.recorder._run_data import RunFields


class SpanHealth:
    """What was warned of.

    Args:
        log: The logger.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._warned: set[str] = set()
        self.has_seen_spans = False
        """Whether the processor was told of a span."""
        # Weak: the list of observers must not keep a processor that nobody uses any more.
        self._observer = _observer_of(weakref.ref(self))

    def watch_runs(self) -> None:
        """Look at each run that ends, whether it had spans."""
        run_observers.append(self._observer)
        weakref.finalize(self, _remove, self._observer)

    def unwatch_runs(self) -> None:
        """Look at no further runs."""
        _remove(self._observer)

    def check(self, span: ReadableSpan, node: Node) -> None:
        """Warn where a call's counts may be among attributes that were cut."""
        if not span.dropped_attributes or node.facts is None or node.facts.counts:
            return
        if node.kind in {SpanKind.CALL, SpanKind.OTHER}:
            self.warn(
                "cut",
                f"span {span.name!r} has lost {span.dropped_attributes} attributes and tells no tokens: raise the "
                "limit of attributes by OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT (128 by default), or by SpanLimits",
            )

    def look_for_spans(self, run: RunFields) -> None:
        """Say why a run may have had no spans at all."""
        if "spans" in run._collectors or run._tokens is not None:
            return
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        provider = trace.get_tracer_provider()
        context = trace.get_current_span().get_span_context()
        sampler = provider.sampler.get_description() if isinstance(provider, TracerProvider) else None
        if context.is_valid and not context.trace_flags.sampled:
            self.warn(
                "trace",
                f"run {run._id} had no spans: it is in trace {context.trace_id:032x}, which is not sampled, by the "
                f"caller's choice or by this process's sampler. {_REMEDY_OF_SAMPLING}",
            )
        elif sampler is not None and _leaves_out(sampler):
            self.warn(
                "sampler",
                f"run {run._id} had no spans, and the sampler {sampler} leaves some out. {_REMEDY_OF_SAMPLING}",
            )
        elif self.has_seen_spans:
            return  # the run made none
        elif isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
            self.warn(
                "provider",
                f"run {run._id} had no spans, and no tracer provider is set, without which frameworks make none: call "
                "opentelemetry.trace.set_tracer_provider(provider) with the provider that has the RunSpanProcessor",
            )
        else:
            self.warn(
                "reach",
                f"run {run._id} had no spans, and none has reached the RunSpanProcessor yet: add it to the provider "
                f"that the framework or its instrumentor uses. The global one is a {type(provider).__qualname__} of "
                f"{type(provider).__module__}, and the first that is set stays",
            )

    def warn_of_failure(self, error: Exception) -> None:
        """Say that a span could not be read."""
        self.warn("failure", f"a span could not be read, and its run may lack it: {type(error).__name__}: {error}")

    def warn(self, what: str, text: str) -> None:
        """Log a warning of this kind once."""
        if what not in self._warned:
            self._warned.add(what)
            self._log.warning("%s", text)


_REMEDY_OF_SAMPLING = (
    "What is not sampled is in no run: give frameworks a provider of their own (tracer_provider=) that samples all"
)


def _leaves_out(sampler: str) -> bool:
    """Tell by the description of a sampler whether it leaves traces out that begin in this process."""
    # That of ParentBased names five samplers, four of which decide on spans that have a parent.
    root = sampler.removeprefix("ParentBased{root:").partition(",")[0]
    return "AlwaysOn" not in root and root not in {"TraceIdRatioBased{1}", "TraceIdRatioBased{1.0}"}


def _observer_of(health: weakref.ref[SpanHealth]) -> Callable[[RunFields], None]:
    def observe(run: RunFields) -> None:
        if (known := health()) is not None:
            known.look_for_spans(run)

    return observe


def _remove(observer: Callable[[RunFields], None]) -> None:
    if observer in run_observers:
        run_observers.remove(observer)
