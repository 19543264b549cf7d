"""Report of an agent's run that nothing has recorded but its spans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xpander_facade._process.threads import DetachedCall
from xpander_facade.integrations.opentelemetry._attributes import SpanKind
from xpander_facade.integrations.opentelemetry._final_text import input_of
from xpander_facade.integrations.opentelemetry._run_spans import final_text, fragment_of
from xpander_facade.integrations.opentelemetry._span_tree import below, calls_of, tools_of
from xpander_facade.recorder._run_usage import RunUsage
from xpander_facade.usage._tokens import Tokens

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from xpander_facade.backend import Backend
    from xpander_facade.integrations.opentelemetry._span_tree import Node

_log = logging.getLogger("xpander_facade.integrations.opentelemetry")


def report_agent(
    backend: Backend, agent_id: str | None, agent: Node, *, has_content: bool
) -> DetachedCall[None] | None:
    """Report what the span of an agent and those below it tell, on a thread of its own.

    Where it was reported before, that report goes first, and this one replaces it.

    A chain without a call of a model is not an agent's run, and is not reported.

    Args:
        backend: Reports it.
        agent_id: The agent that the run counts for; None for the configuration's.
        agent: The agent's span, with those below it.
        has_content: Whether the input and the result are reported.
    """
    span = agent.span
    if span is None:
        return None
    calls = calls_of([agent])
    if not calls and not _is_agent(agent) and not any(node.kind is SpanKind.CALL for node in below([agent])):
        return None
    usage = RunUsage((object(),))
    change = usage.take_ranked([(fragment_of(call), int(call.rank), call.facts.scope) for call in calls])
    counts = change.counts
    # A status that is not set counts as well: emitters set one for errors alone.
    is_success = span.status.is_ok if span.status is not None else True
    said = _failure_of(span) if not is_success else final_text([agent]) if has_content else None
    report: dict[str, object] = {
        "agent_id": agent_id,
        "id": id_of(span),
        "input": input_of(agent.attributes) if has_content else None,
        "tokens": None if counts is None else Tokens(*counts.values()),
        "is_success": is_success,
        "result": said,
        "duration": max(0.0, ((span.end_time or 0) - (span.start_time or 0)) / 1e9),
        "used_tools": tools_of([agent]),
        "llm_response": {"_run": {"span": span.name, "model": None if change.told is None else change.told.model}},
    }
    call = DetachedCall(_send, backend, report, agent.report)
    call.start()
    return call


def id_of(span: ReadableSpan) -> str:
    """Return the id of the run of an agent's span: the ids of its trace and its span, in hexadecimal."""
    context = span.get_span_context()
    return "" if context is None else f"{context.trace_id:032x}-{context.span_id:016x}"


def _is_agent(agent: Node) -> bool:
    told = agent.attributes
    return told.get("gen_ai.operation.name") is not None or "AGENT" in str(told.get("openinference.span.kind"))


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
