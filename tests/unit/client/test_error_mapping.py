"""Test what an answer means: which error with which sentence, what it keeps, and that it never keeps the key."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._client.error_mapping import decode, failure_error, parse_error, response_error
from xpander_facade._transport.response import Failure, Response
from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    AuthenticationError,
    ClientError,
    ModuleException,
    NotFoundError,
    RateLimitError,
    RedirectError,
    ServerError,
    UnprocessableEntityError,
)

WHERE = {"method": "POST", "url": "https://x.example/a"}
KEY = "xp-s3cr3t-key"


def answer(status=200, content=b"", **headers):
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"", None),
        (b" \n", None),
        (b"null", None),
        (b'{"a":1}', {"a": 1}),
        (b"[]", []),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('{"a":"ü"}'.encode(), {"a": "ü"}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_json_is_decoded_and_an_empty_answer_is_none(content, value):
    assert decode(content) == value


@pytest.mark.parametrize(
    "content",
    [
        b"<html>hello</html>",
        b'{"a":',
        b"{'a': 1}",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"1" * 5000,
    ],
    ids=["html", "cut off", "python", "nan", "infinity", "minus infinity", "no text", "too deep", "too many digits"],
)
def test_what_is_no_json_is_refused(content):
    with pytest.raises((ValueError, RecursionError)):
        decode(content)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_value_error(content):
    with contextlib.suppress(ValueError):
        assert decode(content) is not Ellipsis


def test_the_error_for_an_unreadable_success_keeps_the_start_of_it():
    error = parse_error(answer(200, b"<html>" + b"x" * 10_000, x_request_id="r"), "no JSON", WHERE)
    assert type(error) is APIResponseParseError
    assert (error.status_code, error.request_id, error.method, error.url) == (200, "r", "POST", "https://x.example/a")
    assert error.details.startswith("<html>")
    assert len(error.details) <= 500


@pytest.mark.parametrize(
    ("status", "content", "cls", "details", "said"),
    [
        (401, b'{"detail":"Invalid key"}', AuthenticationError, "Invalid key", "XPANDER_API_KEY"),
        (404, b'{"detail":"Not Found"}', NotFoundError, "Not Found", "404 Not Found: Not Found (check the id"),
        (
            422,
            b'{"detail":[{"loc":["body","id"],"msg":"Field required","type":"missing"}]}',
            UnprocessableEntityError,
            [{"loc": ["body", "id"], "msg": "Field required", "type": "missing"}],
            "body.id: Field required",
        ),
        (422, b'{"detail":["odd",{"msg":"m"},{}]}', UnprocessableEntityError, ["odd", {"msg": "m"}, {}], "odd; m; {}"),
        (422, b'{"detail":{"a":1}}', UnprocessableEntityError, {"a": 1}, '{"a": 1}'),
        (429, b'{"error":"slow"}', RateLimitError, {"error": "slow"}, "slow"),
        (418, b"", ClientError, None, "418"),
        (418, b'{"detail":null}', ClientError, None, "418"),
        (502, b"<html><h1>Bad Gateway</h1></html>", ServerError, "<html><h1>Bad Gateway</h1></html>", "an HTML page"),
        (503, b"upstream  is\ndown", ServerError, "upstream  is\ndown", "upstream is down"),
        (520, b"\xff\xfe", ServerError, "\ufffd\ufffd", "520: \ufffd\ufffd (the platform or a gateway"),
        (520, b"[" * 100_000, ServerError, "[" * 500, "try again later"),
        (500, b"[1, 2]", ServerError, [1, 2], "1; 2"),
    ],
)
def test_a_refusal_has_its_class_its_details_and_a_sentence_that_helps(status, content, cls, details, said):
    error = response_error(answer(status, content, x_request_id="r-1"), WHERE)
    assert type(error) is cls
    assert error.status_code == status
    assert error.details == details
    assert said in str(error)
    assert (error.request_id, error.method, error.url) == ("r-1", "POST", "https://x.example/a")


def test_a_redirect_names_its_target_without_the_query_and_says_that_it_is_not_followed():
    error = response_error(answer(307, b"", location="https://y.example/login?token=abc"), WHERE)
    assert type(error) is RedirectError
    assert "https://y.example/login" in str(error)
    assert "abc" not in str(error)
    assert "base_url" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"), [({}, None), ({"retry_after": "7"}, 7.0), ({"retry_after": "soon"}, None)]
)
def test_an_error_knows_when_to_try_again(headers, seconds):
    assert response_error(answer(429, b"", **headers), WHERE).retry_after == seconds


@pytest.mark.parametrize("name", ["x_request_id", "request_id", "x_amzn_requestid", "x_correlation_id", "cf_ray"])
def test_the_request_id_is_read_from_whichever_header_has_it(name):
    assert answer(500, b"", **{name: "r-9"}).request_id == "r-9"
    assert answer(500).request_id is None


def test_a_long_refusal_gives_a_short_text():
    error = response_error(answer(500, b'{"detail":"' + b"x" * 100_000 + b'"}'), WHERE)
    assert len(str(error)) < 1000


def test_a_secret_that_an_answer_echoes_is_redacted():
    echoed = answer(400, f'{{"detail":"bad key {KEY}"}}'.encode(), x_echo=KEY).redacted([KEY])
    assert KEY not in str(echoed.headers)
    error = response_error(echoed, WHERE)
    assert KEY not in str(error) + repr(error.details)


@pytest.mark.parametrize(
    ("kind", "cls", "untaken"),
    [
        ("connect", APIConnectionError, True),
        ("timeout", APITimeoutError, False),
        ("broken", APIConnectionError, False),
        ("unreadable", APIResponseParseError, False),
        ("refused", APIConnectionError, True),
    ],
)
def test_a_failure_has_its_class_and_no_status(kind, cls, untaken):
    failure = Failure(kind, "it broke")
    error = failure_error(failure, WHERE)
    assert type(error) is cls
    assert isinstance(error, ModuleException)
    assert error.status_code is None
    assert "it broke" in str(error)
    assert error.url == "https://x.example/a"
    assert failure.not_processed is untaken


@pytest.mark.parametrize(("status", "is_success"), [(199, False), (200, True), (204, True), (299, True), (300, False)])
def test_a_success_is_any_2xx(status, is_success):
    assert answer(status).is_success is is_success


def test_the_body_is_in_no_repr():
    assert "private" not in repr(answer(200, b"private words"))
