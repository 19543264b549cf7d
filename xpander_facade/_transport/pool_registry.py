"""The registry of connection pools: who shares which connections, and when they close.

`OriginPools` are the pools of one process, one event loop (or all threads), one base URL and one way of getting there
(certificates and proxy). The API key, timeouts and retries travel with each request and are not part of the key.

Holders (a Backend, for example) are known by weak reference; the last holder that is released closes the pools. Pools
that nobody releases stay for the next caller; beyond MAX_ORIGIN_POOLS those without a holder are closed, least recently
used first. The pools of an event loop belong to the loop: they are closed as it shuts down, and collected with a loop
that nobody closes. A forked child inherits none.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from xpander_facade._process.ending import Step, at_end
from xpander_facade._transport.pool import ConnectionPool
from xpander_facade._transport.routing import TLSSettings, resolve_route, ssl_context
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from xpander_facade._transport.async_pool import AsyncConnectionPool
    from xpander_facade._transport.routing import Origin
    from xpander_facade.configuration._configuration import Configuration

MAX_ORIGIN_POOLS = 8
_ATTRIBUTE = "_xpander_facade_pools"
"""The attribute by which an event loop holds its pools."""

S = TypeVar("S", "ConnectionPool", "AsyncConnectionPool")


@attrs.frozen(cache_hash=True, repr=False)
class PoolKey:
    """What two configurations must have in common to share connections.

    Args:
        base_url: Where the platform is.
        tls: How certificates are checked, and which one is shown.
        proxy: The proxy that was given, or None. It may hold a password, so it is in no `repr`.
        proxy_environment: A hash of the variables that name proxies.
    """

    base_url: str
    tls: TLSSettings
    proxy: str | None
    proxy_environment: int


class OriginPools(Generic[S]):
    """The pools of one process and loop to the origins of one base URL: the API's and the event streams'."""

    def __init__(self, key: PoolKey, pool: type[S]) -> None:
        self._key = key
        self._pool_type: type[S] = pool
        self._lock = threading.RLock()
        self._pools: dict[tuple[bytes, bytes, int], S] = {}
        self._retired = False

    def pool_for(self, origin: Origin) -> S:
        """Return the pool of an origin."""
        key = (origin.scheme, origin.host, origin.port)
        pool = self._pools.get(key)
        if pool is None:
            with self._lock:
                pool = self._pools.get(key)
                if pool is None:
                    route = resolve_route(origin, self._key.tls, self._key.proxy)
                    # A signal handler may have called meanwhile, on this very thread.
                    pool = self._pools.setdefault(key, self._pool_type(route))
                    if self._retired:
                        pool.retire()
        return pool

    def retire(self) -> list[S]:
        """Keep no connection from now on, and return the pools to close. A call under way may still use them."""
        with self._lock:
            self._retired = True
            return list(self._pools.values())


class LoopPools:
    """The pools of one event loop, closed as it shuts down.

    An event loop closes its unfinished async generators as it shuts down (asyncio.run always does). Nothing else tells
    when the connections of a loop can still be closed in it, so this object is noted there like such a generator.
    """

    def __init__(self, registry: _Registry) -> None:
        self.registry = registry
        self.by_key: OrderedDict[PoolKey, OriginPools[AsyncConnectionPool]] = OrderedDict()
        self.clients: dict[Any, Any] = {}  # by the factory that made them

    async def aclose(self) -> None:
        """Close all connections."""
        while self.by_key:
            await _aclose(self.by_key.popitem()[1])
        while self.clients:
            await self.clients.popitem()[1].aclose()


class _Holders:
    """Objects that are held weakly and told apart by identity: a holder's class may define `__eq__`, or not hash."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[object]] = {}

    def add(self, holder: object) -> None:
        """Note an object until it is collected."""
        references, key = self._references, id(holder)
        references[key] = weakref.ref(holder, lambda _: references.pop(key, None))

    def discard(self, holder: object) -> None:
        """Forget an object, where it is noted."""
        self._references.pop(id(holder), None)

    def __contains__(self, holder: object) -> bool:
        reference = self._references.get(id(holder))
        return reference is not None and reference() is holder

    def __len__(self) -> int:
        return len(self._references)


class _Registry:
    """All pools of a process. The lock is held for bookkeeping only, never during I/O.

    A signal handler may send a report while its own thread is in here, so the lock lets its owner in again.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pid = os.getpid()
        self.sync: OrderedDict[PoolKey, OriginPools[ConnectionPool]] = OrderedDict()
        self.clients: dict[Any, Any] = {}  # by the factory that made them
        # A pool leads to its loop by its sockets, so a loop that is known here strongly, or whose pools are, would
        # live for ever. The loop holds its pools.
        self.loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[LoopPools]]
        self.loops = weakref.WeakKeyDictionary()
        self.unowned: list[LoopPools] = []

    @property
    def is_unused(self) -> bool:
        """Whether nothing has been made."""
        return not (self.sync or self.clients or self.loops or self.unowned)

    def inherited(self) -> list[Any]:
        """Return all that a forked child must neither use nor collect."""
        return [self, [(loop, pools()) for loop, pools in self.loops.items()]]


_registry = _Registry()
_inherited: list[Any] = []
_holders: dict[PoolKey, _Holders] = {}


def current_registry() -> _Registry:
    """Return the registry of this process."""
    if _registry.pid != os.getpid():
        _forget_parent()
    return _registry


def _forget_parent() -> None:
    # The connections belong to the parent. They are kept, never used and never closed: closing or collecting them here
    # could end exchanges of the parent.
    global _registry
    if _registry.is_unused:
        # Most of what a process touches after a fork is copied for that, and nothing here belongs to anybody.
        _registry.lock, _registry.pid = threading.RLock(), os.getpid()
        return
    _inherited.append(_registry.inherited())
    _registry = _Registry()


if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_forget_parent)


def pool_key(configuration: Configuration) -> PoolKey:
    """Return what two configurations must have in common to share connections."""
    key: PoolKey | None = configuration._pool_key
    if key is None:
        certificates, proxies = configuration._environment_fingerprint
        tls = TLSSettings(configuration.verify, configuration.cert, certificates)
        key = PoolKey(configuration.base_url, tls, configuration.proxy, proxies)
        object.__setattr__(configuration, "_pool_key", key)
    return key


def load_authorities(configuration: Configuration) -> None:
    """Load the certificate authorities that calls of a configuration trust, where those are the usual ones.

    The children of a process have what it has loaded; each of them would take longer to do so than to send a report.
    Files that the user names may be renewed, and each process reads them when it needs them.
    """
    if configuration.disabled or configuration.http_client is not None:
        return
    tls = pool_key(configuration).tls
    if configuration.base_url.startswith("https:") and tls == TLSSettings(True):
        with contextlib.suppress(OSError, ValueError):  # the call that needs them says so
            ssl_context(tls)


def acquire(configuration: Configuration, holder: object) -> None:
    """Note that an object uses the connections of a configuration until it releases them or is collected."""
    key: PoolKey | None = configuration._pool_key
    if key is None:
        key = pool_key(configuration)
    holders = _holders.get(key)
    if holders is None or holder not in holders:
        with current_registry().lock:
            _holders.setdefault(key, _Holders()).add(holder)


def pools_for(configuration: Configuration) -> OriginPools[ConnectionPool]:
    """Return the pools that threads use."""
    key = pool_key(configuration)
    registry = current_registry()
    with registry.lock:
        pools = registry.sync.get(key)
        if pools is None:
            pools = registry.sync[key] = OriginPools(key, ConnectionPool)
        else:
            registry.sync.move_to_end(key)
        surplus = _surplus(registry.sync, key)
    # Outside of the lock, since closing is I/O.
    for old in surplus:
        _close(old)
    return pools


async def apools_for(configuration: Configuration) -> OriginPools[AsyncConnectionPool]:
    """Return the pools of the running event loop."""
    from xpander_facade._transport.async_pool import AsyncConnectionPool

    key = pool_key(configuration)
    by_key = loop_pools().by_key
    pools = by_key.get(key)
    if pools is None:
        pools = by_key[key] = OriginPools(key, AsyncConnectionPool)
    else:
        by_key.move_to_end(key)
    for old in _surplus(by_key, key):
        await _aclose(old)
    return pools


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Raises:
        ConfigurationError: It is not one of asyncio's.
    """
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "async calls need a running event loop of asyncio: under trio call the sync form in a thread "
        "(await trio.to_thread.run_sync(...)), elsewhere use asyncio.run"
    )


def loop_pools() -> LoopPools:
    """Return the pools of the running event loop, which it holds.

    Raises:
        ConfigurationError: No event loop of asyncio is running.
    """
    loop = running_loop()
    registry = current_registry()
    # Nearly every call finds them here. Those that a fork has left belong to another registry.
    pools: LoopPools | None = getattr(loop, _ATTRIBUTE, None)
    if pools is not None and pools.registry is registry:
        return pools
    reference = registry.loops.get(loop)
    pools = None if reference is None else reference()
    if pools is None:
        pools = LoopPools(registry)
        with registry.lock:
            for other in list(registry.loops):
                if other.is_closed():  # without its shutdown: its connections can only be dropped
                    del registry.loops[other]
                    other.__dict__.pop(_ATTRIBUTE, None)
            registry.loops[loop] = weakref.ref(pools)
        try:
            loop.__dict__[_ATTRIBUTE] = pools
        except AttributeError:  # a foreign loop that takes no attributes
            registry.unowned.append(pools)
        note_generator = sys.get_asyncgen_hooks().firstiter
        if note_generator is not None:
            note_generator(cast("AsyncGenerator[Any, Any]", pools))
    return pools


def release(configuration: Configuration, holder: object) -> None:
    """Release a holder's share; the last one closes the connections that threads use."""
    key = pool_key(configuration)
    if _release_share(key, holder):
        registry = current_registry()
        with registry.lock:
            pools = registry.sync.pop(key, None)
        if pools is not None:
            _close(pools)


async def arelease(configuration: Configuration, holder: object) -> None:
    """Release a holder's share; the last one closes the connections that this loop and threads use."""
    loop = running_loop()
    key = pool_key(configuration)
    if _release_share(key, holder):
        registry = current_registry()
        with registry.lock:
            pools = registry.sync.pop(key, None)
            reference = registry.loops.get(loop)
            of_loop = None if reference is None else reference()
        if pools is not None:
            _close(pools)
        closing = None if of_loop is None else of_loop.by_key.pop(key, None)
        if closing is not None:
            await _aclose(closing)


def _release_share(key: PoolKey, holder: object) -> bool:
    with current_registry().lock:
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


def _close(pools: OriginPools[ConnectionPool]) -> None:
    for pool in pools.retire():
        pool.close()


async def _aclose(pools: OriginPools[AsyncConnectionPool]) -> None:
    for pool in pools.retire():
        await pool.aclose()


def _close_at_exit() -> None:
    registry = current_registry()
    while registry.sync:
        _close(registry.sync.popitem()[1])
    while registry.clients:
        client = registry.clients.popitem()[1]
        if hasattr(client, "close"):  # an async client can't be closed where no loop runs
            client.close()


at_end(Step.CONNECTIONS, _close_at_exit)
