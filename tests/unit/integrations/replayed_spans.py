"""Recordings of real spans, given to a processor again in the order of their starts and ends.

`tests/tracing` makes them, with RECORD_SPANS=<folder>, from the emitters themselves.
"""

import json
from pathlib import Path

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

FOLDER = Path(__file__).parent / "spans"
SAMPLES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def context_of(trace, id):
    return SpanContext(int(trace, 16), int(id, 16), is_remote=False, trace_flags=TraceFlags(1))


def span_of(recorded, *, is_over):
    """Return a span as a processor sees it: when it starts, nothing is told that may come later."""
    attributes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in recorded["attributes"].items()
        if is_over or name in recorded.get("known_at_start", ())
    }
    parent = recorded["parent"]
    return ReadableSpan(
        name=recorded["name"],
        context=context_of(recorded["trace"], recorded["id"]),
        parent=None if parent is None else context_of(recorded["trace"], parent),
        attributes=attributes,
        events=[Event(name, told) for name, told in recorded["events"]] if is_over else [],
        instrumentation_scope=InstrumentationScope(recorded["scope"], recorded["version"]),
        status=Status(StatusCode.UNSET if recorded["is_ok"] else StatusCode.ERROR),
        start_time=1_000_000_000 * recorded["start"],
        end_time=1_000_000_000 * recorded["end"] if is_over else None,
    )


def replay(processor, spans):
    """Give spans to a processor."""
    steps = [(span["start"], False, span) for span in spans] + [(span["end"], True, span) for span in spans]
    for _, is_over, recorded in sorted(steps, key=lambda step: step[0]):
        if is_over:
            processor.on_end(span_of(recorded, is_over=True))
        else:
            processor.on_start(span_of(recorded, is_over=False))
