"""What a user sees when a call fails: the right error, a sentence that helps, and never the key."""

from __future__ import annotations

import pickle
import re
import socket
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, configured
from misbehaving import (
    BROKEN,
    Misbehaving,
    answer,
    close,
    drip,
    echo_headers,
    endless,
    event,
    gzip_bomb,
    hang,
    head,
    only,
    short_body,
    stream,
    task_answer,
)
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    Agents,
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    Attachment,
    AuthenticationError,
    Backend,
    BadRequestError,
    ClientError,
    Configuration,
    ConfigurationError,
    ConflictError,
    ModuleException,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    ServerError,
    Task,
    Tasks,
    UnprocessableEntityError,
    XpanderError,
)
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGERS = ("httpx", "httpcore", "h11", "anyio", "xpander_api", "zlib", "json")


def failure(
    kind: type[XpanderError], call: Caller, configuration: Configuration, verb: str = "report_external_task"
) -> Any:
    """Make a call that fails, check what holds for every error, and return the error."""
    target, given = Tasks(configuration), {"task_id": "task_1"}
    if verb == "report_external_task":
        target, given = Backend(configuration), {"agent_id": "agent-123", "id": "run-1", "input": "secret input"}
    with pytest.raises(XpanderError) as caught:
        call(target, verb, **given)
    error = caught.value
    assert type(error) is kind
    check_error(error)
    if verb == "report_external_task":
        assert error.task_id == "run-1"
        assert error.report["input"] == "secret input"
        assert "secret input" not in str(error)
    return error


def check_error(error: XpanderError) -> None:
    """Check that the key is nowhere in an error, and no exception of another library behind it."""
    frozen = pickle.dumps(error)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts = {"str": str(error), "repr": repr(error), "traceback": "".join(told.format()), "pickle": repr(frozen)}
    texts["attributes"] = repr(vars(error))
    assert [name for name, text in texts.items() if KEY in text] == []
    thawed = pickle.loads(frozen)
    assert (type(thawed), str(thawed), thawed.report) == (type(error), str(error), error.report)
    behind: list[BaseException] = [error]
    for exception in behind:
        behind += [other for other in (exception.__cause__, exception.__context__) if other and other not in behind]
    modules = {type(exception).__module__.partition(".")[0] for exception in behind}
    assert not modules & set(STRANGERS)


def is_whole(error: ModuleException, server: Misbehaving | Emulator) -> bool:
    return (error.method, error.url) == ("POST", f"{server.url}/agent-execution/agent-123/report_task")


# --- nothing sent ---


def test_no_key_is_an_error_before_anything_is_sent(call: Caller, emulator: Emulator):
    error = failure(ConfigurationError, call, Configuration(base_url=emulator.url))
    assert isinstance(error, ValueError)
    assert "api_key=" in str(error)
    assert "XPANDER_API_KEY" in str(error)
    assert emulator.requests() == []


def test_no_agent_is_an_error_before_anything_is_sent(call: Caller, emulator: Emulator):
    for target, verb in (
        (Backend, "report_external_task"),
        (Backend, "invoke_agent"),
        (Tasks, "list"),
        (Agents, "get"),
    ):
        with pytest.raises(ConfigurationError, match=r"agent_id=.*XPANDER_AGENT_ID") as caught:
            call(target(configured(emulator, api_key=KEY)), verb)
        check_error(caught.value)
    assert emulator.requests() == []


def test_no_organisation_is_an_error_where_the_url_needs_it_and_only_there(call: Caller, emulator: Emulator):
    controller = configured(emulator, api_key=KEY, organization_id=None, base_url=f"{emulator.url}/agent-controller")
    error = failure(ConfigurationError, call, controller)
    assert "organization_id=" in str(error)
    assert "XPANDER_ORGANIZATION_ID" in str(error)
    assert emulator.requests() == []
    plain = configured(emulator, api_key=KEY, organization_id=None)
    assert call(Backend(plain), "report_external_task", agent_id="a", id="x").id == "x"
    task = call(Tasks(plain), "create", "a", prompt="go", events_streaming=True)
    with pytest.raises(ConfigurationError, match="organization_id="):
        call.events(task)
    assert emulator.requests("stream_task_events") == []


@pytest.mark.parametrize(
    "url", ["ftp://host", "https://user:pass@host", "http://[half", "https://host?x=1", "https://"]
)
def test_a_malformed_base_url_is_a_configuration_error(url: str):
    with pytest.raises(ConfigurationError, match="base_url"):
        Configuration(api_key=KEY, base_url=url)


# --- no answer ---


def test_a_dead_port_is_a_connection_error_that_names_base_url(call: Caller):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    dead = Configuration(api_key=KEY, base_url=f"http://127.0.0.1:{port}", max_retries=0)
    error = failure(APIConnectionError, call, dead)
    assert error.status_code is None
    assert (error.method, error.url) == ("POST", f"http://127.0.0.1:{port}/agent-execution/agent-123/report_task")
    assert "XPANDER_BASE_URL" in str(error)


def test_an_unknown_host_is_a_connection_error(call: Caller):
    unknown = Configuration(api_key=KEY, base_url="https://no-such-host.invalid", max_retries=0)
    failure(APIConnectionError, call, unknown)


def test_a_key_does_not_travel_in_the_clear_to_another_machine(call: Caller):
    clear = {"api_key": KEY, "base_url": "http://no-such-host.invalid", "max_retries": 0}
    error = failure(ConfigurationError, call, Configuration(**clear))
    assert "XPANDER_ALLOW_INSECURE_HTTP" in str(error)
    failure(APIConnectionError, call, Configuration(**clear, allow_insecure_http=True))


def test_a_hanging_server_is_a_timeout_that_names_the_argument(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=hang)
    began = time.monotonic()
    error = failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=0.5))
    assert time.monotonic() - began < 10
    assert isinstance(error, APIConnectionError)
    assert error.status_code is None
    assert "timeout=" in str(error)
    assert is_whole(error, server)


def test_a_server_that_stops_within_its_answer_is_a_timeout(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=only(head(200, {"Content-Length": "100"}) + b"{", then=hang))
    failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=0.5))
    server = misbehave(otherwise=only(b"HTTP/1.1 200 OK\r\n", then=hang))
    failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=0.5))


def test_a_body_that_drips_is_cut_at_the_deadline(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=drip(head(200, {"Content-Length": "100000"}), b" "))
    began = time.monotonic()
    failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=5, deadline=0.5))
    # It drips for half a minute.
    assert 0.4 < time.monotonic() - began < 10


def test_headers_that_drip_are_cut_at_the_deadline(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=drip(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"))
    began = time.monotonic()
    failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=1, deadline=0.5))
    # They drip for half a minute.
    assert 0.4 < time.monotonic() - began < 10


def test_no_read_overruns_the_deadline(call: Caller, misbehave: Callable[..., Misbehaving]):
    # A byte shortly before the end must not begin the wait anew.
    def script(connection: Any, request: Any) -> bool:
        connection.stop.wait(1.7)
        return only(head(200, {"Content-Length": "10"}) + b"{", then=hang)(connection, request)

    server = misbehave(otherwise=script)
    began = time.monotonic()
    failure(APITimeoutError, call, configured(server, api_key=KEY, timeout=20, deadline=2))
    assert time.monotonic() - began < 3.5


@pytest.mark.parametrize("fault", BROKEN)
def test_an_answer_that_breaks_off_is_a_connection_error(
    fault: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(otherwise=BROKEN[fault])
    error = failure(APIConnectionError, call, configured(server, api_key=KEY))
    assert error.status_code is None
    assert "broke" in str(error)
    assert is_whole(error, server)
    assert len(server.requests) == 1


# --- an answer that says no ---


def test_a_wrong_key_is_named_as_such(call: Caller):
    with Emulator(api_key="the right one", validate_answers=True) as emulator:
        error = failure(AuthenticationError, call, configured(emulator, api_key=KEY))
        assert emulator.violations == []
        assert emulator.requests()[0].request_id == error.request_id
    assert error.status_code == 401
    assert "XPANDER_API_KEY" in str(error)
    assert is_whole(error, emulator)
    assert "not valid" in error.details


CLASSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: ClientError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: ClientError,
    408: ClientError,
    409: ConflictError,
    413: PayloadTooLargeError,
    418: ClientError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    499: ClientError,
    **dict.fromkeys((500, 501, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 530, 599), ServerError),
}


@pytest.mark.parametrize("status", CLASSES)
def test_each_status_has_its_class(status: int, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(status, {"detail": "so it is"}, {"X-Request-Id": "req-9"}))
    error = failure(CLASSES[status], call, configured(server, api_key=KEY))
    assert (error.status_code, error.details, error.request_id) == (status, "so it is", "req-9")
    assert str(status) in str(error)
    assert "so it is" in str(error)
    assert "req-9" in str(error)
    assert is_whole(error, server)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "XPANDER_API_KEY"),
        (403, "permission"),
        (404, "organization_id"),
        (413, "llm_response"),
        (429, "slowly"),
        (502, "later"),
        (520, "later"),
    ],
)
def test_the_sentence_names_the_remedy(status: int, remedy: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(status, ""))
    assert remedy in str(failure(CLASSES[status], call, configured(server, api_key=KEY)))


@pytest.mark.parametrize("status", [502, 503, 504, 520, 526])
def test_a_page_of_a_gateway_does_not_hide_the_status(status: int, call: Caller, misbehave: Callable[..., Misbehaving]):
    page = "<html><head><title>Oops</title></head><body>cloud weather</body></html>"
    server = misbehave(otherwise=answer(status, page, {"Content-Type": "text/html", "CF-Ray": "ray-1"}))
    error = failure(ServerError, call, configured(server, api_key=KEY))
    assert (error.status_code, error.request_id) == (status, "ray-1")
    assert error.details == page
    assert "<html>" not in str(error)


def test_an_unknown_task_is_not_found(call: Caller, emulator: Emulator):
    error = failure(NotFoundError, call, configured(emulator, api_key=KEY), "get")
    assert error.status_code == 404
    assert "task_1" in error.details
    assert (error.method, error.task_id, error.report) == ("GET", None, None)


def test_a_422_lists_what_is_wrong(call: Caller, misbehave: Callable[..., Misbehaving]):
    detail = [
        {"loc": ["body", "tokens", "prompt_tokens"], "msg": "must be 0 or more", "type": "value_error"},
        {"loc": ["body", "id"], "msg": "too long", "type": "value_error"},
    ]
    server = misbehave(otherwise=answer(422, {"detail": detail}))
    error = failure(UnprocessableEntityError, call, configured(server, api_key=KEY))
    assert error.details == detail
    assert "body.tokens.prompt_tokens: must be 0 or more" in str(error)
    assert "body.id: too long" in str(error)


@pytest.mark.off_contract("an attachment whose url is not a text, to be refused")
def test_the_platform_s_own_422_arrives_as_a_list(call: Caller, emulator: Emulator):
    tasks = Tasks(configured(emulator, api_key=KEY))
    with pytest.raises(UnprocessableEntityError) as caught:
        call(tasks, "create", "a", attachments=[Attachment(url=5)])
    check_error(caught.value)
    assert "attachments" in str(caught.value.details[0]["loc"])


def test_a_429_carries_the_wait_that_it_asks_for(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(429, headers={"Retry-After": "17"}))
    assert failure(RateLimitError, call, configured(server, api_key=KEY)).retry_after == 17


def test_a_report_that_is_too_large_is_a_413(call: Caller, emulator: Emulator):
    emulator.max_body = 10
    error = failure(PayloadTooLargeError, call, configured(emulator, api_key=KEY))
    assert error.status_code == 413


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_does_not_travel(
    status: int, call: Caller, misbehave: Callable[..., Misbehaving]
):
    elsewhere = misbehave()
    server = misbehave(otherwise=answer(status, "", {"Location": f"{elsewhere.url}/login?next=here"}))
    error = failure(RedirectError, call, configured(server, api_key=KEY))
    assert error.status_code == status
    assert f"{elsewhere.url}/login" in str(error)
    assert "base_url" in str(error)
    assert elsewhere.connections == []
    assert len(server.requests) == 1


# --- an answer that can't be read ---

HTML = "<!doctype html><html><body>Please log in</body></html>"
DEEP = b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"

UNREADABLE = {
    "a login page": answer(200, HTML, {"Content-Type": "text/html"}),
    "plain text": answer(200, "OK", {"Content-Type": "text/plain"}),
    "half of a document": answer(200, b'{"id": "task_1", '),
    "two documents": answer(200, b"{} {}"),
    "nothing": answer(200, b""),
    "nothing, with 204": only(head(204), then=close),
    "null": answer(200, None),
    "a list": answer(200, []),
    "a number": answer(200, 7),
    "an object without what is always there": answer(200, {"id": "task_1"}),
    "an id of another type": answer(200, {**ANSWERED_TASK, "id": {"value": 1}}),
    "an input of another type": answer(200, {**ANSWERED_TASK, "input": "hello"}),
    "a status of another type": answer(200, {**ANSWERED_TASK, "status": {"name": "completed"}}),
    "NaN": answer(200, b'{"duration": NaN}'),
    "infinity": answer(200, b'{"duration": -Infinity}'),
    "deep nesting": answer(200, DEEP),
    "deep nesting in an unknown field": answer(
        200, b'{"new_field": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
    ),
    "a whole number of 10,000 digits": answer(200, b'{"duration": ' + b"9" * 10_000 + b"}"),
    "latin-1 for UTF-8": answer(200, '{"id": "Käse"}'.encode("latin-1")),
    "UTF-16": answer(200, '{"id": "x"}'.encode("utf-16")),
    "an encoding that nobody asked for": answer(200, b"\x1b\x00", {"Content-Encoding": "br"}),
    "a gzip stream that is none": answer(200, b"{}", {"Content-Encoding": "gzip"}),
    "a deflate stream that is none": answer(200, b"{}", {"Content-Encoding": "deflate"}),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_answer_that_is_no_task_is_a_parse_error(what: str, call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=UNREADABLE[what])
    error = failure(APIResponseParseError, call, configured(server, api_key=KEY, max_retries=2))
    assert is_whole(error, server)
    assert len(server.requests) == 1, "what was understood once is not sent again"


def test_a_login_page_is_recognised_as_a_wrong_url(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=UNREADABLE["a login page"])
    error = failure(APIResponseParseError, call, configured(server, api_key=KEY))
    assert (error.status_code, error.details) == (200, HTML)
    assert "XPANDER_BASE_URL" in str(error)
    assert "proxy" in str(error)


def test_the_shape_s_fault_is_named_with_its_place(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(200, {**ANSWERED_TASK, "status": ["completed"]}))
    error = failure(APIResponseParseError, call, configured(server, api_key=KEY))
    assert "status: expected a string, got an array" in str(error)


def test_a_number_too_large_for_a_float_costs_itself_only(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=answer(200, {**ANSWERED_TASK, "duration": 10**400}))
    task = call(Tasks(configured(server, api_key=KEY)), "get", "task_1")
    assert (task.duration, task.extra["duration"], task.id) == (0.0, 10**400, ANSWERED_TASK["id"])


def test_an_answer_that_is_too_large_is_refused_before_it_fills_the_memory(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    counter = [0]
    server = misbehave(endless(counter), gzip_bomb(50_000_000), answer(200, b'"' + b"a" * 200_000 + b'"'))
    limits = configured(server, api_key=KEY, max_response_bytes=100_000, max_retries=2)
    for _ in range(3):
        error = failure(APIResponseParseError, call, limits)
        assert "max_response_bytes" in str(error)
    assert len(server.requests) == 3
    assert counter[0] < 30_000_000


def test_an_answer_just_as_large_as_allowed_is_taken(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=task_answer(result="x" * 100_000))
    size = len(re.sub(rb"^.*?\r\n\r\n", b"", _raw(server), flags=re.DOTALL))
    backend = Backend(configured(server, max_response_bytes=size))
    assert len(call(backend, "report_external_task", agent_id="a", id="i", result="").result) == 100_000
    with pytest.raises(APIResponseParseError, match=str(size - 1)):
        call(Backend(configured(server, max_response_bytes=size - 1)), "report_external_task", agent_id="a", id="i")


def _raw(server: Misbehaving) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b'POST /agent-execution/a/report_task HTTP/1.1\r\nContent-Length: 10\r\n\r\n{"id":"i"}')
        data = b""
        while not data.endswith(b"}"):
            data += client.recv(65_536)
    return data


# --- the key ---


@pytest.mark.parametrize("status", [200, 302, 400, 401, 422, 500, 520])
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_a_key_that_the_server_echoes_does_not_show(
    status: int, content_type: str, call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(otherwise=echo_headers(status, content_type))
    with pytest.raises(ModuleException) as caught:
        call(Tasks(configured(server, api_key=KEY)), "get", "task_1")
    check_error(caught.value)
    assert server.requests[0].headers["x-api-key"] == KEY


def test_a_stream_s_errors_do_not_show_the_key(call: Caller, misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=echo_headers(403))
    task = Task.from_dict(ANSWERED_TASK, configured(server, api_key=KEY))
    with pytest.raises(PermissionDeniedError) as caught:
        call.events(task)
    check_error(caught.value)


def test_a_key_with_a_line_break_never_gets_into_a_header():
    with pytest.raises(ConfigurationError) as caught:
        Configuration(api_key=f"{KEY}\r\nX-Evil: 1")
    assert KEY not in str(caught.value)


def test_neither_logs_nor_hooks_show_the_key(
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("xpander_facade._client.retry.BASE_WAIT", 0)
    caplog.set_level("DEBUG")
    seen: list[Any] = []
    server = misbehave(answer(500), close, short_body)
    asked = configured(server, api_key=KEY, max_retries=3, on_retry=seen.append)
    call(Backend(asked), "report_external_task", agent_id="agent-123")
    assert KEY not in caplog.text
    server.play(echo_headers(500), echo_headers(503, "text/html"))
    call(Backend(asked), "report_external_task", agent_id="agent-123")
    # What the engine logs of an answer's headers at level DEBUG is the server's word, not ours.
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("xpander")]
    assert len(ours) == len(seen) == 5
    assert KEY not in repr((ours, seen))


def test_objects_do_not_show_the_key(call: Caller, misbehave: Callable[..., Misbehaving]):
    configuration = configured(misbehave(), api_key=KEY)
    task = call(Tasks(configuration), "get", "task_1")
    for thing in (configuration, task, Backend(configuration), Tasks(configuration), Agents(configuration)):
        assert KEY not in repr(thing)
    assert KEY.encode() not in pickle.dumps(configuration)
    assert KEY.encode() not in pickle.dumps(task)
    assert KEY not in repr(task.to_dict())


# --- what was to be reported ---


def test_a_report_can_be_repeated_from_its_error(call: Caller, emulator: Emulator):
    configuration = configured(emulator, api_key=KEY)
    emulator.fail(500)
    emulator.fail(503, after=True)
    with pytest.raises(ServerError) as caught:
        call(
            Backend(configuration),
            "report_external_task",
            agent_id="agent-123",
            input="p",
            llm_response={"choices": [None]},
            tokens={"prompt_tokens": 3},
            is_success=False,
            result="r",
            duration=2.5,
            used_tools=["a"],
        )
    error = caught.value
    assert error.task_id.startswith("ext-")
    assert error.report["id"] == error.task_id
    with pytest.raises(ServerError):
        call(Backend(configuration), "report_external_task", agent_id="agent-123", **error.report)
    task = call(Backend(configuration), "report_external_task", agent_id="agent-123", **error.report)
    assert (task.id, task.result, task.duration, task.used_tools) == (error.task_id, "r", 2.5, ["a"])
    bodies = [request.body for request in emulator.requests("report_external_task")]
    assert bodies == [error.report] * 3
    assert len(emulator.tasks()) == 1


def test_a_stream_that_breaks_ends_with_its_last_error(
    call: Caller, misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch
):
    from xpander_facade.tasks import _stream

    monkeypatch.setattr(_stream, "RECONNECT_POLICY", _stream.ReconnectPolicy(waits=(0,), tries=1))
    executing = task_answer(status="executing")
    server = misbehave(stream(event("chunk", "a")), executing, answer(503), executing, answer(502))
    task = Task.from_dict(ANSWERED_TASK, configured(server, api_key=KEY))
    with pytest.raises(ServerError) as caught:
        call.events(task)
    assert caught.value.status_code in (502, 503)
    check_error(caught.value)
