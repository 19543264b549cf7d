"""Own who shares which connections, and when they close.

A client holds the stacks of connections of one process, one event loop (or threads), one base URL and one way of
checking certificates. The key, timeouts and retries travel with each request and are no part of it.

Holders (a Backend, say) are known by weak reference; the last holder that is closed closes the client. Clients that
nobody closes stay for the next caller; beyond MAX_CLIENTS those without a holder go, the one unused for the longest
first. An event loop's clients are closed as the loop shuts down; nothing is inherited across a fork.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from xpander_facade._transport.pool import SyncStack
from xpander_facade._transport.routing import door_to

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncGenerator, Hashable

    import httpcore

    from xpander_facade._transport.async_pool import AsyncStack
    from xpander_facade.configuration._configuration import Configuration

MAX_CLIENTS = 8

S = TypeVar("S", "SyncStack", "AsyncStack")
Place = tuple[str, "bool | str | ssl.SSLContext", tuple["str | None", ...], int]
"""What must agree to share connections: base URL, verify, the environment's certificates and proxies."""


class Client(Generic[S]):
    """The stacks of one process and loop to the origins that one base URL leads to (the API's and the streams')."""

    def __init__(self, place: Place, stack: type[S]) -> None:
        self._place = place
        self._stack: type[S] = stack
        self._lock = threading.Lock()
        self._stacks: dict[tuple[bytes, bytes, int], S] = {}
        self._retired = False

    def stack_to(self, origin: httpcore.Origin) -> S:
        """Return the stack to an origin."""
        key = (origin.scheme, origin.host, origin.port)
        stack = self._stacks.get(key)
        if stack is None:
            with self._lock:
                stack = self._stacks.get(key)
                if stack is None:
                    _, verify, environment, _ = self._place
                    stack = self._stacks[key] = self._stack(door_to(origin, verify, environment))
                    if self._retired:
                        stack.retire()
        return stack

    def retire(self) -> list[S]:
        """Keep no connection from now on, and return the stacks to close. A caller on its way may still use it."""
        with self._lock:
            self._retired = True
            return list(self._stacks.values())


class _Registry:
    """All clients of a process. The lock is held for bookkeeping only, never over I/O."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = os.getpid()
        self.sync: OrderedDict[Place, Client[SyncStack]] = OrderedDict()
        self.loops: dict[asyncio.AbstractEventLoop, OrderedDict[Place, Client[AsyncStack]]] = {}
        self.closers: dict[asyncio.AbstractEventLoop, AsyncGenerator[None]] = {}


_registry = _Registry()
_inherited: list[_Registry] = []
_holders: dict[Place, weakref.WeakSet[object]] = {}


def _current() -> _Registry:
    global _registry
    if _registry.pid != os.getpid():
        # What a parent opened stays open in the parent. It is kept, never used and never closed: closing or collecting
        # it here could end connections that the parent is using.
        _inherited.append(_registry)
        _registry = _Registry()
    return _registry


def _forget_parent() -> None:
    global _registry
    _inherited.append(_registry)
    _registry = _Registry()


if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_forget_parent)


def place_of(configuration: Configuration) -> Place:
    """Return what a configuration must share with another one to share its connections."""
    return configuration.base_url, configuration.verify, *configuration.surroundings


def hold(configuration: Configuration, holder: Hashable) -> None:
    """Note that an object uses a configuration's connections until it gives them back or is collected."""
    place = place_of(configuration)
    holders = _holders.get(place)
    if holders is None or holder not in holders:
        with _current().lock:
            _holders.setdefault(place, weakref.WeakSet()).add(holder)


def client_of(configuration: Configuration) -> Client[SyncStack]:
    """Return the client for threads."""
    place = place_of(configuration)
    registry = _current()
    with registry.lock:
        client = registry.sync.get(place)
        if client is None:
            client = registry.sync[place] = Client(place, SyncStack)
        else:
            registry.sync.move_to_end(place)
        surplus = _surplus(registry.sync, place)
    for old in surplus:
        _close(old)
    return client


async def aclient_of(configuration: Configuration) -> Client[AsyncStack]:
    """Return the client of the running event loop."""
    import asyncio

    from xpander_facade._transport.async_pool import AsyncStack

    place = place_of(configuration)
    registry = _current()
    loop = asyncio.get_running_loop()
    with registry.lock:
        clients = registry.loops.get(loop)
        is_new_loop = clients is None
        if clients is None:
            for closed in [other for other in registry.loops if other.is_closed()]:
                del registry.loops[closed]
                registry.closers.pop(closed, None)
            clients = registry.loops[loop] = OrderedDict()
        client = clients.get(place)
        if client is None:
            client = clients[place] = Client(place, AsyncStack)
        else:
            clients.move_to_end(place)
        surplus = _surplus(clients, place)
    if is_new_loop:
        registry.closers[loop] = closer = _close_with_loop(registry, loop)
        await anext(closer)
    for old in surplus:
        await _aclose(old)
    return client


def close(configuration: Configuration, holder: Hashable) -> None:
    """Give back a holder's share; the last one closes the connections that threads use."""
    place = place_of(configuration)
    if _give_back(place, holder):
        registry = _current()
        with registry.lock:
            client = registry.sync.pop(place, None)
        if client is not None:
            _close(client)


async def aclose(configuration: Configuration, holder: Hashable) -> None:
    """Give back a holder's share; the last one closes the connections that this loop and threads use."""
    import asyncio

    place = place_of(configuration)
    if _give_back(place, holder):
        registry = _current()
        with registry.lock:
            client = registry.sync.pop(place, None)
            clients = registry.loops.get(asyncio.get_running_loop())
            loop_client = None if clients is None else clients.pop(place, None)
        if client is not None:
            _close(client)
        if loop_client is not None:
            await _aclose(loop_client)


def _give_back(place: Place, holder: Hashable) -> bool:
    with _current().lock:
        holders = _holders.get(place)
        if holders is None or holder not in holders:
            return False
        holders.discard(holder)
        if len(holders):
            return False
        _holders.pop(place, None)
        return True


def _surplus(clients: OrderedDict[Place, Client[S]], asked: Place) -> list[Client[S]]:
    if len(clients) <= MAX_CLIENTS:
        return []
    unheld = [place for place in clients if place != asked and not _holders.get(place)]
    return [clients.pop(place) for place in unheld[: len(clients) - MAX_CLIENTS]]


async def _close_with_loop(registry: _Registry, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None]:
    # An event loop closes its unfinished async generators as it shuts down (asyncio.run does it always). That is the
    # one moment at which connections of that loop can still be closed well, so a generator waits here for it.
    try:
        yield
    finally:
        with registry.lock:
            clients = registry.loops.pop(loop, None)
            registry.closers.pop(loop, None)
        for client in clients.values() if clients else ():
            await _aclose(client)


def _close(client: Client[SyncStack]) -> None:
    for stack in client.retire():
        stack.close()


async def _aclose(client: Client[AsyncStack]) -> None:
    for stack in client.retire():
        await stack.aclose()


@atexit.register
def _close_at_exit() -> None:
    registry = _current()
    while registry.sync:
        _close(registry.sync.popitem()[1])
