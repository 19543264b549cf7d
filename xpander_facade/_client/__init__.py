"""One call to the platform: key, JSON, retries, errors, event streams, dry run, raw client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade._client.event_frames import Frame
    from xpander_facade._client.event_stream import astream, stream
    from xpander_facade._client.raw_client import raw_client
    from xpander_facade._client.request import Request
    from xpander_facade._client.sending import asend, send

__all__ = [
    "Frame",
    "Request",
    "asend",
    "astream",
    "raw_client",
    "send",
    "stream",
]

_HOMES = {
    "Frame": "event_frames",
    "Request": "request",
    "asend": "sending",
    "astream": "event_stream",
    "raw_client": "raw_client",
    "send": "sending",
    "stream": "event_stream",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
