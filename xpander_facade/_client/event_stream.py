"""Event streams: opened with the key, read frame by frame, closed when the reader leaves."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx
import httpx_sse

from xpander_facade._client.call_flow import first_attempt
from xpander_facade._client.dry_run import refuse
from xpander_facade._client.error_mapping import RequestInfo, failure_error, response_error
from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.pool_registry import apools_for, pools_for
from xpander_facade._transport.response import Failure, Response
from xpander_facade._transport.routing import Target, build_request, parse_url
from xpander_facade.errors import APIResponseParseError, ModuleException

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator

    from xpander_facade._client.request import Request
    from xpander_facade.configuration._configuration import Configuration

Frame = httpx_sse.ServerSentEvent
_MAX_ERROR_BYTES = 100_000
_MAX_EVENT_BYTES = 64_000_000
_EVENT_ENDS = (b"\n\n", b"\r\r", b"\n\r\n")


@contextlib.contextmanager
def stream(
    configuration: Configuration, request: Request, idle_timeout: float, until: float | None
) -> Generator[Iterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    target, sent, where = _prepare(configuration, request, idle_timeout)
    pool = pools_for(configuration).pool_for(target.origin)
    problem: ModuleException | None = None
    try:
        with pool.stream(sent, math.inf if until is None else until) as response:
            if not 200 <= response.status < 300:
                problem = _refusal(configuration, response, where)
            else:
                _set_idle_timeout(sent, idle_timeout)
                yield _frames(response, where)
    except HTTPCORE_ERRORS as error:
        problem = _error(configuration, failure_of(error), where)
    if problem is not None:
        raise problem


@contextlib.asynccontextmanager
async def astream(
    configuration: Configuration, request: Request, idle_timeout: float, until: float | None
) -> AsyncGenerator[AsyncIterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        idle_timeout: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    target, sent, where = _prepare(configuration, request, idle_timeout)
    pool = (await apools_for(configuration)).pool_for(target.origin)
    problem: ModuleException | None = None
    try:
        async with pool.stream(sent, math.inf if until is None else until) as response:
            if not 200 <= response.status < 300:
                problem = await _arefusal(configuration, response, where)
            else:
                _set_idle_timeout(sent, idle_timeout)
                yield _aframes(response, where)
    except HTTPCORE_ERRORS as error:
        problem = _error(configuration, failure_of(error), where)
    if problem is not None:
        raise problem


def _prepare(
    configuration: Configuration, request: Request, idle_timeout: float
) -> tuple[Target, httpcore.Request, RequestInfo]:
    refuse(configuration, "an event stream")
    step = first_attempt(configuration, request)
    step.headers["accept"] = "text/event-stream"
    step.headers["cache-control"] = "no-store"
    step.headers["accept-encoding"] = "identity"
    target = parse_url(step.url)
    sent = build_request(step, target, min(configuration.timeout, idle_timeout))
    return target, sent, {"method": step.method, "url": step.url.partition("?")[0]}


def _refusal(configuration: Configuration, response: httpcore.Response, where: RequestInfo) -> ModuleException:
    body = Body(headers_of(response), _MAX_ERROR_BYTES)
    for chunk in response.iter_stream():
        if not body.feed(chunk):
            break
    return _error(configuration, body.response(response.status), where)


async def _arefusal(configuration: Configuration, response: httpcore.Response, where: RequestInfo) -> ModuleException:
    body = Body(headers_of(response), _MAX_ERROR_BYTES)
    async for chunk in response.aiter_stream():
        if not body.feed(chunk):
            break
    return _error(configuration, body.response(response.status), where)


def _error(configuration: Configuration, response: Response | Failure, where: RequestInfo) -> ModuleException:
    if isinstance(response, Failure):
        return failure_error(response.redacted(configuration.get_api_key()), where)
    return response_error(response.redacted(configuration.get_api_key()), where)


def _set_idle_timeout(sent: httpcore.Request, idle_timeout: float) -> None:
    # A stream opens within the timeout of any call, but may be quiet for longer between two frames. httpcore reads the
    # timeouts again when it reads the body.
    cast("Any", sent).extensions["timeout"]["read"] = idle_timeout


class _ByteStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body stream in the form that httpx reads. An event that never ends is a broken stream."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self._size = 0
        self._last = b""

    def __iter__(self) -> Iterator[bytes]:
        self._refuse_compressed()
        for chunk in self._response.iter_stream():
            self._measure(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._refuse_compressed()
        async for chunk in self._response.aiter_stream():
            self._measure(chunk)
            yield chunk

    def _refuse_compressed(self) -> None:
        encoding = headers_of(self._response).get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity"}:
            raise httpx_sse.SSEError(f"its encoding {encoding[:40]!r} was not asked for")

    def _measure(self, chunk: bytes) -> None:
        data = self._last + chunk
        end = max(data.rfind(mark) for mark in _EVENT_ENDS)
        self._size = self._size + len(chunk) if end < 0 else len(data) - end
        self._last = data[-2:]
        if self._size > _MAX_EVENT_BYTES:
            raise httpcore.RemoteProtocolError(f"an event is larger than {_MAX_EVENT_BYTES} bytes")


class _Readable(httpx.Response):
    """The response in the form that httpx-sse reads: UTF-8, as the standard has it, and not compressed."""

    def __init__(self, response: httpcore.Response) -> None:
        kind = headers_of(response).get("content-type", "").partition(";")[0]
        super().__init__(response.status, headers={"content-type": kind}, stream=_ByteStream(response))


def _frames(response: httpcore.Response, where: RequestInfo) -> Iterator[Frame]:
    frames = httpx_sse.EventSource(_Readable(response)).iter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the response is not an event stream ({error}): check base_url", **where)
        except HTTPCORE_ERRORS as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem


async def _aframes(response: httpcore.Response, where: RequestInfo) -> AsyncIterator[Frame]:
    frames = httpx_sse.EventSource(_Readable(response)).aiter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = await anext(frames)
        except StopAsyncIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the response is not an event stream ({error}): check base_url", **where)
        except HTTPCORE_ERRORS as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem
