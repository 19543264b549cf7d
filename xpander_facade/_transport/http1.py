"""Connections that speak HTTP/1.1 straight to their origin, for threads; the libraries of `parsers` read the responses.

A request's head is written once for all requests that differ in their target and body only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._transport import exceptions
from xpander_facade._transport.network import Deadline, SocketStream, connect
from xpander_facade._transport.parsers import check_head, new_parser
from xpander_facade._transport.request import OutgoingRequest, head_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from xpander_facade._transport.body import Body
    from xpander_facade._transport.parsers import ResponseParser
    from xpander_facade._transport.routing import Route
    from xpander_facade._transport.tls import NestedTLSStream

READ_BYTES = 65_536
# A small request leaves in one packet; to copy a large one behind its head would cost more than a second write.
_SMALL_BODY = 65_536
# A hook may give each request another header, such as a trace's id.
_MAX_HEADS = 32


class Heads:
    """The heads of the requests to one origin, without their first line and the length of the body."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], bytes] = {}

    def head(self, request: OutgoingRequest) -> bytes:
        """Return the head of a request.

        Raises:
            LocalProtocolError: A name or a value can't stand in one.
        """
        attempt, target = request.attempt, request.target
        key = (attempt.method, *attempt.headers.items())
        rest = self._known.get(key)
        if rest is None:
            headers = head_of(target.host, attempt.headers)
            check_head(attempt.method, headers)
            rest = b"".join(b"%s: %s\r\n" % header for header in headers)
            if len(self._known) >= _MAX_HEADS:
                self._known.clear()
            self._known[key] = rest
        method = attempt.method.encode("ascii")
        content = attempt.content
        if content is None:
            return b"%s %s HTTP/1.1\r\n%s\r\n" % (method, target.path, rest)
        return b"%s %s HTTP/1.1\r\n%scontent-length: %d\r\n\r\n" % (method, target.path, rest, len(content))


def parts_of(head: bytes, content: bytes | None) -> tuple[bytes, ...]:
    """Return what to write, in one piece where the body is small."""
    if not content:
        return (head,)
    return (head + content,) if len(content) <= _SMALL_BODY else (head, content)


class HTTP1Connection:
    """A connection that opens at its first request.

    Args:
        route: How to get to the origin; not through a proxy.
        heads: The heads of its requests.
        deadline: The end of the present exchange.
    """

    __slots__ = ("_deadline", "_has_sent_all", "_heads", "_parser", "_request", "_route", "_stream")

    _parser: ResponseParser
    _request: OutgoingRequest

    def __init__(self, route: Route, heads: Heads, deadline: Deadline) -> None:
        self._route = route
        self._heads = heads
        self._deadline = deadline
        self._stream: SocketStream | NestedTLSStream | None = None

    def send(self, request: OutgoingRequest) -> tuple[int, dict[str, str]]:
        """Send a request; return the status and the headers of its response."""
        self._request = request
        parts = parts_of(self._heads.head(request), request.attempt.content)
        stream = self._stream
        if stream is None:
            stream = self._stream = self._open(request)
            self._parser = new_parser()
        else:
            self._parser.begin()
        self._has_sent_all = False
        try:
            for part in parts:
                stream.write(part, request.timeout)
            self._has_sent_all = True
        except exceptions.WriteError:
            pass  # the server may have responded before it had read everything
        parser = self._parser
        while not parser.has_head:
            parser.feed(stream.read(READ_BYTES, request.read_timeout))
        return parser.status, parser.headers

    def read_body(self, body: Body) -> None:
        """Feed a body what arrives, for as long as it takes more."""
        parser, stream = self._parser, self._stream
        assert stream is not None
        while True:
            chunks, parser.chunks = parser.chunks, []
            for chunk in chunks:
                if not body.feed(chunk):
                    return
            if parser.is_complete:
                return
            parser.feed(stream.read(READ_BYTES, self._request.read_timeout))

    def chunks(self) -> Iterator[bytes]:
        """Give the body of the response as it arrives."""
        parser, stream = self._parser, self._stream
        assert stream is not None
        while True:
            if parser.chunks:
                chunks, parser.chunks = parser.chunks, []
                yield from chunks
            if parser.is_complete:
                return
            parser.feed(stream.read(READ_BYTES, self._request.read_timeout))

    def is_reusable(self) -> bool:
        """Whether another request may follow, once the response is complete."""
        return self._has_sent_all and self._parser.is_complete and self._parser.is_reusable()

    def is_readable(self) -> bool:
        """Whether there is something to read, though nothing was asked for: the other side has closed."""
        return self._stream is None or bool(self._stream.get_extra_info("is_readable"))

    def close(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            self._stream.close()

    def _open(self, request: OutgoingRequest) -> SocketStream | NestedTLSStream:
        origin, tls = self._route.origin, self._route.tls
        host = origin.host.decode("ascii")
        stream = connect(self._deadline, host, origin.port, request.connect_timeout)
        if tls is None:
            return stream
        # Who made the context has imported this, too.
        from xpander_facade._transport.tls import start_tls

        negotiate_http1(tls)
        return start_tls(stream, tls, host, request.connect_timeout)


def negotiate_http1(context: ssl.SSLContext) -> None:
    """Let connections of a context ask for HTTP/1.1, as httpcore does."""
    context.set_alpn_protocols(["http/1.1"])
