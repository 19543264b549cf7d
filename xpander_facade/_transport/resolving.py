"""Name resolution with a deadline: a name server that never answers delays no caller, and no end of a program."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import socket
import threading
from itertools import chain, zip_longest
from typing import Any

Address = tuple[int, Any]
"""A family (`socket.AF_INET`, `socket.AF_INET6`) and a socket address of it."""


def resolve(host: str, port: int, timeout: float | None) -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        host: A name or an address.
        port: The port that the addresses carry.
        timeout: Seconds to wait; None waits as long as the system does.

    Raises:
        TimeoutError: The name server did not answer in time.
        OSError: The host has no address.
        UnicodeError: It is not a host name.
    """
    return resolve_in_background(host, port).result(timeout)


async def aresolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        host: A name or an address.
        port: The port that the addresses carry.

    Raises:
        OSError: The host has no address.
        UnicodeError: It is not a host name.
    """
    import asyncio

    future = resolve_in_background(host, port)
    return future.result() if future.done() else await asyncio.wrap_future(future)


def resolve_in_background(host: str, port: int) -> concurrent.futures.Future[list[Address]]:
    """Begin to resolve a host; the future gives its addresses in the order in which to try them."""
    future: concurrent.futures.Future[list[Address]] = concurrent.futures.Future()
    if _is_address(host):
        _resolve(host, port, future)
        return future
    # A resolution can't be cancelled. A thread pool would be joined at the end of the loop or of the interpreter, and
    # takes no work any more once the main thread has ended; a daemon thread of its own is free of both.
    try:
        threading.Thread(target=_resolve, args=(host, port, future), name="xpander-resolve", daemon=True).start()
    except RuntimeError:  # the interpreter is ending, or there are too many threads
        _resolve(host, port, future)
    return future


def interleaved(addresses: list[Address]) -> list[Address]:
    """Return addresses with their families taking turns (RFC 8305), so that one dead family costs little time."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address is not None]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int, future: concurrent.futures.Future[list[Address]]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((int(entry[0]), entry[4]) for entry in found))
        if not addresses:
            raise OSError(f"{host[:80]} has no address")
        future.set_result(interleaved(addresses))
    except BaseException as error:
        future.set_exception(error)
