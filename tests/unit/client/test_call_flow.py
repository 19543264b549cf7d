"""Drive the generator of a call by hand: canned answers in, attempts and waits out, on a clock that only we move."""

import json
import logging
import random

import attrs
import pytest

from xpander_facade._client import retry
from xpander_facade._client.call_flow import Sleep, call_flow, first_attempt, takes_long
from xpander_facade._client.request import Request
from xpander_facade._requests.tasks import get_request, list_tasks_request
from xpander_facade._serialization import codec
from xpander_facade._serialization.json_bytes import encode
from xpander_facade._transport.request import Attempt
from xpander_facade._transport.response import Failure, Response
from xpander_facade.backend import Backend
from xpander_facade.configuration import Configuration
from xpander_facade.configuration._retry_event import RetryEvent
from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    ConfigurationError,
    ModuleException,
    ServerError,
)
from xpander_facade.tasks._task import Task
from xpander_facade.types.models import User

KEY = "xp-s3cr3t-key"
GET = Request(operation="get_task", method="GET", path="/a", idempotent=True)
POST = Request(operation="report_external_task", method="POST", path="/a", idempotent=True)
ONCE = attrs.evolve(GET, operation="create_task", idempotent=False)
OK = Response(200, {}, b'{"ok":true}')
GONE = Failure("connect", "could not connect")
LATE = Failure("timeout", "no answer in time")
BROKEN = Failure("broken", "the connection broke")


def refusal(status, **headers):
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, b'{"detail":"no"}')


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def _fresh_buckets():
    retry._bucket.cache_clear()
    random.seed(7)


def configured(**values):
    return Configuration(**{"api_key": KEY, "organization_id": "o", "base_url": "https://x.example", **values})


def run(*outcomes, configuration=None, request=GET, reader=lambda data: data, takes=0.0, late=0.0):
    """Answer a call's attempts with the given outcomes; return its value and all its steps."""
    clock, steps, rest = Clock(), [], list(outcomes)
    call = call_flow(configuration or configured(), request, reader, clock)
    outcome = None
    while True:
        try:
            step = call.send(outcome)
        except StopIteration as stop:
            assert not rest, "the call ended early"
            return stop.value, steps
        except ModuleException as error:
            error.steps = steps
            assert not rest, "the call ended early"
            raise
        steps.append(step)
        if isinstance(step, Attempt):
            clock.now += takes
            outcome = rest.pop(0)
        else:
            clock.now += step.seconds + late
            outcome = None


def test_a_call_that_works_is_sent_once_and_its_answer_is_read():
    value, steps = run(OK, reader=lambda data: data["ok"])
    assert value is True
    (attempt,) = steps
    assert (attempt.method, attempt.url, attempt.content) == ("GET", "https://x.example/a", None)
    assert attempt.headers["x-api-key"] == KEY
    assert attempt.headers["user-agent"].startswith("xpander-facade/")
    assert attempt.deadline == 120.0


def test_the_key_is_in_no_repr_of_what_is_sent():
    (attempt,) = run(OK)[1]
    assert KEY not in repr(attempt)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520, 526])
@pytest.mark.parametrize("failures", [1, 2])
def test_a_passing_refusal_is_tried_again_after_a_wait(status, failures):
    value, steps = run(*[refusal(status)] * failures, OK)
    assert value == {"ok": True}
    assert [type(step) for step in steps] == [Attempt, Sleep] * failures + [Attempt]
    assert all(0 <= step.seconds <= retry.BASE_WAIT * 2**n for n, step in enumerate(steps[1::2]))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 413, 422, 501])
def test_a_lasting_refusal_is_final(status):
    with pytest.raises(ModuleException) as caught:
        run(refusal(status))
    assert caught.value.status_code == status


@pytest.mark.parametrize("failure", [GONE, LATE, BROKEN, refusal(503), refusal(429)])
def test_after_the_last_retry_the_last_error_is_raised(failure):
    with pytest.raises(ModuleException):
        run(failure, failure, failure)
    with pytest.raises(ModuleException):
        run(failure, configuration=configured(max_retries=0))


@pytest.mark.parametrize(
    ("outcome", "is_tried_again"),
    [
        (GONE, True),
        (refusal(429), True),
        (LATE, False),
        (BROKEN, False),
        (refusal(408), False),
        (refusal(500), False),
        (refusal(503), False),
        (refusal(520), False),
    ],
)
def test_what_may_happen_only_once_is_repeated_only_where_it_surely_was_not_taken(outcome, is_tried_again):
    if is_tried_again:
        assert run(outcome, OK, request=ONCE)[0] == {"ok": True}
    else:
        with pytest.raises(ModuleException):
            run(outcome, request=ONCE)
    assert run(outcome, OK, request=GET)[0] == {"ok": True}


@pytest.mark.parametrize(
    "failure",
    [
        Failure("connect", "certificate", transient=False),
        Failure("unreadable", "too large", transient=False),
        Failure("refused", "no header", transient=False),
    ],
)
def test_a_failure_that_would_come_again_is_final(failure):
    with pytest.raises(ModuleException):
        run(failure)


def test_the_platforms_wish_is_waited_for():
    steps = run(refusal(503, retry_after="7"), OK)[1]
    assert steps[1].seconds >= 7


def test_a_wish_that_is_too_long_ends_the_call_and_is_told():
    with pytest.raises(ServerError) as caught:
        run(refusal(503, retry_after="3600"))
    assert caught.value.retry_after == 3600


def test_no_wait_overruns_the_deadline():
    with pytest.raises(APITimeoutError):
        run(LATE, LATE, takes=30.0, configuration=configured(deadline=40, max_retries=9))


def test_a_later_attempt_gets_the_time_that_is_left():
    steps = run(LATE, OK, takes=30.0, configuration=configured(deadline=100))[1]
    first, wait, second = steps
    assert first.deadline == 100
    assert second.deadline == pytest.approx(70 - wait.seconds)


def test_no_attempt_is_sent_when_the_time_is_used_up_by_a_late_wakeup():
    # The machine slept longer than it was asked to: a driver can make nothing of a deadline that is negative.
    with pytest.raises(APIConnectionError) as caught:
        run(GONE, configuration=configured(deadline=10), late=60.0)
    assert all(step.deadline > 0 for step in caught.value.steps if isinstance(step, Attempt))


def test_a_hook_is_told_of_every_retry():
    events = []
    run(
        refusal(503),
        GONE,
        OK,
        configuration=configured(on_retry=events.append),
        request=attrs.evolve(GET, params={"q": "x"}),
    )
    assert [(event.attempt, event.method, event.url) for event in events] == [
        (1, "GET", "https://x.example/a"),
        (2, "GET", "https://x.example/a"),
    ]
    assert all(isinstance(event, RetryEvent) for event in events)
    assert "503" in events[0].cause
    assert KEY not in repr(events)


def test_a_retry_is_logged_without_the_key(caplog):
    with caplog.at_level(logging.DEBUG, "xpander_facade"):
        run(refusal(503), OK)
    assert "retry 1" in caplog.text
    assert KEY not in caplog.text


def test_when_the_platform_is_down_calls_soon_stop_retrying_and_start_again_when_it_is_back():
    configuration = configured(max_retries=1)
    for _ in range(100):
        with pytest.raises(APIConnectionError):
            run(GONE, GONE, configuration=configuration)
    with pytest.raises(APIConnectionError):
        run(GONE, configuration=configuration)
    for _ in range(5):
        run(OK, configuration=configuration)
    assert run(GONE, OK, configuration=configuration)[0] == {"ok": True}


def test_a_platform_that_is_down_is_known_to_objects_with_other_limits_but_not_to_another_key_or_platform():
    backend = Backend(configured(max_retries=1))
    for _ in range(100):
        with pytest.raises(APIConnectionError):
            run(GONE, GONE, configuration=backend.configuration)
    for same in (
        backend.with_options(max_retries=5, timeout=1, deadline=60).configuration,
        attrs.evolve(backend.configuration, on_retry=print),
        configured(max_retries=1, max_response_bytes=1_000),
    ):
        with pytest.raises(APIConnectionError):
            run(GONE, configuration=same)
    for other in ({"api_key": "another-key"}, {"organization_id": "p"}, {"base_url": "https://y.example"}):
        assert run(GONE, OK, configuration=configured(max_retries=1, **other))[0] == {"ok": True}


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch):
    monkeypatch.delenv("XPANDER_API_KEY", raising=False)
    call = call_flow(Configuration(base_url="https://x.example"), GET, lambda data: data, Clock())
    with pytest.raises(ConfigurationError, match="XPANDER_API_KEY"):
        next(call)


def test_a_missing_organisation_is_told_before_anything_is_sent_only_where_the_url_needs_it(monkeypatch):
    monkeypatch.delenv("XPANDER_ORGANIZATION_ID", raising=False)
    needs = Configuration(api_key=KEY, base_url="http://localhost:9016")
    with pytest.raises(ConfigurationError, match="XPANDER_ORGANIZATION_ID"):
        run(configuration=needs)
    assert run(OK, configuration=Configuration(api_key=KEY, base_url="https://x.example"))[0] == {"ok": True}


def test_an_answer_of_another_shape_is_a_parse_error_that_says_where():
    with pytest.raises(APIResponseParseError, match="email") as caught:
        run(OK, reader=lambda data: codec.structure(User, data))
    assert caught.value.details == {"ok": True}
    with pytest.raises(APIResponseParseError, match="expected an object for Task, got null"):
        run(Response(204, {}, b""), reader=Task._reader(None))


@pytest.mark.parametrize(
    "content",
    [b"<html>hello</html>", b'{"a":', b"NaN", b'{"a": Infinity}', b"\xff\xfe\x00", b"1" * 5000],
    ids=["html", "cut off", "nan", "infinity", "no text", "too many digits"],
)
def test_a_success_that_is_no_json_is_a_parse_error_that_names_the_remedy(content):
    with pytest.raises(APIResponseParseError, match="base_url") as caught:
        run(Response(200, {"x-request-id": "r"}, content))
    error = caught.value
    assert (error.status_code, error.request_id, error.method, error.url) == (200, "r", "GET", "https://x.example/a")
    assert error.__cause__ is None
    assert len(str(error)) < 1000


@pytest.mark.parametrize("depth", [100, 300, 400, 600, 900, 100_000])
def test_an_answer_that_is_nested_too_deep_is_read_or_a_parse_error(depth):
    task = {"id": "t", "agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-01-01T00:00:00Z"}
    content = json.dumps(task)[:-1].encode() + b',"new":' + b"[" * depth + b"]" * depth + b"}"
    try:
        value, _ = run(Response(200, {}, content), reader=Task._reader(None))
    except APIResponseParseError:
        return
    assert value.id == "t"


@pytest.mark.parametrize(
    "answer",
    [
        Response(401, {"x-request-id": KEY}, f'{{"detail":"bad key {KEY}"}}'.encode()),
        Response(200, {}, f"<html>you sent {KEY}</html>".encode()),
        Response(200, {"x-request-id": KEY}, f'{{"you sent":"{KEY}"}}'.encode()),
        Response(302, {"location": f"https://y.example/{KEY}"}, b""),
    ],
    ids=["refusal", "no json", "another shape", "redirect"],
)
def test_no_error_carries_the_key_that_an_answer_echoes(answer):
    with pytest.raises(ModuleException) as caught:
        run(answer, reader=lambda data: codec.structure(User, data))
    assert KEY not in str(caught.value) + repr(caught.value.__dict__ | {"steps": None})


def test_an_error_names_the_url_without_its_query():
    with pytest.raises(ModuleException) as caught:
        run(refusal(404), request=attrs.evolve(GET, params={"user_id": "private"}))
    assert caught.value.url == "https://x.example/a"
    assert "private" not in str(caught.value)


def test_a_query_is_escaped_and_nulls_are_left_out():
    attempt = first_attempt(configured(), attrs.evolve(GET, params={"status": "a&b c", "n": None, "user_id": "ü"}))
    assert attempt.url == "https://x.example/a?status=a%26b+c&user_id=%C3%BC"


def test_the_organisation_is_in_the_path_where_the_rule_wants_it():
    attempt = first_attempt(configured(base_url="http://localhost:9016"), GET)
    assert attempt.url == "http://localhost:9016/o/a"


def test_a_body_is_sent_as_compact_utf8_json():
    attempt = first_attempt(configured(), attrs.evolve(POST, body={"a": "ü", "b": None}))
    assert attempt.content == '{"a":"ü","b":null}'.encode()
    assert attempt.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [float("nan"), float("inf"), object(), {"a": {1}}])
def test_a_body_that_json_can_not_say_is_refused(body):
    with pytest.raises(ValueError, match="JSON"):
        encode({"x": body})


def test_a_body_that_holds_itself_is_refused():
    body = []
    body.append(body)
    with pytest.raises(ValueError, match="JSON"):
        encode(body)


def generated_requests():
    task = Task._reader(None)(
        {
            "id": "t",
            "agent_id": "a",
            "organization_id": "o",
            "input": {},
            "created_at": "2026-01-01T00:00:00Z",
            "tokens": {},
        }
    )
    from xpander_facade._requests.tasks import metrics_request, stop_request

    yield get_request("t")
    yield stop_request("t")
    yield task._save_request(False, False)
    yield metrics_request(task)
    yield list_tasks_request("a", {"status": "completed"})


@pytest.mark.parametrize("request_", list(generated_requests()), ids=lambda request: request.operation)
def test_no_header_is_sent_twice_and_all_values_are_texts(request_):
    headers = first_attempt(configured(), request_).headers
    assert sorted({name.lower() for name in headers}) == sorted(name.lower() for name in headers)
    assert all(isinstance(value, str) for value in headers.values())


def test_a_body_of_bytes_is_sent_as_it_is_and_never_redacted_again():
    stored = b'{"result": "kept as it was",\n"id":"run-1"}'
    configuration = configured(redact=lambda field, text: "redacted again")
    (attempt,) = run(OK, configuration=configuration, request=attrs.evolve(POST, body=stored))[1]
    assert attempt.content == stored
    assert attempt.headers["content-type"] == "application/json"


def test_a_body_of_bytes_that_is_too_large_for_the_platform_is_cut():
    stored = encode({"id": "run-1", "result": "x" * 900})
    configuration = configured(max_field_bytes=1_000)
    _, steps = run(refusal(413), OK, configuration=configuration, request=attrs.evolve(POST, body=stored))
    sent = json.loads(steps[1].content)
    assert (steps[0].content, sent["id"]) == (stored, "run-1")
    assert len(sent["result"]) < 300


def test_a_smaller_body_has_the_time_that_is_left():
    configuration = configured(deadline=10.0, max_field_bytes=1_000)
    request = attrs.evolve(POST, body={"result": "x" * 900})
    _, steps = run(refusal(413), OK, configuration=configuration, request=request, takes=4.0)
    assert [step.deadline for step in steps] == [10.0, 6.0]
    with pytest.raises(ModuleException) as caught:
        run(refusal(413), configuration=configuration, request=request, takes=10.0)
    assert len(caught.value.steps) == 1


@pytest.mark.parametrize("body", [{"input": "x" * 200_000}, {"llm_response": [{"a": [1, None]}] * 10_000}])
def test_a_large_body_takes_long_to_prepare(body):
    request = attrs.evolve(POST, body={"id": "run-1", **body})
    assert takes_long(configured(), request)
    assert takes_long(configured(redact=lambda field, text: text), GET)
    assert not takes_long(configured(), GET)
    small = {name: value[: len(value) // 10] for name, value in body.items()}
    assert not takes_long(configured(), attrs.evolve(request, body=small))
