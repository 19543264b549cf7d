"""The address that a client span tells: as it is dialled, without what is secret in it."""

import pytest
from opentelemetry.sdk.trace import TracerProvider

from xpander_facade._transport.request import Attempt
from xpander_facade.integrations.opentelemetry._client_spans import _ClientSpans


@pytest.mark.parametrize(
    ("url", "told", "address", "port"),
    [
        ("https://user:pass@[::1]:8443/v1/tasks?key=1", "https://[::1]:8443/v1/tasks", "::1", 8443),
        ("http://[fe80::2]/v1", "http://[fe80::2]/v1", "fe80::2", 80),
        ("https://key@api.example/v1?q=1", "https://api.example/v1", "api.example", 443),
    ],
)
def test_an_address_is_told_as_it_is_dialled(url, told, address, port):
    provider = TracerProvider()
    spans = []
    provider._active_span_processor.on_end = spans.append
    _, end = _ClientSpans(provider.get_tracer("x")).begin(Attempt("GET", url, {}, None, 1.0))
    end(None)
    provider.shutdown()
    (span,) = spans
    assert span.attributes["url.full"] == told
    assert (span.attributes["server.address"], span.attributes["server.port"]) == (address, port)
