"""Client spans of the calls to the platform."""

import asyncio
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from xpander_facade import Backend, Configuration, IntegrationError, NotFoundError, Tasks
from xpander_facade.emulator import Emulator
from xpander_facade.integrations import opentelemetry

pytestmark = pytest.mark.off_contract("traceparent")


@pytest.fixture(scope="module")
def platform():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def exporter():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opentelemetry.instrument(tracer_provider=provider)
    yield exporter
    opentelemetry.uninstrument()
    provider.shutdown()


@pytest.fixture
def backend(platform):
    return Backend(Configuration(api_key="secret-key", base_url=platform.url, agent_id="agent-1"))


def test_a_call_is_a_client_span_with_the_stable_names(backend, platform, exporter):
    backend.report_external_task(id="run-1", result="done")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("POST", SpanKind.CLIENT)
    told = dict(span.attributes)
    assert told["http.request.method"] == "POST"
    assert told["http.response.status_code"] == 200
    assert told["server.address"] == "127.0.0.1"
    assert f":{told['server.port']}" in platform.url
    assert told["url.full"].startswith(platform.url)
    assert "secret-key" not in str(told)
    sent = platform.requests()[-1].headers
    assert sent["traceparent"].split("-")[1] == f"{span.context.trace_id:032x}"


def test_an_async_call_is_one_too(platform, exporter):
    async def report():
        async with Backend(Configuration(api_key="k", base_url=platform.url, agent_id="agent-1")) as backend:
            await backend.areport_external_task(id="run-2", result="done")

    asyncio.run(report())
    assert [span.name for span in exporter.get_finished_spans()] == ["POST"]


def test_an_answer_that_says_no_is_an_error(backend, exporter):
    with pytest.raises(NotFoundError):
        Tasks(backend.configuration).get("no-such-task")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "404"


def test_no_answer_is_an_error_with_its_kind(exporter):
    backend = Backend(Configuration(api_key="k", base_url="http://127.0.0.1:9", agent_id="a", max_retries=1))
    with pytest.raises(Exception, match="127"):
        backend.report_external_task(result="x")
    spans = exporter.get_finished_spans()
    assert {span.attributes["error.type"] for span in spans} == {"connect"}
    assert len(spans) == 2  # each attempt is a span


def test_twice_is_an_error_that_names_the_remedy(exporter):
    with pytest.raises(IntegrationError, match="uninstrument"):
        opentelemetry.instrument()


def test_without_it_nothing_of_opentelemetry_is_imported():
    code = (
        "import sys; from xpander_facade import Backend, Configuration\n"
        "b = Backend(Configuration(disabled=True, agent_id='a'))\n"
        "with b.external_task(): pass\n"
        "import xpander_facade.integrations\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
