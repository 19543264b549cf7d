"""Recordings of spans: what an emitter made, in the order of starts and ends, without a tracer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan, Span

MAX_TEXT = 6_000


class SpanRecording(SpanProcessor):
    """Keeps the spans that start while it is on."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._steps = 0
        self._starts: dict[int, tuple[int, list[str]]] = {}
        self.spans: list[dict[str, Any]] = []

    def on_start(self, span: Span, parent_context: object = None) -> None:
        self._steps += 1
        self._starts[span.get_span_context().span_id] = self._steps, sorted(span.attributes or {})

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context.span_id not in self._starts:
            return
        start, known = self._starts.pop(context.span_id)
        self._steps += 1
        self.spans.append(
            {
                "name": span.name,
                "scope": span.instrumentation_scope.name,
                "version": span.instrumentation_scope.version,
                "start": start,
                "end": self._steps,
                "known_at_start": known,
                "trace": f"{context.trace_id:x}",
                "id": f"{context.span_id:x}",
                "parent": span.parent and f"{span.parent.span_id:x}",
                "is_ok": span.status.is_ok,
                "attributes": {name: _stored(value) for name, value in span.attributes.items()},
                "events": [
                    [event.name, {name: _stored(value) for name, value in event.attributes.items()}]
                    for event in span.events
                ],
            }
        )

    def write(self, folder: Path, name: str, told: dict[str, Any]) -> None:
        """Write what was recorded, with what is right for it."""
        text = json.dumps({"told": told, "spans": self.spans}, indent=1, ensure_ascii=False, default=str)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _stored(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_stored(one) for one in value]
    return value[:MAX_TEXT] if isinstance(value, str) else value
