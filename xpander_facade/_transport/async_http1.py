"""Connections that speak HTTP/1.1 straight to their origin, for event loops: the counterpart of `http1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._transport import exceptions
from xpander_facade._transport.async_network import AsyncSocketStream, aconnect
from xpander_facade._transport.http1 import READ_BYTES, negotiate_http1, parts_of
from xpander_facade._transport.parsers import new_parser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xpander_facade._transport.body import Body
    from xpander_facade._transport.http1 import Heads
    from xpander_facade._transport.network import Deadline
    from xpander_facade._transport.parsers import ResponseParser
    from xpander_facade._transport.request import OutgoingRequest
    from xpander_facade._transport.routing import Route


class AsyncHTTP1Connection:
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
        self._stream: AsyncSocketStream | None = None

    async def send(self, request: OutgoingRequest) -> tuple[int, dict[str, str]]:
        """Send a request; return the status and the headers of its response."""
        self._request = request
        parts = parts_of(self._heads.head(request), request.attempt.content)
        stream = self._stream
        if stream is None:
            stream = self._stream = await self._open(request)
            self._parser = new_parser()
        else:
            self._parser.begin()
        self._has_sent_all = False
        try:
            for part in parts:
                await stream.write(part, request.timeout)
            self._has_sent_all = True
        except exceptions.WriteError:
            pass  # the server may have responded before it had read everything
        parser = self._parser
        while not parser.has_head:
            parser.feed(await stream.read(READ_BYTES, request.read_timeout))
        return parser.status, parser.headers

    async def read_body(self, body: Body) -> None:
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
            parser.feed(await stream.read(READ_BYTES, self._request.read_timeout))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body of the response as it arrives."""
        parser, stream = self._parser, self._stream
        assert stream is not None
        while True:
            if parser.chunks:
                chunks, parser.chunks = parser.chunks, []
                for chunk in chunks:
                    yield chunk
            if parser.is_complete:
                return
            parser.feed(await stream.read(READ_BYTES, self._request.read_timeout))

    def is_reusable(self) -> bool:
        """Whether another request may follow, once the response is complete."""
        return self._has_sent_all and self._parser.is_complete and self._parser.is_reusable()

    def is_readable(self) -> bool:
        """Whether there is something to read, though nothing was asked for: the other side has closed."""
        return self._stream is None or bool(self._stream.get_extra_info("is_readable"))

    async def aclose(self) -> None:
        """Close the connection."""
        if self._stream is not None:
            await self._stream.aclose()

    async def _open(self, request: OutgoingRequest) -> AsyncSocketStream:
        origin, tls = self._route.origin, self._route.tls
        host = origin.host.decode("ascii")
        stream = await aconnect(self._deadline, host, origin.port, request.connect_timeout)
        if tls is None:
            return stream
        negotiate_http1(tls)
        return await stream.start_tls(tls, host, request.connect_timeout)
