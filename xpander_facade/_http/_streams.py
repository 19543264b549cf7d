"""Own event streams: opened with the key, read frame by frame, closed when the reader leaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import httpx_sse

from xpander_facade._http._answers import Where, answer_error, failure_error
from xpander_facade._http._clients import aclient_of, client_of
from xpander_facade._http._connections import answer_of, failure_of, parse_url
from xpander_facade._http._connections import build as build_request
from xpander_facade._http._exchange import first_attempt
from xpander_facade.errors import APIResponseParseError, ModuleException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade._http._exchange import Request
    from xpander_facade.configuration import Configuration

Frame = httpx_sse.ServerSentEvent
_MAX_ERROR_BYTES = 100_000


@contextlib.contextmanager
def stream(
    configuration: Configuration, request: Request, last_id: str | None, silence: float, until: float | None
) -> Iterator[Iterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: The keywords of the generated request half.
        last_id: The id of the last frame that was seen, or None.
        silence: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    url, sent, where = _prepare(configuration, request, last_id, silence, until)
    stack = client_of(configuration).stack_to(url)
    problem: ModuleException | None = None
    try:
        with stack.stream(sent) as response:
            if not response.is_success:
                content = b"".join(chunk for chunk, _ in zip(response.iter_bytes(), range(100), strict=False))
                problem = _refusal(configuration, response, content[:_MAX_ERROR_BYTES], where)
            else:
                timer = _cut_later(response, until)
                try:
                    yield _frames(response, where)
                finally:
                    if timer is not None:
                        timer.cancel()
    except httpx.HTTPError as error:
        problem = failure_error(failure_of(error), where)
    if problem is not None:
        raise problem


@contextlib.asynccontextmanager
async def astream(
    configuration: Configuration, request: Request, last_id: str | None, silence: float, until: float | None
) -> AsyncIterator[AsyncIterator[Frame]]:
    """Open an event stream; the block's iterator gives its frames as they arrive.

    Args:
        configuration: Who asks, and where the streams are.
        request: The keywords of the generated request half.
        last_id: The id of the last frame that was seen, or None.
        silence: Seconds without a byte after which the stream counts as lost.
        until: The `time.monotonic()` at which the stream is cut; None never cuts it.

    Raises:
        ConfigurationError: The key or the organisation is missing.
        ModuleException: The stream can't be opened, or broke.
    """
    url, sent, where = _prepare(configuration, request, last_id, silence, until)
    stack = (await aclient_of(configuration)).stack_to(url)
    problem: ModuleException | None = None
    try:
        async with stack.stream(sent) as response:
            if not response.is_success:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _MAX_ERROR_BYTES:
                        break
                problem = _refusal(configuration, response, bytes(content[:_MAX_ERROR_BYTES]), where)
            else:
                timer = _acut_later(response, until)
                try:
                    yield _aframes(response, where)
                finally:
                    if timer is not None:
                        timer.cancel()
    except httpx.HTTPError as error:
        problem = failure_error(failure_of(error), where)
    if problem is not None:
        raise problem


def _prepare(
    configuration: Configuration, request: Request, last_id: str | None, silence: float, until: float | None
) -> tuple[httpx.URL, httpx.Request, Where]:
    step = first_attempt(configuration, request, configuration.get_events_url())
    step.headers["accept"] = "text/event-stream"
    step.headers["cache-control"] = "no-store"
    if last_id is not None:
        step.headers["last-event-id"] = last_id
    url = parse_url(step.url)
    wait = silence if until is None else max(0.001, min(silence, until - time.monotonic()))
    sent = build_request(step, url, min(configuration.timeout, wait))
    # Opening is as impatient as any call; between two frames it may be quiet for as long as silence says.
    sent.extensions["timeout"]["read"] = wait
    return url, sent, {"method": step.method, "url": step.url.partition("?")[0]}


def _refusal(configuration: Configuration, response: httpx.Response, content: bytes, where: Where) -> ModuleException:
    return answer_error(answer_of(response, content).without(configuration.get_api_key()), where)


def _frames(response: httpx.Response, where: Where) -> Iterator[Frame]:
    frames = httpx_sse.EventSource(response).iter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the answer is no event stream ({error}): check base_url", **where)
        except httpx.HTTPError as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem


async def _aframes(response: httpx.Response, where: Where) -> AsyncIterator[Frame]:
    frames = httpx_sse.EventSource(response).aiter_sse()
    problem: ModuleException | None = None
    while problem is None:
        try:
            frame = await anext(frames)
        except StopAsyncIteration:
            return
        except httpx_sse.SSEError as error:
            problem = APIResponseParseError(f"the answer is no event stream ({error}): check base_url", **where)
        except httpx.HTTPError as error:
            problem = failure_error(failure_of(error), where)
        else:
            yield frame
    raise problem


def _cut_later(response: httpx.Response, until: float | None) -> threading.Timer | None:
    # A read that waits can't be told of a deadline, and comments keep it waiting. Shutting the socket down ends it.
    if until is None:
        return None
    timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, (_socket_of(response),))
    timer.daemon = True
    timer.start()
    return timer


def _acut_later(response: httpx.Response, until: float | None) -> asyncio.TimerHandle | None:
    if until is None:
        return None
    return asyncio.get_running_loop().call_later(max(0.0, until - time.monotonic()), _shut, _socket_of(response))


def _socket_of(response: httpx.Response) -> Any:
    return response.extensions["network_stream"].get_extra_info("socket")


def _shut(connection: Any) -> None:
    with contextlib.suppress(OSError):
        if isinstance(connection, socket.socket):
            # Below TLS on purpose: the TLS object belongs to the thread that reads.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        else:
            connection.shutdown(socket.SHUT_RDWR)
