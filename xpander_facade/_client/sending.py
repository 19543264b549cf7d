"""The two drivers of a call: `send` and `asend` do the I/O that the call flow asks for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from xpander_facade._client.call_flow import call_flow, prepare, takes_long
from xpander_facade._client.hooks import end, notify, with_added_headers
from xpander_facade._transport.background import run_in_thread
from xpander_facade._transport.pool_registry import running_loop
from xpander_facade._transport.request import Attempt
from xpander_facade._transport.transmission import atransmit, transmit

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade._client.call_flow import CallFlow, PreparedRequest
    from xpander_facade._client.request import Request, Snapshot
    from xpander_facade._transport.response import Failure, Response
    from xpander_facade.configuration._configuration import Configuration


T = TypeVar("T")


def send(
    configuration: Configuration,
    request: Request,
    reader: Callable[[Any], T],
    *,
    snapshot: Snapshot | None = None,
    in_background: bool = False,
) -> T:
    """Send a request and return what the reader makes of its answer.

    Args:
        configuration: Who asks, where, how patiently.
        request: What to ask; says itself whether it may be sent again.
        reader: Takes the decoded JSON, gives the value; raises DecodeError where the shape is wrong.
        snapshot: Gives the task that the request is about, where the caller holds it: what a dry run starts from.
        in_background: Nobody waits for it; see `foreground`.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ModuleException: The call failed.
    """
    flow: CallFlow[T] = call_flow(configuration, request, reader, time.monotonic, snapshot, in_background=in_background)
    outcome: Response | Failure | None = None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(step, Attempt):
            outcome = _attempt(configuration, step)
        else:
            time.sleep(step.seconds)
            outcome = None


async def asend(
    configuration: Configuration,
    request: Request,
    reader: Callable[[Any], T],
    *,
    snapshot: Snapshot | None = None,
) -> T:
    """Send a request and return what the reader makes of its answer.

    Args:
        configuration: Who asks, where, how patiently.
        request: What to ask; says itself whether it may be sent again.
        reader: Takes the decoded JSON, gives the value; raises DecodeError where the shape is wrong.
        snapshot: Gives the task that the request is about, where the caller holds it: what a dry run starts from.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ModuleException: The call failed.
    """
    import asyncio

    running_loop()
    ready: Request | PreparedRequest = request
    if takes_long(configuration, request):
        ready = await run_in_thread(prepare, configuration, request)
    flow: CallFlow[T] = call_flow(configuration, ready, reader, time.monotonic, snapshot)
    outcome: Response | Failure | None = None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(step, Attempt):
            outcome = await _aattempt(configuration, step)
        else:
            await asyncio.sleep(step.seconds)
            outcome = None


def _attempt(configuration: Configuration, attempt: Attempt) -> Response | Failure:
    attempt = with_added_headers(configuration, attempt)
    began = time.monotonic()
    try:
        outcome = transmit(configuration, attempt)
    # Ctrl-C, a time limit or a cancellation: a tracer's span must end all the same.
    except BaseException:
        end(attempt, None)
        raise
    notify(configuration, attempt, outcome, time.monotonic() - began)
    return outcome


async def _aattempt(configuration: Configuration, attempt: Attempt) -> Response | Failure:
    attempt = with_added_headers(configuration, attempt)
    began = time.monotonic()
    try:
        outcome = await atransmit(configuration, attempt)
    except BaseException:
        end(attempt, None)
        raise
    notify(configuration, attempt, outcome, time.monotonic() - began)
    return outcome
