"""OpenTelemetry: runs out of the spans of others, and spans of this package's own calls.

`RunSpanProcessor` adds the model calls that an instrumented framework's spans tell to the run that is recorded;
`instrument` makes client spans of the calls to the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.integrations.opentelemetry._client_spans import instrument, uninstrument
    from xpander_facade.integrations.opentelemetry._processor import RunSpanProcessor

__all__ = [
    "RunSpanProcessor",
    "instrument",
    "uninstrument",
]

_HOMES = {
    "RunSpanProcessor": "_processor",
    "instrument": "_client_spans",
    "uninstrument": "_client_spans",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
