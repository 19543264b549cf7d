"""Responses piece by piece, by each of the libraries that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xpander_facade._transport.exceptions import LocalProtocolError, RemoteProtocolError
from xpander_facade._transport.parsers import MAX_HEAD_BYTES, H11Parser, HttptoolsParser, ResponseParser, check_head

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(params=[H11Parser, HttptoolsParser])
def parser(request: pytest.FixtureRequest) -> ResponseParser:
    make: Callable[[], ResponseParser] = request.param
    return make()


def fed(parser: ResponseParser, data: bytes, size: int) -> bytes:
    """Feed data in pieces of a size; return the body so far."""
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])
    return b"".join(parser.chunks)


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (b"Content-Length: 0\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n", b"hello"),
        (b"transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", b""),
    ],
)
def test_a_response_ends_by_itself_and_another_may_follow(parser: ResponseParser, rest: bytes, body: bytes, size: int):
    for _ in range(3):
        assert fed(parser, HEAD + rest, size) == body
        assert (parser.status, parser.has_head, parser.is_complete) == (200, True, True)
        assert parser.is_reusable()
        parser.begin()
        assert not parser.has_head


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.0 200 OK\r\n", HEAD + b"Connection: close\r\n"])
def test_a_body_of_unknown_length_ends_with_the_connection(parser: ResponseParser, head: bytes):
    assert fed(parser, head + b"\r\nhel", 5) == b"hel"
    assert not parser.is_complete
    parser.feed(b"lo")
    parser.feed(b"")
    assert (b"".join(parser.chunks), parser.is_complete, parser.is_reusable()) == (b"hello", True, False)


def test_the_last_of_several_headers_counts_in_lower_case_without_white_space(parser: ResponseParser):
    fed(parser, HEAD + b"X-Request-ID:  a \r\nx-request-id: b\t\r\nX-Name: caf\xe9\r\nContent-Length: 0\r\n\r\n", 4)
    assert (parser.headers["x-request-id"], parser.headers["x-name"]) == ("b", "caf\xe9")


@pytest.mark.parametrize("size", [1, 1_000])
@pytest.mark.parametrize("value", [b"a\x1bb", b"a\x01b", b"\x7f"])
def test_odd_values_of_headers_are_taken(parser: ResponseParser, value: bytes, size: int):
    for _ in range(2):
        head = HEAD + b"X-Odd: " + value + b"\r\nContent-Length: 2\r\n\r\n"
        assert fed(parser, head + b"ok", size) == b"ok"
        assert parser.headers["x-odd"] == value.decode("latin-1")
        assert parser.is_complete
        assert parser.is_reusable()
        parser.begin()


def test_an_error_quotes_what_is_wrong(parser: ResponseParser):
    with pytest.raises(RemoteProtocolError, match="no colon"):
        parser.feed(HEAD + b"no colon\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_some_responses_have_no_body_whatever_they_say(parser: ResponseParser, status: int):
    assert fed(parser, b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\n\r\n" % status, 9) == b""
    assert parser.is_complete
    assert parser.is_reusable()


@pytest.mark.parametrize("size", [3, 1_000])
def test_what_comes_before_the_response_is_passed_over(parser: ResponseParser, size: int):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert fed(parser, early + HEAD + b"Content-Length: 2\r\n\r\nok", size) == b"ok"
    assert parser.status == 200
    assert "link" not in parser.headers
    assert parser.is_reusable()


@pytest.mark.parametrize("behind", [b"garbage", HEAD + b"Content-Length: 0\r\n\r\n", b"\0"])
def test_what_comes_behind_it_ends_the_connection(parser: ResponseParser, behind: bytes):
    assert fed(parser, HEAD + b"Content-Length: 2\r\n\r\nok" + behind, 1_000) == b"ok"
    assert parser.is_complete
    assert not parser.is_reusable()


@pytest.mark.parametrize("said", [b"Connection: close\r\n", b"connection: Close, x\r\n"])
def test_a_server_may_end_the_connection(parser: ResponseParser, said: bytes):
    fed(parser, HEAD + said + b"Content-Length: 2\r\n\r\nok", 1_000)
    assert parser.is_complete
    assert not parser.is_reusable()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1\2",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"<html>not http</html>\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"no colon\r\n\r\n",
    ],
)
def test_what_is_not_http_is_an_error(parser: ResponseParser, data: bytes):
    with pytest.raises(RemoteProtocolError):
        parser.feed(data)


@pytest.mark.parametrize("rest", [b"", b"Content-Length: 5\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"])
def test_a_response_that_is_cut_off_is_an_error(parser: ResponseParser, rest: bytes):
    parser.feed(HEAD + rest)
    with pytest.raises(RemoteProtocolError):
        parser.feed(b"")


def test_a_head_without_end_is_an_error(parser: ResponseParser):
    def endless() -> None:
        parser.feed(HEAD)
        for _ in range(MAX_HEAD_BYTES // 1_000 + 2):
            parser.feed(b"x-filler: " + b"x" * 1_000 + b"\r\n")

    with pytest.raises(RemoteProtocolError):
        endless()


@pytest.mark.parametrize("value", [b"", b"a", b"a b", b"caf\xc3\xa9", b'"quoted, 1"'])
def test_what_a_head_may_hold_is_taken(value: bytes):
    check_head("POST", [(b"host", b"platform.test"), (b"x-name", value)])


@pytest.mark.parametrize(
    ("method", "header"),
    [
        ("POST", (b"x-name", b"a\r\nx-other: b")),
        ("POST", (b"x-name", b"a\nb")),
        ("POST", (b"x-name", b"a\0b")),
        ("POST", (b"x name", b"a")),
        ("POST", (b"", b"a")),
        ("PO ST", (b"x-name", b"a")),
    ],
)
def test_what_would_end_a_head_early_is_not_sent(method: str, header: tuple[bytes, bytes]):
    with pytest.raises(LocalProtocolError):
        check_head(method, [(b"host", b"platform.test"), header])
