"""Event streams: opened with the key, read frame by frame, closed when the reader leaves.

Frames are read as the WHATWG standard has it: a byte order mark at the start is skipped, the id of the last event holds
on over connections until another one (an empty one, too) replaces it, and comments keep a stream alive without being
events.
"""

from __future__ import annotations

import codecs
import math
import time
from typing import TYPE_CHECKING, Self, cast

from xpander_facade._transport.httpx_loading import httpx  # isort: skip (before httpx-sse imports it)
import httpx_sse

from xpander_facade._client.call_flow import first_attempt
from xpander_facade._client.dry_run import require_enabled
from xpander_facade._client.error_mapping import RequestInfo, failure_error, response_error
from xpander_facade._client.hooks import notify, with_added_headers
from xpander_facade._client.secrets import secrets_of
from xpander_facade._transport.body import Body
from xpander_facade._transport.content_coding import ContentDecoder, UnreadableCodingError
from xpander_facade._transport.exceptions import RemoteProtocolError
from xpander_facade._transport.failures import failure_of, transport_errors
from xpander_facade._transport.response import Failure, Response
from xpander_facade._transport.transmission import aopen_stream, open_stream
from xpander_facade.errors import APIResponseParseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from types import TracebackType

    from xpander_facade._client.request import Request
    from xpander_facade._transport import async_pool, pool, user_client
    from xpander_facade._transport.request import Attempt
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.errors import ModuleException

Frame = httpx_sse.ServerSentEvent
_MAX_ERROR_BYTES = 100_000
# As large as any answer may be by default.
_MAX_EVENT_BYTES = 64_000_000
# The standard allows three line ends, and an empty line ends an event.
_EVENT_ENDS = (b"\n\n", b"\r\r", b"\n\r\n")
_QUIET = "xpander-facade/quiet"
_QUIET_FRAME = f"event: {_QUIET}\n\n".encode()


def is_quiet(frame: Frame) -> bool:
    """Whether a frame is not the server's, but tells that no event came for long, although the stream is alive."""
    return frame.event == _QUIET and not frame.data


def stream(
    configuration: Configuration,
    request: Request,
    idle_timeout: float,
    until: float | None,
    quiet_after: float | None = None,
) -> EventStream:
    """Return an event stream: a block that opens it, and gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.
        quiet_after: Seconds without an event after which a frame tells that the stream is quiet, although comments
            come: see `is_quiet`. None tells nothing.

    Raises:
        ConfigurationError: The key or the organisation is missing.
    """
    return EventStream(configuration, request, idle_timeout, until, quiet_after)


def astream(
    configuration: Configuration,
    request: Request,
    idle_timeout: float,
    until: float | None,
    quiet_after: float | None = None,
) -> AsyncEventStream:
    """Return an event stream: a block that opens it, and gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.
        quiet_after: Seconds without an event after which a frame tells that the stream is quiet, although comments
            come: see `is_quiet`. None tells nothing.

    Raises:
        ConfigurationError: The key or the organisation is missing.
    """
    return AsyncEventStream(configuration, request, idle_timeout, until, quiet_after)


class _Stream:
    """What both forms of a stream share: the request, its limits, and the errors.

    Attributes:
        quiet_after: Seconds without an event after which a frame tells that the stream is quiet. It may be changed.
    """

    def __init__(
        self,
        configuration: Configuration,
        request: Request,
        idle_timeout: float,
        until: float | None,
        quiet_after: float | None,
    ) -> None:
        require_enabled(configuration, "an event stream")
        self._configuration = configuration
        self._attempt = _stream_attempt(configuration, request)
        self._info: RequestInfo = {"method": self._attempt.method, "url": self._attempt.url.partition("?")[0]}
        self._idle_timeout = idle_timeout
        self._until = math.inf if until is None else until
        self.quiet_after = math.inf if quiet_after is None else quiet_after
        self._began = time.monotonic()

    @property
    def _timeout(self) -> float:
        """Seconds that opening the stream may wait: a stream opens within the timeout of any call."""
        return min(self._configuration.timeout, self._idle_timeout)

    def _notify(self, outcome: Response | Failure) -> None:
        notify(self._configuration, self._attempt, outcome, time.monotonic() - self._began)

    def _error(self, outcome: Response | Failure) -> ModuleException:
        outcome = outcome.redacted(secrets_of(self._configuration))
        if isinstance(outcome, Failure):
            return failure_error(outcome, self._info)
        return response_error(outcome, self._info)

    def _frame_error(self, error: Exception) -> ModuleException:
        if isinstance(error, httpx_sse.SSEError | UnreadableCodingError):
            return APIResponseParseError(f"the response is not an event stream ({error}): check base_url", **self._info)
        return self._error(failure_of(error))


class EventStream(_Stream):
    """An event stream of threads. `with` opens it, iterating gives its frames, leaving the block closes it."""

    def __enter__(self) -> Self:
        problem: ModuleException | None = None
        try:
            self._attempt = with_added_headers(self._configuration, self._attempt)
            self._response = open_stream(self._configuration, self._attempt, self._timeout, self._until)
            self._response.__enter__()
            if 200 <= self._response.status_code < 300:
                self._notify(Response(self._response.status_code, self._response.headers, b""))
                return self
            problem = self._refusal(self._response)
        except transport_errors() as error:
            failure = failure_of(error)
            self._notify(failure)
            problem = self._error(failure)
        # Outside of the `except`: an error of the transport as its context would hold the request, and the key with
        # it.
        raise problem

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._response.__exit__(kind, error, traceback)

    def __iter__(self) -> Iterator[Frame]:
        # A stream opens within the timeout of any call, but may be silent for longer between two frames.
        self._response.wait_at_most(self._idle_timeout, self._until)
        chunks = _Chunks(self._attempt, self._response)
        frames = httpx_sse.EventSource(_Readable(self._response, chunks)).iter_sse()
        problem: ModuleException | None = None
        while problem is None:
            try:
                chunks.quiet_at = time.monotonic() + self.quiet_after
                frame = next(frames)
            except StopIteration:
                return
            except _frame_errors() as error:
                problem = self._frame_error(error)
            else:
                yield frame
        raise problem

    def _refusal(self, response: pool.StreamedResponse | user_client.StreamedResponse) -> ModuleException:
        try:
            body = Body(response.headers, _MAX_ERROR_BYTES)
            for chunk in response:
                if not body.feed(chunk):
                    break
        finally:
            response.__exit__(None, None, None)
        outcome = body.response(response.status_code)
        self._notify(outcome)
        return self._error(outcome)


class AsyncEventStream(_Stream):
    """An event stream of an event loop. `async with` opens it, iterating gives its frames, leaving the block closes it.

    Neither opening nor closing is an async generator, and no generator within suspends as it is closed: the end of an
    event loop closes all of its generators at once, in any order.
    """

    _frames: AsyncIterator[Frame] | None = None

    async def __aenter__(self) -> Self:
        problem: ModuleException | None = None
        try:
            self._attempt = with_added_headers(self._configuration, self._attempt)
            self._response = await aopen_stream(self._configuration, self._attempt, self._timeout, self._until)
            await self._response.__aenter__()
            if 200 <= self._response.status_code < 300:
                self._notify(Response(self._response.status_code, self._response.headers, b""))
                return self
            problem = await self._refusal(self._response)
        except transport_errors() as error:
            failure = failure_of(error)
            self._notify(failure)
            problem = self._error(failure)
        raise problem

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._response.__aexit__(kind, error, traceback)

    async def __aiter__(self) -> AsyncIterator[Frame]:
        # A stream opens within the timeout of any call, but may be silent for longer between two frames.
        self._response.wait_at_most(self._idle_timeout, self._until)
        chunks = _Chunks(self._attempt, self._response)
        frames = httpx_sse.EventSource(_Readable(self._response, chunks)).aiter_sse()
        problem: ModuleException | None = None
        while problem is None:
            try:
                chunks.quiet_at = time.monotonic() + self.quiet_after
                frame = await anext(frames)
            except StopAsyncIteration:
                return
            except _frame_errors() as error:
                problem = self._frame_error(error)
            else:
                yield frame
        raise problem

    async def _refusal(
        self, response: async_pool.AsyncStreamedResponse | user_client.AsyncStreamedResponse
    ) -> ModuleException:
        try:
            body = Body(response.headers, _MAX_ERROR_BYTES)
            async for chunk in response:
                if not body.feed(chunk):
                    break
        finally:
            await response.__aexit__(None, None, None)
        outcome = body.response(response.status_code)
        self._notify(outcome)
        return self._error(outcome)


def _frame_errors() -> tuple[type[Exception], ...]:
    return (httpx_sse.SSEError, UnreadableCodingError, *transport_errors())


def _stream_attempt(configuration: Configuration, request: Request) -> Attempt:
    attempt = first_attempt(configuration, request)
    attempt.headers["accept"] = "text/event-stream"
    attempt.headers["cache-control"] = "no-store"
    # Who compresses on the way collects a block first, and holds back the events in it.
    attempt.headers["accept-encoding"] = "identity"
    last_id = attempt.headers.get("last-event-id")
    # An id may hold what no header can: then the stream begins anew, and what came before is known.
    if last_id is not None and not last_id.isprintable():
        del attempt.headers["last-event-id"]
    return attempt


class _Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a stream in the form that httpx reads. An event that never ends is a broken stream.

    Attributes:
        quiet_at: The `time.monotonic()` from which on a stream that brings comments only is quiet.
    """

    def __init__(
        self,
        attempt: Attempt,
        response: pool.StreamedResponse
        | user_client.StreamedResponse
        | async_pool.AsyncStreamedResponse
        | user_client.AsyncStreamedResponse,
    ) -> None:
        self.quiet_at = math.inf
        self._response = response
        self._last_id = attempt.headers.get("last-event-id", "")
        self._start: bytes | None = b""
        self._size = 0
        self._last = b""
        self._is_between_events = False

    def __iter__(self) -> Iterator[bytes]:
        decoder = self._decoder()
        yield self._prelude()
        for chunk in cast("Iterable[bytes]", self._response):
            for decoded in decoder.decode(chunk):
                yield self._measured(self._without_mark(decoded))
            if self._is_quiet():
                # As a frame of the stream, since httpx-sse gives nothing while only comments come.
                yield _QUIET_FRAME

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = self._decoder()
        yield self._prelude()
        async for chunk in cast("AsyncIterable[bytes]", self._response):
            for decoded in decoder.decode(chunk):
                yield self._measured(self._without_mark(decoded))
            if self._is_quiet():
                yield _QUIET_FRAME

    def _is_quiet(self) -> bool:
        # Only between two events: the frame that tells of it would end one that is half here.
        return time.monotonic() >= self.quiet_at and self._is_between_events

    def _decoder(self) -> ContentDecoder:
        return ContentDecoder(self._response.headers.get("content-encoding", ""))

    def _prelude(self) -> bytes:
        # The id of the last event holds on over connections; the decoder of a connection does not know the one before.
        return f"id: {self._last_id}\n".encode() if self._last_id else b""

    def _without_mark(self, data: bytes) -> bytes:
        """Return the data without a byte order mark at the start of the stream, which may come in pieces."""
        if self._start is None:
            return data
        self._start += data
        if len(self._start) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(self._start):
            return b""
        data, self._start = self._start.removeprefix(codecs.BOM_UTF8), None
        return data

    def _measured(self, chunk: bytes) -> bytes:
        data = self._last + chunk
        end = max(data.rfind(mark) for mark in _EVENT_ENDS)
        self._size = self._size + len(chunk) if end < 0 else len(data) - end
        # An end may be split over two chunks, and has at most three bytes.
        self._last = data[-3:]
        self._is_between_events = data.endswith(_EVENT_ENDS)
        if self._size > _MAX_EVENT_BYTES:
            raise RemoteProtocolError(f"an event is larger than {_MAX_EVENT_BYTES} bytes")
        return chunk


class _Readable(httpx.Response):
    """The response in the form that httpx-sse reads: UTF-8, as the standard has it."""

    def __init__(
        self,
        response: pool.StreamedResponse
        | user_client.StreamedResponse
        | async_pool.AsyncStreamedResponse
        | user_client.AsyncStreamedResponse,
        chunks: _Chunks,
    ) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        super().__init__(response.status_code, headers={"content-type": kind}, stream=chunks)
