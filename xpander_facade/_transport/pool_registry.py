"""The registry of connection pools: who shares which connections, and when they close.

`OriginPools` are the pools of one process, one event loop (or all threads), one base URL and one way of checking
certificates. The API key, timeouts and retries travel with each request and are not part of the key.

Holders (a Backend, for example) are known by weak reference; the last holder that is released closes the pools. Pools
that nobody releases stay for the next caller; beyond MAX_ORIGIN_POOLS those without a holder are closed, least recently
used first. The pools of an event loop are closed as the loop shuts down; a forked child inherits none.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from xpander_facade._transport.pool import ConnectionPool
from xpander_facade._transport.routing import resolve_route

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncGenerator, Hashable

    import httpcore

    from xpander_facade._transport.async_pool import AsyncConnectionPool
    from xpander_facade.configuration._configuration import Configuration

MAX_ORIGIN_POOLS = 8

S = TypeVar("S", "ConnectionPool", "AsyncConnectionPool")
PoolKey = tuple[str, "bool | str | ssl.SSLContext", tuple["str | None", ...], int]
"""What must agree to share connections: base URL, verify, the environment's certificates and proxies."""


class OriginPools(Generic[S]):
    """The pools of one process and loop to the origins of one base URL: the API's and the event streams'."""

    def __init__(self, key: PoolKey, pool: type[S]) -> None:
        self._key = key
        self._pool_type: type[S] = pool
        self._lock = threading.Lock()
        self._pools: dict[tuple[bytes, bytes, int], S] = {}
        self._retired = False

    def pool_for(self, origin: httpcore.Origin) -> S:
        """Return the pool of an origin."""
        key = (origin.scheme, origin.host, origin.port)
        pool = self._pools.get(key)
        if pool is None:
            with self._lock:
                pool = self._pools.get(key)
                if pool is None:
                    _, verify, environment, _ = self._key
                    pool = self._pools[key] = self._pool_type(resolve_route(origin, verify, environment))
                    if self._retired:
                        pool.retire()
        return pool

    def retire(self) -> list[S]:
        """Keep no connection from now on, and return the pools to close. A call under way may still use them."""
        with self._lock:
            self._retired = True
            return list(self._pools.values())


class _Registry:
    """All pools of a process. The lock is held for bookkeeping only, never during I/O."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = os.getpid()
        self.sync: OrderedDict[PoolKey, OriginPools[ConnectionPool]] = OrderedDict()
        self.loops: dict[asyncio.AbstractEventLoop, OrderedDict[PoolKey, OriginPools[AsyncConnectionPool]]] = {}
        self.closers: dict[asyncio.AbstractEventLoop, AsyncGenerator[None]] = {}


_registry = _Registry()
_inherited: list[_Registry] = []
_holders: dict[PoolKey, weakref.WeakSet[object]] = {}


def _current() -> _Registry:
    global _registry
    if _registry.pid != os.getpid():
        # The connections belong to the parent. They are kept, never used and never closed: closing or collecting them
        # here could end exchanges of the parent.
        _inherited.append(_registry)
        _registry = _Registry()
    return _registry


def _forget_parent() -> None:
    global _registry
    _inherited.append(_registry)
    _registry = _Registry()


if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_forget_parent)


def pool_key(configuration: Configuration) -> PoolKey:
    """Return what two configurations must have in common to share connections."""
    return configuration.base_url, configuration.verify, *configuration._environment_fingerprint


def acquire(configuration: Configuration, holder: Hashable) -> None:
    """Note that an object uses the connections of a configuration until it releases them or is collected."""
    key = pool_key(configuration)
    holders = _holders.get(key)
    if holders is None or holder not in holders:
        with _current().lock:
            _holders.setdefault(key, weakref.WeakSet()).add(holder)


def pools_for(configuration: Configuration) -> OriginPools[ConnectionPool]:
    """Return the pools that threads use."""
    key = pool_key(configuration)
    registry = _current()
    with registry.lock:
        pools = registry.sync.get(key)
        if pools is None:
            pools = registry.sync[key] = OriginPools(key, ConnectionPool)
        else:
            registry.sync.move_to_end(key)
        surplus = _surplus(registry.sync, key)
    for old in surplus:
        _close(old)
    return pools


async def apools_for(configuration: Configuration) -> OriginPools[AsyncConnectionPool]:
    """Return the pools of the running event loop."""
    import asyncio

    from xpander_facade._transport.async_pool import AsyncConnectionPool

    key = pool_key(configuration)
    registry = _current()
    loop = asyncio.get_running_loop()
    with registry.lock:
        by_key = registry.loops.get(loop)
        is_new_loop = by_key is None
        if by_key is None:
            for closed in [other for other in registry.loops if other.is_closed()]:
                del registry.loops[closed]
                registry.closers.pop(closed, None)
            by_key = registry.loops[loop] = OrderedDict()
        pools = by_key.get(key)
        if pools is None:
            pools = by_key[key] = OriginPools(key, AsyncConnectionPool)
        else:
            by_key.move_to_end(key)
        surplus = _surplus(by_key, key)
    if is_new_loop:
        registry.closers[loop] = closer = _close_with_loop(registry, loop)
        await anext(closer)
    for old in surplus:
        await _aclose(old)
    return pools


def release(configuration: Configuration, holder: Hashable) -> None:
    """Release a holder's share; the last one closes the connections that threads use."""
    key = pool_key(configuration)
    if _release_share(key, holder):
        registry = _current()
        with registry.lock:
            pools = registry.sync.pop(key, None)
        if pools is not None:
            _close(pools)


async def arelease(configuration: Configuration, holder: Hashable) -> None:
    """Release a holder's share; the last one closes the connections that this loop and threads use."""
    import asyncio

    key = pool_key(configuration)
    if _release_share(key, holder):
        registry = _current()
        with registry.lock:
            pools = registry.sync.pop(key, None)
            by_key = registry.loops.get(asyncio.get_running_loop())
            loop_pools = None if by_key is None else by_key.pop(key, None)
        if pools is not None:
            _close(pools)
        if loop_pools is not None:
            await _aclose(loop_pools)


def _release_share(key: PoolKey, holder: Hashable) -> bool:
    with _current().lock:
        holders = _holders.get(key)
        if holders is None or holder not in holders:
            return False
        holders.discard(holder)
        if len(holders):
            return False
        _holders.pop(key, None)
        return True


def _surplus(by_key: OrderedDict[PoolKey, OriginPools[S]], asked: PoolKey) -> list[OriginPools[S]]:
    if len(by_key) <= MAX_ORIGIN_POOLS:
        return []
    unheld = [key for key in by_key if key != asked and not _holders.get(key)]
    return [by_key.pop(key) for key in unheld[: len(by_key) - MAX_ORIGIN_POOLS]]


async def _close_with_loop(registry: _Registry, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None]:
    # An event loop closes its unfinished async generators as it shuts down (asyncio.run always does). Nothing else
    # tells when the connections of a loop can still be closed in it, so a generator waits here for that moment.
    try:
        yield
    finally:
        with registry.lock:
            by_key = registry.loops.pop(loop, None)
            registry.closers.pop(loop, None)
        for pools in by_key.values() if by_key else ():
            await _aclose(pools)


def _close(pools: OriginPools[ConnectionPool]) -> None:
    for pool in pools.retire():
        pool.close()


async def _aclose(pools: OriginPools[AsyncConnectionPool]) -> None:
    for pool in pools.retire():
        await pool.aclose()


@atexit.register
def _close_at_exit() -> None:
    registry = _current()
    while registry.sync:
        _close(registry.sync.popitem()[1])
