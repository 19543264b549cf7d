"""Report of an agent's run that nothing has recorded but its spans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xpander_facade._process.threads import DetachedCall
from xpander_facade.integrations.opentelemetry._attributes import AGENTS, SpanKind
from xpander_facade.integrations.opentelemetry._final_text import input_of
from xpander_facade.integrations.opentelemetry._run_spans import final_text, fragment_of
from xpander_facade.integrations.opentelemetry._span_tree import below, calls_of, tools_of
from xpander_facade.recorder._run_usage import RunUsage
from xpander_facade.usage._tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from xpander_facade.backend import Backend
    from xpander_facade.integrations.opentelemetry._span_tree import Node

_log = logging.getLogger("xpander_facade.integrations.opentelemetry")


def report_agent(backend: Backend, agent_id: str | None, agent: Node, *, has_content: bool) -> AgentReport | None:
    """Report what the span of an agent and those below it tell, on a thread of its own.

    A chain without a call of a model is not an agent's run, and is not reported.

    Args:
        backend: Reports it.
        agent_id: The agent that the run counts for; None for the configuration's.
        agent: The agent's span, with those below it.
        has_content: Whether the input and the result are reported.

    Returns:
        The report, which takes what is told later.
    """
    if agent.span is None:
        return None
    report = AgentReport(backend, agent_id, agent, agent.span, has_content=has_content)
    report.add([agent])
    return report


class AgentReport:
    """The report of an agent's run, which is sent again where its spans tell more after the agent's own has ended.

    Args:
        backend: Reports it.
        agent_id: The agent that the run counts for; None for the configuration's.
        agent: The agent's span, with those below it.
        span: The same.
        has_content: Whether the input and the result are reported.
    """

    def __init__(
        self, backend: Backend, agent_id: str | None, agent: Node, span: ReadableSpan, *, has_content: bool
    ) -> None:
        # A status that is not set counts as well: emitters set one for errors alone.
        is_success = span.status.is_ok if span.status is not None else True
        self._backend = backend
        self._has_content = has_content
        self._usage = RunUsage((object(),))
        self._is_of_agent = _is_agent(agent)
        self._last: DetachedCall[None] | None = None
        self._told: dict[str, object] = {
            "agent_id": agent_id,
            "id": id_of(span),
            "input": input_of(agent.attributes) if has_content else None,
            "is_success": is_success,
            "duration": max(0.0, ((span.end_time or 0) - (span.start_time or 0)) / 1e9),
        }
        self._name = span.name
        self._model: str | None = None
        self._counts: dict[str, int] | None = None
        self._tools: list[str] = []
        self._result = None if is_success else _failure_of(span)

    def add(self, tops: Sequence[Node]) -> None:
        """Take what spans tell, and report all that was told, after the report that was made before.

        Args:
            tops: The uppermost of the spans.
        """
        before = self._counts, self._result, len(self._tools)
        calls = calls_of(tops)
        change = self._usage.take_ranked([(fragment_of(call), int(call.rank), call.facts.scope) for call in calls])
        for warning in change.warnings:
            _log.warning("the run of agent span %s has what does not tell all: %s", self._told["id"], warning)
        if change.counts is not None:
            counts = self._counts or dict.fromkeys(change.counts, 0)
            self._counts = {name: number + change.counts[name] for name, number in counts.items()}
        self._tools += [name for name in tools_of(tops) if name not in self._tools]
        self._model = (None if change.told is None else change.told.model) or self._model
        if self._result is None and self._has_content:
            self._result = final_text(tops)
        self._is_of_agent = self._is_of_agent or bool(calls) or any(node.kind is SpanKind.CALL for node in below(tops))
        is_new = self._last is None or (self._counts, self._result, len(self._tools)) != before
        if self._is_of_agent and is_new:
            self._send()

    def _send(self) -> None:
        report = self._told | {
            "tokens": None if self._counts is None else Tokens(*self._counts.values()),
            "result": self._result,
            "used_tools": [*self._tools],
            "llm_response": {"_run": {"span": self._name, "model": self._model}},
        }
        self._last = DetachedCall(_send, self._backend, report, self._last)
        self._last.start()


def id_of(span: ReadableSpan) -> str:
    """Return the id of the run of an agent's span: the ids of its trace and its span, in hexadecimal."""
    context = span.get_span_context()
    return "" if context is None else f"{context.trace_id:032x}-{context.span_id:016x}"


def _is_agent(agent: Node) -> bool:
    told = agent.attributes
    return told.get("gen_ai.operation.name") in AGENTS or "AGENT" in str(told.get("openinference.span.kind"))


def _failure_of(span: ReadableSpan) -> str:
    for event in reversed(span.events):
        told = event.attributes or {}
        if event.name == "exception":
            return f"{told.get('exception.type', 'Exception')}: {told.get('exception.message', '')}"
    return (span.status.description if span.status is not None else None) or "the agent's span tells of a failure"


def _send(backend: Backend, report: dict[str, object], earlier: DetachedCall[None] | None) -> None:
    try:
        if earlier is not None:
            earlier.wait()
        if backend.configuration.outbox is not None:
            backend.enqueue_external_task(**report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        else:
            backend.report_external_task(**report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except Exception as failure:
        _log.warning("the run of agent span %s was not reported: %s", report["id"], failure)
