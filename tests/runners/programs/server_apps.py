"""Applications as users write them for web servers, which record a run for each request."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable  # noqa: TC003 (frameworks read annotations)
from typing import Any

from xpander_facade import Backend
from xpander_facade.integrations import asgi

backend = Backend()


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Record a request; "/slow-..." takes its time."""
    path = environ["PATH_INFO"].strip("/")
    with backend.external_task(id=path, input=path) as run:
        if path.startswith("slow"):
            time.sleep(4)
        run.result = str(os.getpid())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


async def answer(path: str) -> str:
    async with backend.external_task(id=path, input=path) as run:
        run.result = str(os.getpid())
    return str(os.getpid())


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    async with asgi.lifespan(backend):
        yield


def fastapi(*, by_middleware: bool = False) -> Any:
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    app = FastAPI(lifespan=None if by_middleware else lifespan)
    app.get("/{path}", response_class=PlainTextResponse)(answer)
    if by_middleware:
        app.add_middleware(asgi.FlushMiddleware, backend=backend)
    return app


def starlette(*, by_middleware: bool = False) -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def respond(request: Any) -> Any:
        return PlainTextResponse(await answer(request.path_params["path"]))

    middleware = [Middleware(asgi.FlushMiddleware, backend=backend)] if by_middleware else []
    return Starlette(
        routes=[Route("/{path}", respond)], lifespan=None if by_middleware else lifespan, middleware=middleware
    )


def litestar(*, by_middleware: bool = False) -> Any:
    from litestar import Litestar, get

    @get("/{path:str}", media_type="text/plain")
    async def respond(path: str) -> str:
        return await answer(path)

    # Litestar's own middleware sees requests only: the one that is to see the shutdown goes around the application.
    app = Litestar([respond], lifespan=[] if by_middleware else [lifespan])
    return asgi.FlushMiddleware(app, backend=backend) if by_middleware else app


def fastapi_by_middleware() -> Any:
    return fastapi(by_middleware=True)


def starlette_by_middleware() -> Any:
    return starlette(by_middleware=True)


def litestar_by_middleware() -> Any:
    return litestar(by_middleware=True)


def litestar_by_its_middleware() -> Any:
    from litestar import Litestar, get
    from litestar.middleware import DefineMiddleware

    @get("/{path:str}", media_type="text/plain")
    async def respond(path: str) -> str:
        return await answer(path)

    return Litestar([respond], middleware=[DefineMiddleware(asgi.FlushMiddleware, backend=backend)])
