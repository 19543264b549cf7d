"""Client spans of the calls to the platform, with the stable names of OpenTelemetry's HTTP conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from xpander_facade._client.hooks import attempt_observers
from xpander_facade._transport.response import Failure
from xpander_facade._version import __version__
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, Tracer, TracerProvider

    from xpander_facade._transport.request import Attempt
    from xpander_facade._transport.response import Response

_INTEGRATION = "integrations.opentelemetry"
_SCOPE = "xpander_facade"


def instrument(*, tracer_provider: TracerProvider | None = None) -> None:
    """Make a client span of each HTTP request to the platform, and send `traceparent` with it.

    Spans are named for the method, and have the stable attributes of the conventions for HTTP; a retry is a span of its
    own. No span holds a query, a body or a key.

    Args:
        tracer_provider: Where the spans go; by default the global provider, whichever is set when a request is sent.

    Raises:
        IntegrationError: opentelemetry-api is missing or too old, or this was called before.
    """
    trace = require("opentelemetry.trace", distribution="opentelemetry-api", oldest="1.20", integration=_INTEGRATION)
    require("opentelemetry.propagate", distribution="opentelemetry-api", oldest="1.20", integration=_INTEGRATION)
    if any(isinstance(observer, _ClientSpans) for observer in attempt_observers):
        raise IntegrationError(f"{_INTEGRATION} is instrumented already: call uninstrument() before another time")
    attempt_observers.append(_ClientSpans(trace.get_tracer(_SCOPE, __version__, tracer_provider)))


def uninstrument() -> None:
    """Make no more spans of requests. Where none are made, nothing happens."""
    attempt_observers[:] = [one for one in attempt_observers if not isinstance(one, _ClientSpans)]


class _ClientSpans:
    """Observes attempts.

    Args:
        tracer: Makes the spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, attempt: Attempt) -> tuple[Mapping[str, str], Callable[[Response | Failure | None], None]]:
        from opentelemetry import propagate, trace

        url = urlsplit(attempt.url)
        told: dict[str, Any] = {
            "http.request.method": attempt.method,
            "server.address": url.hostname or "",
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            # Without query, user and password: a trace is for more eyes than a call is.
            "url.full": f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
        }
        if attempt.operation:
            told["xpander.operation"] = attempt.operation
        # The conventions name a span by its method alone where no template of the path is told.
        span = self._tracer.start_span(attempt.method, kind=trace.SpanKind.CLIENT, attributes=told)
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        return headers, lambda outcome: _end(span, outcome)


def _end(span: Span, outcome: Response | Failure | None) -> None:
    from opentelemetry.trace import Status, StatusCode

    if outcome is None:
        span.set_attribute("error.type", "interrupted")
        span.set_status(Status(StatusCode.ERROR))
    elif isinstance(outcome, Failure):
        span.set_attribute("error.type", outcome.kind)
        span.set_status(Status(StatusCode.ERROR))
    else:
        span.set_attribute("http.response.status_code", outcome.status_code)
        if outcome.status_code >= 400:
            span.set_attribute("error.type", str(outcome.status_code))
            span.set_status(Status(StatusCode.ERROR))
    span.end()
