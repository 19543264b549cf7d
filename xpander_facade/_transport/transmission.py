"""Transmission: one attempt over a connection of ours, or through the httpx client that the configuration names."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from xpander_facade._transport.pool_registry import apools_for, pools_for
from xpander_facade._transport.request import OutgoingRequest
from xpander_facade._transport.routing import parse_url

if TYPE_CHECKING:
    from xpander_facade._transport import async_pool, pool, user_client
    from xpander_facade._transport.request import Attempt
    from xpander_facade._transport.response import Failure, Response
    from xpander_facade.configuration._configuration import Configuration


def transmit(configuration: Configuration, attempt: Attempt) -> Response | Failure:
    """Send a request once, and return the response or why there is none.

    Raises:
        ConfigurationError: A proxy, a certificate or the client can't be used.
    """
    timeout = min(configuration.timeout, attempt.deadline)
    until = time.monotonic() + attempt.deadline
    size = configuration.max_response_bytes
    if configuration.http_client is not None:
        from xpander_facade._transport import user_client

        client = user_client.sync_client(configuration.http_client)
        return user_client.send(client, attempt, timeout=timeout, until=until, max_bytes=size)
    target = parse_url(attempt.url)
    pool = pools_for(configuration).pool_for(target.origin)
    return pool.send(OutgoingRequest(attempt, target, timeout), wait=timeout, until=until, max_bytes=size)


async def atransmit(configuration: Configuration, attempt: Attempt) -> Response | Failure:
    """Send a request once, and return the response or why there is none.

    Raises:
        ConfigurationError: A proxy, a certificate or the client can't be used.
    """
    timeout = min(configuration.timeout, attempt.deadline)
    until = time.monotonic() + attempt.deadline
    size = configuration.max_response_bytes
    if configuration.async_http_client is not None:
        from xpander_facade._transport import user_client

        client = user_client.async_client(configuration.async_http_client)
        return await user_client.asend(client, attempt, timeout=timeout, until=until, max_bytes=size)
    target = parse_url(attempt.url)
    pool = (await apools_for(configuration)).pool_for(target.origin)
    return await pool.send(OutgoingRequest(attempt, target, timeout), wait=timeout, until=until, max_bytes=size)


def open_stream(
    configuration: Configuration, attempt: Attempt, timeout: float, until: float = math.inf
) -> pool.StreamedResponse | user_client.StreamedResponse:
    """Return a response that is read while it arrives: a block that opens it.

    Args:
        configuration: Which connections or client to use.
        attempt: What to send.
        timeout: Seconds to wait for anything.
        until: The `time.monotonic()` after which no read waits.

    Raises:
        ConfigurationError: A proxy, a certificate or the client can't be used.
    """
    if configuration.http_client is not None:
        from xpander_facade._transport import user_client

        client = user_client.sync_client(configuration.http_client)
        return user_client.StreamedResponse(client, attempt, timeout, until)
    target = parse_url(attempt.url)
    return pools_for(configuration).pool_for(target.origin).stream(OutgoingRequest(attempt, target, timeout), until)


async def aopen_stream(
    configuration: Configuration, attempt: Attempt, timeout: float, until: float = math.inf
) -> async_pool.AsyncStreamedResponse | user_client.AsyncStreamedResponse:
    """Return a response that is read while it arrives: a block that opens it.

    Args:
        configuration: Which connections or client to use.
        attempt: What to send.
        timeout: Seconds to wait for anything.
        until: The `time.monotonic()` after which no read waits.

    Raises:
        ConfigurationError: A proxy, a certificate or the client can't be used.
    """
    if configuration.async_http_client is not None:
        from xpander_facade._transport import user_client

        client = user_client.async_client(configuration.async_http_client)
        return user_client.AsyncStreamedResponse(client, attempt, timeout, until)
    target = parse_url(attempt.url)
    pool = (await apools_for(configuration)).pool_for(target.origin)
    return pool.stream(OutgoingRequest(attempt, target, timeout), until)
