"""Server: uvicorn in a thread of its own, with its event loop and its connections.

It leaves the process as it is: it sets neither signal handlers nor logging, and inherits nothing from a loop that the
caller runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from ._connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE: Final = 1.0
_ACCEPTING: Final = 5
"""Rounds of the loop from the acceptance of a connection until it is known here: asyncio takes three."""


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Leave the process's logging as it is."""


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[asyncio.AbstractEventLoop], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.leave = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # The tick makes the date header, which the first answer needs, too.
        await self.on_tick(0)
        self._ready(asyncio.get_running_loop())

    async def main_loop(self) -> None:
        while not self.leave.is_set():
            try:
                await asyncio.wait_for(self.leave.wait(), 1.0)
            except TimeoutError:
                await self.on_tick(0)  # renews the date header

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop_accepting()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks), timeout=_GRACE)
        for connection in list(self.server_state.connections):
            # Otherwise a client that reads nothing or sends half a request would delay the end for ever.
            connection.transport.abort()
        await asyncio.sleep(0)
        if self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks), timeout=_GRACE)

    async def _stop_accepting(self) -> None:
        """Accept no more connections, and wait until those that were accepted are known here.

        One that asyncio has accepted, and not made known yet when its server is closed, would be closed by nobody.
        """
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # on Windows' loop
            for server in self.servers:
                for listening in server.sockets:
                    loop.remove_reader(listening.fileno())
        for _ in range(_ACCEPTING):
            await asyncio.sleep(0)


class Server:
    """A listening socket and the thread that serves it."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Not in the thread: a port that is taken fails where the emulator is made.
        self._socket = socket.create_server((host, port), family=family, backlog=1024)
        self.port = int(self._socket.getsockname()[1])
        self._app = app
        self._pid = os.getpid()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._uvicorn: _Uvicorn | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name=f"xpander-emulator-{self.port}", daemon=True)

    @property
    def thread_id(self) -> int | None:
        """The identifier of the serving thread; None before the start."""
        return self._thread.ident

    @property
    def inherited(self) -> bool:
        """Whether this is a forked child's copy: then there is no thread behind it."""
        return os.getpid() != self._pid

    def start(self) -> asyncio.AbstractEventLoop:
        """Start serving; return the server's loop when it is ready."""
        self._thread.start()
        self._ready.wait()
        if self.loop is None:
            self._thread.join()
            raise RuntimeError("the emulator could not start") from self._error
        return self.loop

    def stop(self) -> None:
        """Stop serving and wait until the thread is gone; in a forked child only close what was inherited."""
        if self.inherited:
            self._socket.close()
            return
        loop, server = self.loop, self._uvicorn
        if loop is not None and server is not None and not loop.is_closed():
            loop.call_soon_threadsafe(server.leave.set)
        self._thread.join()
        self._socket.close()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        config = _Config(
            self._app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            backlog=1024,
        )
        self._uvicorn = _Uvicorn(config, self._is_ready)
        await self._uvicorn.serve(sockets=[self._socket])

    def _is_ready(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ready.set()
