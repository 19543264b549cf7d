"""Calls through an httpx client of the user: mocks answer them, instrumentation sees them, factories make them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
from calling import KEY, Caller, configured, run_python
from misbehaving import BROKEN, answer, drip, event, hang, head, stream, task_answer
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    Backend,
    Configuration,
    ConfigurationError,
    NotFoundError,
    Task,
    Tasks,
)
from xpander_facade.tasks._attachments import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    Start = Callable[..., Misbehaving]

EXECUTING = {**ANSWERED_TASK, "status": "executing"}


class Counted:
    """Makes clients, and remembers them."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.made: list[Any] = []

    def __call__(self) -> Any:
        self.made.append(self.make())
        return self.made[-1]


def with_clients(server: Any = None, **given: Any) -> Configuration:
    """Return a configuration with factories of both kinds of clients."""
    clients = {"http_client": httpx.Client, "async_http_client": httpx.AsyncClient}
    if server is None:
        given = {"base_url": "https://platform.test", "api_key": KEY, "organization_id": "o", "max_retries": 0, **given}
        return Configuration(**{**clients, **given})
    return configured(server, **{**clients, **given})


@pytest.mark.off_contract("a gateway's header")
def test_a_call_goes_through_the_client(call: Caller, misbehave: Start):
    server = misbehave(otherwise=task_answer())
    made = {
        "http_client": Counted(lambda: httpx.Client(headers={"x-gateway": "g-1"})),
        "async_http_client": Counted(lambda: httpx.AsyncClient(headers={"x-gateway": "g-1"})),
    }
    task = call(Tasks(with_clients(server, **made)), "get", "task_1")
    assert task.id == "task_1"
    (request,) = server.requests
    assert request.headers["x-gateway"] == "g-1"
    assert request.headers["x-api-key"] == "key-1"
    assert request.headers["user-agent"].startswith("xpander-facade/")
    assert request.headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.off_contract("a gateway's header")
def test_events_go_through_the_client(call: Caller, misbehave: Start):
    def serve(connection: Any, request: Any) -> bool:
        if request.is_stream:
            return stream(event("chunk", "hello"), event("task_finished", ANSWERED_TASK))(connection, request)
        return task_answer(status="executing")(connection, request)

    server = misbehave(otherwise=serve)
    clients = {
        "http_client": httpx.Client(headers={"x-gateway": "g"}),
        "async_http_client": lambda: httpx.AsyncClient(headers={"x-gateway": "g"}),
    }
    task = Task.from_dict(EXECUTING, with_clients(server, **clients))
    assert [event.type.value for event in call.events(task)] == ["chunk", "task_finished"]
    assert [request.headers.get("x-gateway") for request in server.requests if request.is_stream] == ["g"]


def test_files_go_through_the_client(call: Caller, misbehave: Start):
    server = misbehave(otherwise=answer(body="content", headers={"Content-Type": "text/plain"}))
    configuration = with_clients(server, allow_private_file_hosts=True)
    fields = {**EXECUTING, "input": {"files": [f"{server.url}/a.txt"]}}
    (entry,) = call(Task.from_dict(fields, configuration), "get_human_readable_files")
    assert entry["content"] == "content"
    assert "x-api-key" not in server.requests[0].headers


def test_files_of_private_hosts_are_not_read_through_a_client_either(call: Caller, misbehave: Start, monkeypatch: Any):
    import socket

    server = misbehave(otherwise=answer(body="secret", headers={"Content-Type": "text/plain"}))
    real, lookups = socket.getaddrinfo, []

    def rebinding(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "rebinding.test":
            lookups.append(name)
            public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", server.port))
            return [public] if len(lookups) == 1 else real("127.0.0.1", *args, **kwargs)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    configuration = with_clients(api_key=KEY)
    files = [f"{server.url}/a.txt", f"http://rebinding.test:{server.port}/b.txt"]
    task = Task.from_dict({**EXECUTING, "input": {"files": files}}, configuration)
    entries = call(task, "get_human_readable_files")
    assert [entry["content"] for entry in entries] == [UNREADABLE] * 2
    assert [request.target for request in server.requests] in ([], ["/b.txt"])


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_answer_is_a_connection_error_as_ever(call: Caller, misbehave: Start, what: str):
    server = misbehave(otherwise=BROKEN[what])
    with pytest.raises(APIConnectionError):
        call(Tasks(with_clients(server)), "get", "task_1")


def test_what_can_be_repeated_is_repeated(call: Caller, misbehave: Start):
    server = misbehave(answer(503), BROKEN["reset"], otherwise=task_answer())
    assert call(Tasks(with_clients(server, max_retries=2)), "get", "task_1").id == "task_1"
    assert len(server.requests) == 3


def test_limits_hold(call: Caller, misbehave: Start):
    server = misbehave(hang, drip(head(200, {"Content-Length": "1000"}), b" "), answer(body="x" * 5_000))
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        call(Tasks(with_clients(server, timeout=0.3)), "get", "task_1")
    with pytest.raises(APITimeoutError):
        call(Tasks(with_clients(server, timeout=1, deadline=0.5)), "get", "task_1")
    with pytest.raises(APIResponseParseError, match="max_response_bytes"):
        call(Tasks(with_clients(server, max_response_bytes=1_000)), "get", "task_1")
    assert time.monotonic() - began < 5


def test_nobody_at_the_port_is_a_connection_error(call: Caller):
    with pytest.raises(APIConnectionError, match="could not connect"):
        call(Tasks(with_clients(base_url="http://127.0.0.1:9")), "get", "task_1")


# --- mocks ---


def test_a_mock_transport_answers(call: Caller):
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/a.txt"):
            return httpx.Response(200, text="content", headers={"content-type": "text/plain"})
        if request.headers["accept"] == "text/event-stream":
            body = event("task_finished", ANSWERED_TASK)
            return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, json=ANSWERED_TASK)

    transport = httpx.MockTransport(handle)
    configuration = with_clients(
        http_client=httpx.Client(transport=transport),
        async_http_client=lambda: httpx.AsyncClient(transport=httpx.MockTransport(handle)),
    )
    task = call(Tasks(configuration), "get", "task_1")
    assert task.id == "task_1"
    executing = Task.from_dict({**EXECUTING, "input": {"files": ["https://files.test/a.txt"]}}, configuration)
    assert [event.type.value for event in call.events(executing)] == ["task_finished"]
    assert call(executing, "get_human_readable_files")[0]["content"] == "content"


def test_routes_of_respx_answer(call: Caller):
    with respx.mock(base_url="https://platform.test") as router:
        found = router.get(path__regex="/agent-execution/.*").respond(json=ANSWERED_TASK)
        missing = router.delete(path__regex=".*").respond(404, json={"detail": "none"})
        tasks = Tasks(with_clients())
        assert call(tasks, "get", "task_1").id == "task_1"
        with pytest.raises(NotFoundError):
            call(tasks, "stop", "task_1")
        assert (found.call_count, missing.call_count) == (1, 1)
        assert found.calls.last.request.headers["x-api-key"] == KEY


def test_without_a_client_respx_is_told_what_to_do(call: Caller):
    with respx.mock(base_url="https://platform.test", using="httpcore", assert_all_called=False) as router:
        router.get(path__regex=".*").respond(json=ANSWERED_TASK)
        with pytest.raises(APIConnectionError, match="http_client"):
            call(Tasks(Configuration(base_url="https://platform.test", api_key=KEY)), "get", "task_1")


def test_responses_of_pytest_httpx_answer(call: Caller, httpx_mock: Any):
    httpx_mock.add_response(json=ANSWERED_TASK)
    assert call(Tasks(with_clients()), "get", "task_1").id == "task_1"
    (request,) = httpx_mock.get_requests()
    assert request.headers["x-api-key"] == KEY


# --- instrumentation ---


# Both patch httpx for the rest of the process, so each has one of its own.
INSTRUMENTED = """
    import asyncio, sys
    import httpx
    from xpander_facade import Configuration, Tasks

    tasks = Tasks(Configuration(
        api_key="key-1", base_url=sys.argv[1], http_client=httpx.Client, async_http_client=httpx.AsyncClient
    ))

    def call():
        tasks.get("task_1") if sys.argv[2] == "sync" else asyncio.run(tasks.aget("task_1"))
"""
OPENTELEMETRY = """
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    call()
    print([span.name for span in exporter.get_finished_spans()])
"""
SENTRY = """
    import sentry_sdk
    from sentry_sdk.integrations.httpx import HttpxIntegration
    from sentry_sdk.transport import Transport

    envelopes = []

    class Kept(Transport):
        def capture_envelope(self, envelope):
            envelopes.append(envelope)

    sentry_sdk.init(
        dsn="https://key@sentry.test/1", transport=Kept, traces_sample_rate=1.0,
        default_integrations=False, integrations=[HttpxIntegration()],
    )
    with sentry_sdk.start_transaction(name="job"):
        call()
    sentry_sdk.flush()
    payloads = [item.payload.json or {} for envelope in envelopes for item in envelope.items]
    print([span["op"] for payload in payloads for span in payload.get("spans", [])])
"""


@pytest.mark.parametrize(
    ("program", "printed", "header"),
    [(OPENTELEMETRY, "['GET']\n", "traceparent"), (SENTRY, "['http.client']\n", "sentry-trace")],
    ids=["opentelemetry", "sentry"],
)
def test_instrumentation_makes_one_span_a_call(call: Caller, misbehave: Start, program: str, printed: str, header: str):
    server = misbehave(otherwise=task_answer())
    assert run_python(INSTRUMENTED + program, server.url, call.way, flags=()) == printed
    assert [header in request.headers for request in server.requests] == [True]


# --- whose client it is ---


def test_a_factory_is_called_once_for_each_process_and_once_for_each_loop(misbehave: Start):
    server = misbehave(otherwise=task_answer())
    sync, loops = Counted(httpx.Client), Counted(httpx.AsyncClient)
    tasks = Tasks(with_clients(server, http_client=sync, async_http_client=loops))
    for _ in range(3):
        tasks.get("task_1")

    async def main() -> None:
        for _ in range(3):
            await tasks.aget("task_1")

    for _ in range(2):
        asyncio.run(main())
    assert (len(sync.made), len(loops.made)) == (1, 2)
    assert all(client.is_closed for client in loops.made)
    assert not sync.made[0].is_closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_makes_a_client_of_its_own(misbehave: Start):
    server = misbehave(otherwise=task_answer())
    made = Counted(httpx.Client)
    tasks = Tasks(with_clients(server, http_client=made))
    tasks.get("task_1")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            tasks.get("task_1")
            status = 0 if len(made.made) == 2 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    tasks.get("task_1")
    assert len(made.made) == 1


def test_a_client_of_the_user_stays_open(misbehave: Start):
    server = misbehave(otherwise=task_answer())
    with httpx.Client() as client:
        with Tasks(with_clients(server, http_client=client)) as tasks:
            tasks.get("task_1")
        assert not client.is_closed
    with pytest.raises(ConfigurationError, match="http_client is closed"):
        tasks.get("task_1")


def test_a_factory_that_gives_something_else_is_a_configuration_error(call: Caller):
    wrong = {"http_client": httpx.AsyncClient, "async_http_client": httpx.Client}
    configuration = with_clients(**{name: lambda make=make: make() for name, make in wrong.items()})
    with pytest.raises(ConfigurationError, match="must give an httpx"):
        call(Tasks(configuration), "get", "task_1")


@pytest.mark.parametrize("value", ["client", 1, httpx.AsyncClient(), object(), asyncio.sleep])
def test_what_is_no_client_is_refused_when_it_is_given(value: Any):
    with pytest.raises(ConfigurationError, match="http_client must be"):
        Configuration(http_client=value)


def test_a_body_of_json_is_what_was_sent_without_a_client(call: Caller, misbehave: Start):
    server = misbehave(otherwise=task_answer())
    for configuration in (configured(server, agent_id="a"), with_clients(server, agent_id="a")):
        call(Backend(configuration), "report_external_task", id="run-1", result="ü")
    first, second = server.requests
    assert json.loads(first.body) == json.loads(second.body)
    assert first.headers["content-type"] == second.headers["content-type"]
