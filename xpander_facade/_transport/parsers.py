"""Parsers of responses in HTTP/1.1: httptools, a parser in C, and h11 where there is none. No I/O."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Protocol, cast

from xpander_facade._process.imports import HEADS, load
from xpander_facade._transport.exceptions import LocalProtocolError, RemoteProtocolError
from xpander_facade.configuration._environment import http_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The bound of httpcore, by which the same response is judged when it comes through a proxy.
MAX_HEAD_BYTES = 100 * 1024
_NO_RESPONSE = "Server disconnected without sending a response."
_INCOMPLETE = "peer closed connection without sending complete message body"
_SWITCHING_PROTOCOLS = 101
_NO_CONTENT = frozenset({204, 304})
_METHOD = re.compile(r"[A-Z]+")
_NAME = re.compile(rb"[a-z0-9-]+")
_VALUE = re.compile(rb"(?:[!-~]|[!-~][ -~]*[!-~])?")


class ResponseParser(Protocol):
    """The parser of the responses that come on one connection, one after the other.

    Attributes:
        status: The status of the response, once `has_head`.
        headers: Its headers, names in lower case; the last of several with one name counts.
        chunks: The pieces of its body that nobody has taken yet.
        has_head: Whether its head is complete.
        is_complete: Whether all of it has come.
    """

    status: int
    headers: dict[str, str]
    chunks: list[bytes]
    has_head: bool
    is_complete: bool

    def begin(self) -> None:
        """Expect the response to the next request."""
        ...

    def feed(self, data: bytes) -> None:
        """Take what came; empty bytes mean that the other side has closed.

        Raises:
            RemoteProtocolError: It is not HTTP, or ends before the response does.
        """
        ...

    def is_reusable(self) -> bool:
        """Whether another request may follow the complete response: nothing came behind it."""
        ...


class H11Parser:
    """A parser by h11, the library that httpcore uses."""

    def __init__(self) -> None:
        import h11

        self._h11 = h11
        # What it is told of the request is no more than that there is one: the head is written elsewhere.
        self._request = h11.Request(method="GET", target="/", headers=[("host", "")])
        self._end = h11.EndOfMessage()
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._has_begun = False
        self.begin()

    def begin(self) -> None:
        """Expect the response to the next request."""
        connection = self._connection
        if self._has_begun:
            connection.start_next_cycle()
        self._has_begun = True
        connection.send(self._request)
        connection.send(self._end)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.has_head = self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Take what came; empty bytes mean that the other side has closed.

        Raises:
            RemoteProtocolError: It is not HTTP, or ends before the response does.
        """
        h11, connection = self._h11, self._connection
        if not data and not self.has_head:
            raise RemoteProtocolError(_NO_RESPONSE)
        try:
            connection.receive_data(data)
            while not self.is_complete:
                event: Any = connection.next_event()
                if event is h11.NEED_DATA:
                    return
                if isinstance(event, h11.Data):
                    self.chunks.append(bytes(event.data))
                elif isinstance(event, h11.Response):
                    self._take_head(event)
                elif isinstance(event, h11.InformationalResponse):
                    if event.status_code == _SWITCHING_PROTOCOLS:
                        self._take_head(event)
                else:  # the end of the message, or of HTTP on this connection
                    self.is_complete = True
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(str(error)) from error

    def is_reusable(self) -> bool:
        """Whether another request may follow the complete response: nothing came behind it."""
        h11, connection = self._h11, self._connection
        return (
            connection.our_state is h11.DONE
            and connection.their_state is h11.DONE
            and connection.trailing_data == (b"", False)
        )

    def _take_head(self, event: Any) -> None:
        self.status = event.status_code
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in cast("Iterable[tuple[bytes, bytes]]", event.headers)
        }
        self.has_head = True


class HttptoolsParser:
    """A parser by httptools, the library that uvicorn uses.

    A head that it does not take is left to h11, which takes more of what servers send, and says what is wrong.
    """

    def __init__(self) -> None:
        import httptools

        self._httptools = httptools
        self.begin()

    def begin(self) -> None:
        """Expect the response to the next request."""
        self._parser = self._httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.has_head = self.is_complete = False
        self._start = b""
        self._other: H11Parser | None = None
        self._keeps_alive = self._has_more = self._ends_with_connection = self._is_informational = False

    def feed(self, data: bytes) -> None:
        """Take what came; empty bytes mean that the other side has closed.

        Raises:
            RemoteProtocolError: It is not HTTP, or ends before the response does.
        """
        if self._other is not None:
            self._feed_other(self._other, data)
            return
        if not data:
            self._end()
            return
        if not self.has_head:
            self._start += data
        try:
            self._parser.feed_data(data)
        except self._httptools.HttpParserUpgrade:
            self.is_complete = self._has_more = True
        except self._httptools.HttpParserError as error:
            if not self.has_head:
                load(HEADS)
                self._other = H11Parser()
                self.headers = {}
                self._feed_other(self._other, self._start)
                return
            # What goes wrong behind the response is not part of it.
            if not self.is_complete:
                raise RemoteProtocolError(str(error)) from error
            self._has_more = True
        if not self.has_head and len(self._start) > MAX_HEAD_BYTES:
            raise RemoteProtocolError("the head of the response is too large")

    def is_reusable(self) -> bool:
        """Whether another request may follow the complete response: nothing came behind it."""
        if self._other is not None:
            return self._other.is_reusable()
        return self._keeps_alive and not self._has_more

    def _feed_other(self, other: H11Parser, data: bytes) -> None:
        other.feed(data)
        self.status, self.headers = other.status, other.headers
        self.chunks += other.chunks
        other.chunks = []
        self.has_head, self.is_complete = other.has_head, other.is_complete

    def _end(self) -> None:
        if not self.has_head:
            raise RemoteProtocolError(_NO_RESPONSE)
        if not self._ends_with_connection:
            raise RemoteProtocolError(_INCOMPLETE)
        self.is_complete = True

    # --- called by httptools ---

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._has_more = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # else it is a trailer, or belongs to what nobody asked for
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        if self.has_head:
            return
        status = self._parser.get_status_code()
        self._is_informational = 100 <= status < 200 and status != _SWITCHING_PROTOCOLS
        if self._is_informational:
            self.headers = {}
            return
        self.status = status
        self.has_head = True
        self._keeps_alive = self._parser.should_keep_alive()
        headers = self.headers
        coding = headers.get("transfer-encoding", "").rpartition(",")[2].strip().lower()
        # A body without length and chunks goes on until the connection closes (RFC 9112, 6.3).
        self._ends_with_connection = not (
            coding == "chunked" or ("content-length" in headers and not coding) or status in _NO_CONTENT
        )

    def on_body(self, data: bytes) -> None:
        if not self.is_complete:
            self.chunks.append(data)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.is_complete = True


def _best_parser() -> Callable[[], ResponseParser]:
    # Either is imported here: an import at the first response would come at a bad time.
    if http_parser() != "h11":
        with contextlib.suppress(ImportError):
            import httptools as httptools

            return HttptoolsParser
    import h11 as h11

    return H11Parser


new_parser: Callable[[], ResponseParser] = _best_parser()
"""Makes the parser of a connection."""


def check_head(method: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Check what is to be sent.

    Raises:
        LocalProtocolError: A name or a value can't stand in a head.
    """
    if _METHOD.fullmatch(method) and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
        return
    load(HEADS)
    import h11  # it takes a little more, and says what is wrong

    try:
        h11.Request(method=method, target=b"/", headers=headers)
    except h11.LocalProtocolError as error:
        raise LocalProtocolError(str(error)) from error
