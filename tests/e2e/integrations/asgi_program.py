"""Applications that record a run for each request, served by a real server."""

import contextlib

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from xpander_facade import Backend
from xpander_facade.integrations.asgi import FlushMiddleware, lifespan

backend = Backend()


async def answer(request):
    async with backend.external_task(id=f"run-{request.path_params['number']}") as run:
        run.result = "ok"
    return PlainTextResponse("ok")


ROUTES = [Route("/{number}", answer)]


@contextlib.asynccontextmanager
async def own_lifespan(app):
    async with lifespan(backend):
        yield


with_lifespan = Starlette(routes=ROUTES, lifespan=own_lifespan)
with_middleware = Starlette(routes=ROUTES, middleware=[Middleware(FlushMiddleware, backend=backend)])


async def without_lifespan_itself(scope, receive, send):
    assert scope["type"] == "http", "this application knows no lifespan"
    async with backend.external_task(id=f"run-{scope['path'][1:]}") as run:
        run.result = "ok"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


without_lifespan = FlushMiddleware(without_lifespan_itself, backend=backend)
as_it_stands = Starlette(routes=ROUTES)
