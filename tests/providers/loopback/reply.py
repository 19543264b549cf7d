"""What the stub sends back: a JSON document, server-sent events or lines of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """An HTTP response; a stream is sent piece by piece."""

    pieces: list[bytes]
    content_type: str = "application/json"
    status: int = 200
    is_stream: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
        """Return one JSON document."""
        return cls([json.dumps(value).encode()], status=status, headers=headers or {})

    @classmethod
    def events(cls, events: list[dict[str, Any]], *, named: bool = False, done: bool = False) -> Reply:
        """Return server-sent events, named for their type where `named`, and closed by OpenAI's [DONE] where `done`."""
        pieces = [
            (f"event: {event['type']}\n" if named else "").encode() + b"data: " + json.dumps(event).encode() + b"\n\n"
            for event in events
        ]
        if done:
            pieces.append(b"data: [DONE]\n\n")
        return cls(pieces, content_type="text/event-stream", is_stream=True)

    @classmethod
    def lines(cls, values: list[dict[str, Any]]) -> Reply:
        """Return one JSON document a line, as Ollama streams."""
        pieces = [json.dumps(value).encode() + b"\n" for value in values]
        return cls(pieces, content_type="application/x-ndjson", is_stream=True)
