"""Own event streams: opened with the key, read frame by frame, closed when the reader leaves."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx
import httpx_sse

from xpander_facade._client.call_flow import first_attempt
from xpander_facade._client.dry_run import refuse
from xpander_facade._client.error_mapping import Where, answer_error, failure_error
from xpander_facade._transport.body import Body, headers_of
from xpander_facade._transport.failures import ENGINE_ERRORS, failure_of
from xpander_facade._transport.pool_registry import aclient_of, client_of
from xpander_facade._transport.response import Answer, Failure
from xpander_facade._transport.routing import Target, build, parse_url
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
    configuration: Configuration, request: Request, silence: float, until: float | None
) -> Generator[Iterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        silence: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    target, sent, where = _prepare(configuration, request, silence)
    stack = client_of(configuration).stack_to(target.origin)
    problem: ModuleException | None = None
    try:
        with stack.stream(sent, math.inf if until is None else until) as response:
            if not 200 <= response.status < 300:
                problem = _refusal(configuration, response, where)
            else:
                _allow_silence(sent, silence)
                yield _frames(response, where)
    except ENGINE_ERRORS as error:
        problem = _error(configuration, failure_of(error), where)
    if problem is not None:
        raise problem


@contextlib.asynccontextmanager
async def astream(
    configuration: Configuration, request: Request, silence: float, until: float | None
) -> AsyncGenerator[AsyncIterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: An operation of the events server.
        silence: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    target, sent, where = _prepare(configuration, request, silence)
    stack = (await aclient_of(configuration)).stack_to(target.origin)
    problem: ModuleException | None = None
    try:
        async with stack.stream(sent, math.inf if until is None else until) as response:
            if not 200 <= response.status < 300:
                problem = await _arefusal(configuration, response, where)
            else:
                _allow_silence(sent, silence)
                yield _aframes(response, where)
    except ENGINE_ERRORS as error:
        problem = _error(configuration, failure_of(error), where)
    if problem is not None:
        raise problem


def _prepare(configuration: Configuration, request: Request, silence: float) -> tuple[Target, httpcore.Request, Where]:
    refuse(configuration, "an event stream")
    step = first_attempt(configuration, request)
    step.headers["accept"] = "text/event-stream"
    step.headers["cache-control"] = "no-store"
    step.headers["accept-encoding"] = "identity"
    target = parse_url(step.url)
    sent = build(step, target, min(configuration.timeout, silence))
    return target, sent, {"method": step.method, "url": step.url.partition("?")[0]}


def _refusal(configuration: Configuration, response: httpcore.Response, where: Where) -> ModuleException:
    body = Body(headers_of(response), _MAX_ERROR_BYTES)
    for chunk in response.iter_stream():
        if not body.feed(chunk):
            break
    return _error(configuration, body.answer(response.status), where)


async def _arefusal(configuration: Configuration, response: httpcore.Response, where: Where) -> ModuleException:
    body = Body(headers_of(response), _MAX_ERROR_BYTES)
    async for chunk in response.aiter_stream():
        if not body.feed(chunk):
            break
    return _error(configuration, body.answer(response.status), where)


def _error(configuration: Configuration, answer: Answer | Failure, where: Where) -> ModuleException:
    if isinstance(answer, Failure):
        return failure_error(answer.without(configuration.get_api_key()), where)
    return answer_error(answer.without(configuration.get_api_key()), where)


def _allow_silence(sent: httpcore.Request, silence: float) -> None:
    # Opening is as impatient as any call; between two frames it may be quiet for longer. The engine looks at the
    # timeouts anew when it comes to the body.
    cast("Any", sent).extensions["timeout"]["read"] = silence


class _Relay(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The engine's stream in the form that httpx reads. An event that never ends is a broken stream."""

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
    """The engine's response in the form that httpx-sse reads: UTF-8, as the standard has it, and not compressed."""

    def __init__(self, response: httpcore.Response) -> None:
        kind = headers_of(response).get("content-type", "").partition(";")[0]
        super().__init__(response.status, headers={"content-type": kind}, stream=_Relay(response))


def _frames(response: httpcore.Response, where: Where) -> Iterator[Frame]:
    frames = httpx_sse.EventSource(_Readable(response)).iter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the answer is no event stream ({error}): check base_url", **where)
        except ENGINE_ERRORS as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem


async def _aframes(response: httpcore.Response, where: Where) -> AsyncIterator[Frame]:
    frames = httpx_sse.EventSource(_Readable(response)).aiter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = await anext(frames)
        except StopAsyncIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the answer is no event stream ({error}): check base_url", **where)
        except ENGINE_ERRORS as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem
