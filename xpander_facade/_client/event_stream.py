"""Event streams: opened with the key, read in batches of frames, closed when the reader leaves.

Frames are read as the WHATWG standard has it: a byte order mark at the start is skipped, the id of the last event holds
on over connections until another one (an empty one, too) replaces it, and comments keep a stream alive without being
events.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Self

from xpander_facade._client.call_flow import first_attempt
from xpander_facade._client.dry_run import require_enabled
from xpander_facade._client.error_mapping import RequestInfo, failure_error, response_error
from xpander_facade._client.event_frames import FrameDecoder
from xpander_facade._client.hooks import notify, with_added_headers
from xpander_facade._client.secrets import secrets_of
from xpander_facade._transport.body import Body
from xpander_facade._transport.content_coding import ContentDecoder, UnreadableCodingError
from xpander_facade._transport.failures import failure_of, transport_errors
from xpander_facade._transport.response import Failure, Response
from xpander_facade._transport.transmission import aopen_stream, open_stream
from xpander_facade.errors import APIResponseParseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from types import TracebackType

    from xpander_facade._client.event_frames import Frame
    from xpander_facade._client.request import Request
    from xpander_facade._transport import async_pool, pool, user_client
    from xpander_facade._transport.request import Attempt
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.errors import ModuleException

_MAX_ERROR_BYTES = 100_000


def stream(
    configuration: Configuration,
    request: Request,
    idle_timeout: float,
    until: float | None,
    quiet_after: float | None = None,
) -> EventStream:
    """Return an event stream: a block that opens it, and gives its frames as they arrive, in batches.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.
        quiet_after: Seconds without an event after which an empty batch tells that the stream is quiet, although
            comments come. None tells nothing.

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
    """Return an event stream: a block that opens it, and gives its frames as they arrive, in batches.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.
        quiet_after: Seconds without an event after which an empty batch tells that the stream is quiet, although
            comments come. None tells nothing.

    Raises:
        ConfigurationError: The key or the organisation is missing.
    """
    return AsyncEventStream(configuration, request, idle_timeout, until, quiet_after)


class _Stream:
    """What both forms of a stream share: the request, its limits, and the errors.

    Attributes:
        quiet_after: Seconds without an event after which an empty batch tells that the stream is quiet. It may be
            changed between two batches.
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

    def _decoders(self, headers: Mapping[str, str]) -> tuple[ContentDecoder, FrameDecoder]:
        """Return what undoes the coding of the stream's content, and what makes frames of it.

        Raises:
            APIResponseParseError: The answer is not an event stream.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if "text/event-stream" not in kind:
            raise self._parse_error(f"its content type is {kind!r}")
        # The id of the last event holds on over connections.
        last_id = self._attempt.headers.get("last-event-id", "")
        return ContentDecoder(headers.get("content-encoding", "")), FrameDecoder(last_id)

    def _quiet_at(self) -> float:
        """Return the `time.monotonic()` from which on a stream that brings comments only is quiet."""
        return time.monotonic() + self.quiet_after

    def _reading_error(self, error: Exception) -> ModuleException:
        if isinstance(error, UnreadableCodingError):
            return self._parse_error(str(error))
        return self._error(failure_of(error))

    def _parse_error(self, problem: str) -> APIResponseParseError:
        return APIResponseParseError(f"the response is not an event stream ({problem}): check base_url", **self._info)


class EventStream(_Stream):
    """An event stream of threads. `with` opens it, iterating gives its frames, leaving the block closes it.

    Each batch holds all frames that one read has completed.
    """

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

    def __iter__(self) -> Iterator[list[Frame]]:
        # A stream opens within the timeout of any call, but may be silent for longer between two frames.
        self._response.wait_at_most(self._idle_timeout, self._until)
        batches = self._batches()
        problem: ModuleException | None = None
        while problem is None:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except _reading_errors() as error:
                problem = self._reading_error(error)
            else:
                yield batch
        raise problem

    def _batches(self) -> Iterator[list[Frame]]:
        content, frames = self._decoders(self._response.headers)
        quiet_at = self._quiet_at()
        for chunk in self._response:
            for data in content.decode(chunk):
                if batch := frames.decode(data):
                    yield batch
                    quiet_at = self._quiet_at()
            if time.monotonic() >= quiet_at and frames.is_between_events:
                yield []
                quiet_at = self._quiet_at()

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

    Each batch holds all frames that one read has completed. Neither opening nor closing is an async generator, and no
    generator within suspends as it is closed: the end of an event loop closes all of its generators at once, in any
    order.
    """

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

    async def __aiter__(self) -> AsyncIterator[list[Frame]]:
        # A stream opens within the timeout of any call, but may be silent for longer between two frames.
        self._response.wait_at_most(self._idle_timeout, self._until)
        batches = self._batches()
        problem: ModuleException | None = None
        while problem is None:
            try:
                batch = await anext(batches)
            except StopAsyncIteration:
                return
            except _reading_errors() as error:
                problem = self._reading_error(error)
            else:
                yield batch
        raise problem

    async def _batches(self) -> AsyncIterator[list[Frame]]:
        content, frames = self._decoders(self._response.headers)
        quiet_at = self._quiet_at()
        async for chunk in self._response:
            for data in content.decode(chunk):
                if batch := frames.decode(data):
                    yield batch
                    quiet_at = self._quiet_at()
            if time.monotonic() >= quiet_at and frames.is_between_events:
                yield []
                quiet_at = self._quiet_at()

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


def _reading_errors() -> tuple[type[Exception], ...]:
    return (UnreadableCodingError, *transport_errors())


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
