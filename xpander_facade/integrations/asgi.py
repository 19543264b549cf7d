"""ASGI servers and frameworks: what is recorded is sent before the process ends.

uvicorn ends by the very signal that stopped it, once it has shut the application down, and `atexit` is not called: an
outbox is flushed when the lifespan ends, whichever threads used it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._process.imports import preload
from xpander_facade._process.threads import in_thread
from xpander_facade.recorder._external_task import end_runs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from xpander_facade.backend import Backend

__all__ = ["FlushMiddleware", "lifespan"]

_log = logging.getLogger("xpander_facade.integrations.asgi")
_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]
FLUSH_TIMEOUT = 5.0


@contextlib.asynccontextmanager
async def lifespan(backend: Backend, *, flush_timeout: float = FLUSH_TIMEOUT) -> AsyncGenerator[None]:
    """Import what recording needs as the application starts, and send what is recorded as it shuts down.

    Use it in the lifespan of Starlette or FastAPI. Where there is none, `FlushMiddleware` does the same.

    Args:
        backend: Whose outbox is flushed.
        flush_timeout: Seconds that this may take at most; what is left stays in the outbox, and is logged.

    Example:
        >>> @contextlib.asynccontextmanager
        ... async def lifespan(app):
        ...     async with asgi.lifespan(backend):
        ...         yield
        >>> app = FastAPI(lifespan=lifespan)
    """
    _validation.check_seconds("flush_timeout", flush_timeout)
    # On a thread, while the rest of the application starts.
    await in_thread(preload)
    try:
        yield
    finally:
        await flush_at_shutdown(backend, flush_timeout)


class FlushMiddleware:
    """Sends what is recorded when the application has shut down. It takes part in nothing else.

    It stands around the whole application. Where it sees a request and no lifespan before, it says so in the log: some
    frameworks, such as Litestar, show their middleware requests only.

    Args:
        app: The application.
        backend: Whose outbox is flushed.
        flush_timeout: Seconds that this may take at most; what is left stays in the outbox, and is logged.

    Example:
        >>> app = FlushMiddleware(app, backend=backend)
        >>> app.add_middleware(FlushMiddleware, backend=backend)  # Starlette, FastAPI
    """

    def __init__(self, app: App, *, backend: Backend, flush_timeout: float = FLUSH_TIMEOUT) -> None:
        self._app = app
        self._backend = backend
        self._flush_timeout = _validation.check_seconds("flush_timeout", flush_timeout)
        self._is_warned = False

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Serve as the application does."""
        if scope["type"] != "lifespan":
            self._warn_once()
            await self._app(scope, receive, send)
            return
        self._is_warned = True
        told: set[str] = set()

        async def receive_and_note() -> MutableMapping[str, Any]:
            message = await receive()
            told.add(message["type"])
            return message

        async def send_after_flush(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                await in_thread(preload)
            elif message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                await flush_at_shutdown(self._backend, self._flush_timeout)
            told.add(message["type"])
            await send(message)

        try:
            await self._app(scope, receive_and_note, send_after_flush)
        except Exception:
            if told - {"lifespan.startup"}:
                raise
            # An application that knows no lifespan raises. Its shutdown is seen all the same.
            if "lifespan.startup" not in told:
                await receive()
            await send_after_flush({"type": "lifespan.startup.complete"})
            await receive()
            await send_after_flush({"type": "lifespan.shutdown.complete"})

    def _warn_once(self) -> None:
        """Say at the first request that no lifespan came before it: no shutdown will come after it, either."""
        outbox = self._backend.configuration.outbox
        if not self._is_warned and outbox is not None:
            _log.warning(
                "FlushMiddleware sees requests but no lifespan, so that it will not send what waits in the outbox "
                "%s at shutdown: put it around the whole application, or use asgi.lifespan() in its lifespan",
                outbox.path,
            )
        self._is_warned = True


async def flush_at_shutdown(backend: Backend, timeout: float) -> None:
    """Report the runs that have not ended as failed, and send what waits; say what is left. It never raises.

    Args:
        backend: Whose outbox is flushed.
        timeout: Seconds that this may take at most.
    """
    try:
        # Where the server ends by its signal, nothing runs after this that could report them.
        await in_thread(end_runs)
        left = (await backend.aflush(timeout)).waiting
    except Exception as error:
        _log.warning("what is recorded was not sent at shutdown: %s", error)
        return
    if left:
        _log.warning(
            "%d reports are left in the outbox %s after %g s at shutdown; whoever uses the file next sends them: on a "
            "disk that goes with the container, raise flush_timeout or run `xpander-facade outbox relay`",
            left,
            backend.configuration.outbox,
            timeout,
        )
