"""Own the network: the only room that makes HTTP clients. It takes requests and gives values or errors.

A call is one pure generator (`_exchange`) with two drivers, `send` and `asend`. Nothing of httpx leaves this room.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from xpander_facade._http._clients import aclient_of, aclose, client_of, close, hold
from xpander_facade._http._disabled import refuse
from xpander_facade._http._door import CONNECT_TIMEOUT, build, parse_url
from xpander_facade._http._exchange import USER_AGENT, Attempt, exchange, prepared, takes_long
from xpander_facade._http._streams import Frame, astream, stream
from xpander_facade._retry import Repeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_api import AuthenticatedClient

    from xpander_facade._http._answers import Answer, Failure
    from xpander_facade._http._exchange import Request, Steps
    from xpander_facade._http._files import afetch_texts, fetch_texts
    from xpander_facade.configuration import Configuration

__all__ = [
    "Frame",
    "Repeat",
    "aclose",
    "afetch_texts",
    "asend",
    "astream",
    "close",
    "fetch_texts",
    "hold",
    "raw_client",
    "send",
    "stream",
]

T = TypeVar("T")


def send(configuration: Configuration, request: Request, repeat: Repeat, reader: Callable[[Any], T]) -> T:
    """Send a request and return what the reader makes of its answer.

    Args:
        configuration: Who asks, where, how patiently.
        request: The keywords that a generated operation's request half gives.
        repeat: When the request may be sent again.
        reader: Takes the decoded JSON, gives the value; raises Mismatch where the shape is wrong.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ModuleException: The call failed.
    """
    steps: Steps[T] = exchange(configuration, request, repeat, reader, time.monotonic)
    outcome: Answer | Failure | None = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(step, Attempt):
            outcome = _attempt(configuration, step)
        else:
            time.sleep(step.seconds)
            outcome = None


async def asend(configuration: Configuration, request: Request, repeat: Repeat, reader: Callable[[Any], T]) -> T:
    """Send a request and return what the reader makes of its answer.

    Args:
        configuration: Who asks, where, how patiently.
        request: The keywords that a generated operation's request half gives.
        repeat: When the request may be sent again.
        reader: Takes the decoded JSON, gives the value; raises Mismatch where the shape is wrong.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ModuleException: The call failed.
    """
    import asyncio

    if takes_long(configuration, request):
        request = await asyncio.to_thread(prepared, configuration, request)
    steps: Steps[T] = exchange(configuration, request, repeat, reader, time.monotonic)
    outcome: Answer | Failure | None = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(step, Attempt):
            outcome = await _aattempt(configuration, step)
        else:
            await asyncio.sleep(step.seconds)
            outcome = None


def _attempt(configuration: Configuration, step: Attempt) -> Answer | Failure:
    target = parse_url(step.url)
    stack = client_of(configuration).stack_to(target.origin)
    timeout = min(configuration.timeout, step.deadline)
    request = build(step, target, timeout)
    until = time.monotonic() + step.deadline
    return stack.send(request, wait=timeout, until=until, max_bytes=configuration.max_response_bytes)


async def _aattempt(configuration: Configuration, step: Attempt) -> Answer | Failure:
    target = parse_url(step.url)
    stack = (await aclient_of(configuration)).stack_to(target.origin)
    timeout = min(configuration.timeout, step.deadline)
    request = build(step, target, timeout)
    until = time.monotonic() + step.deadline
    return await stack.send(request, wait=timeout, until=until, max_bytes=configuration.max_response_bytes)


def raw_client(configuration: Configuration) -> AuthenticatedClient:
    """Return the generated client with a configuration's URL, key and timeout.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing, or sending is disabled.
    """
    refuse(configuration, "the raw client")
    import httpx

    from xpander_facade._http._raw import RawClient

    timeout = httpx.Timeout(configuration.timeout, connect=min(CONNECT_TIMEOUT, configuration.timeout))
    return RawClient(
        base_url=configuration.get_full_url(),
        token=configuration.get_api_key(),
        prefix="",
        auth_header_name="x-api-key",
        timeout=timeout,
        verify_ssl=configuration.verify,
        headers={"user-agent": USER_AGENT},
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Few programs fetch files, and the way to do it needs asyncio.
        if name in {"afetch_texts", "fetch_texts"}:
            from xpander_facade._http import _files

            return getattr(_files, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
