"""A worker that is called over HTTP: `POST /invoke` carries a task and answers with its outcome, `GET /health` tells.

That is how the platform calls a worker in a container, as its documentation has it: the task as JSON in the body, the
key in `x-api-key`; a plain handler answers with the task, a streaming one with its events, the last of which is
`task_finished`. Assumption: the platform's own call has this form, and leaves saving the outcome to the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from xpander_facade._serialization import codec
from xpander_facade._serialization.jsonable import error_text
from xpander_facade._transport import pool_registry
from xpander_facade.configuration._urls import is_loopback
from xpander_facade.errors import ConfigurationError
from xpander_facade.tasks._task import Task
from xpander_facade.types._llm_gateway import take_route
from xpander_facade.types._task_record import is_secret
from xpander_facade.types.enums import AgentExecutionStatus
from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType
from xpander_facade.worker._attempts import AttemptLog
from xpander_facade.worker._event_loop import shielded
from xpander_facade.worker._execution import TaskExecution
from xpander_facade.worker._handlers import BOOT, SHUTDOWN, Kind, run_hook
from xpander_facade.worker._logging import LOG, current_task_id
from xpander_facade.worker._messages import read_object
from xpander_facade.worker._timeouts import WorkerTimeouts

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route
except ImportError as missing:
    raise ConfigurationError(
        f"serving over HTTP needs {missing.name}: pip install 'xpander-facade[serve]', or '.[serve]' in the checkout"
    ) from None

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator

    from xpander_facade.worker._options import WorkerSpec

MAX_BODY = 10_000_000
"""Bytes of a task, past which it is refused."""

_BODY_TIMEOUT = 30.0
"""Seconds in which a caller has to send a whole task."""

_FAILED = frozenset({AgentExecutionStatus.Error, AgentExecutionStatus.Failed})


class InvocationServer:
    """A worker behind a port. All methods are for its event loop.

    Args:
        spec: The handler and its options.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        on_listening: Called with the port when it answers.
    """

    def __init__(
        self, spec: WorkerSpec, host: str, port: int, on_listening: Callable[[int], object] | None = None
    ) -> None:
        self._spec = spec
        self._key = spec.configuration.get_api_key().encode()
        self._host = host
        self._port = port
        self._on_listening = on_listening
        self._timeouts = WorkerTimeouts()
        self._attempts = AttemptLog.of(spec.configuration, spec.agent_id, spec.state_path)
        self._running: dict[str, tuple[TaskExecution, asyncio.Task[Task | None]]] = {}
        self._reason: str | None = None
        self._stopped = asyncio.Event()

    def stop(self, reason: str) -> None:
        """Take nothing new, and end when the running tasks have ended or the grace period is over."""
        LOG.info("stopping: %s", reason)
        self._reason = f"the worker was stopped ({reason})"
        self._stopped.set()

    async def serve(self) -> None:
        """Answer calls until the worker is stopped.

        Raises:
            OSError: The address is taken.
        """
        pool_registry.acquire(self._spec.configuration, self)
        try:
            for hook in BOOT:
                await run_hook(hook)
            await self._serve()
        finally:
            try:
                for hook in SHUTDOWN:
                    with contextlib.suppress(Exception):
                        await run_hook(hook)
            finally:
                await pool_registry.arelease(self._spec.configuration, self)

    async def _serve(self) -> None:
        app = Starlette(
            routes=[
                Route("/invoke", self._invoke, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )
        # The hooks run around the server, and logging is for the program to set up: uvicorn would do both itself.
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, server_header=False)
        server = _Server(config)
        socket = _listen(self._host, self._port)
        port = socket.getsockname()[1]
        LOG.info("listening on %s port %d", self._host, port)
        if self._on_listening is not None:
            self._on_listening(port)
        serving = asyncio.create_task(server.serve(sockets=[socket]))
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            self._reason = self._reason or "the worker ended"
            await shielded(self._wind_down())
            server.should_exit = True
            await shielded(_wait(serving))
            socket.close()

    async def _wind_down(self) -> None:
        """Give what runs the grace period, then make the rest an error."""
        running = [task for _, task in self._running.values()]
        if running:
            await asyncio.wait(running, timeout=self._spec.grace_period)
        for execution, _ in list(self._running.values()):
            execution.cancel(f"{self._reason} before the task was done")
        running = [task for _, task in self._running.values()]
        if running:
            await asyncio.wait(running, timeout=self._timeouts.unwind + self._timeouts.deregister)

    # --- the two routes ---

    async def _health(self, request: Request) -> Response:
        is_well = self._reason is None
        return JSONResponse({"status": "ok" if is_well else "stopping"}, 200 if is_well else 503)

    async def _invoke(self, request: Request) -> Response:
        given = request.headers.get("x-api-key", "").encode("utf-8", "replace")
        # As long for every wrong key, so that an answer's time tells nobody how much of one was right.
        if not hmac.compare_digest(given, self._key):
            return _refusal(401, "the key in the header x-api-key is missing, or is not this worker's")
        if self._reason is not None:
            return _refusal(503, "the worker is stopping", retry_after=5)
        try:
            task = self._read_task(await asyncio.wait_for(_body_of(request), _BODY_TIMEOUT))
        except _RefusedError as refused:
            return _refusal(refused.status, str(refused))
        except TimeoutError:
            return _refusal(408, f"the body did not come within {_BODY_TIMEOUT:g} s")
        except ClientDisconnect:
            return _refusal(400, "the body did not come whole")
        if task.id in self._running:
            return _refusal(409, f"task {task.id} runs here already")
        if len(self._running) >= self._spec.concurrency:
            return _refusal(503, f"{self._spec.concurrency} tasks run here already", retry_after=1)
        if self._spec.kind is Kind.EVENTS:
            events = _EventChannel()
            running = self._start(task, events.push)
            running.add_done_callback(lambda _: events.end())
            headers = {"cache-control": "no-cache"}
            return StreamingResponse(_frames(task, events, running), 200, headers, "text/event-stream")
        # The execution goes on where the caller goes away: the outcome is saved in any case.
        saved = await asyncio.shield(self._start(task, None))
        if saved is None or saved.status in _FAILED:
            return JSONResponse({"error": (saved or task).result or "the outcome was not saved"}, 500)
        return JSONResponse(_wire(saved))

    def _read_task(self, body: bytes) -> Task:
        try:
            # Only the platform itself gives a way to models; one in a body, whoever sent that, would get what is asked.
            data, _ = take_route(read_object(body))
            task = Task._reader(self._spec.configuration)(data)
        except (ValueError, RecursionError) as error:
            raise _RefusedError(400, f"the body is not a task: {error_text(error)[:300]}") from None
        if task.agent_id != self._spec.agent_id:
            raise _RefusedError(422, f"this worker serves the agent {self._spec.agent_id}, not {task.agent_id}")
        return task

    # --- a task ---

    def _start(
        self, task: Task, push: Callable[[TaskUpdateEvent], Awaitable[None]] | None
    ) -> asyncio.Task[Task | None]:
        # A call has no worker's id: there was no registration.
        execution = TaskExecution(self._spec, self._timeouts, task, None, set(), self._attempts, push)
        running = asyncio.create_task(self._run(execution, task.id))
        self._running[task.id] = (execution, running)
        running.add_done_callback(lambda _: self._running.pop(task.id, None))
        return running

    async def _run(self, execution: TaskExecution, task_id: str) -> Task | None:
        current_task_id.set(task_id)
        execution.is_started = True
        polling = asyncio.create_task(self._poll(execution))
        try:
            saved = await execution.run()
        finally:
            polling.cancel()
        if saved is not None and self._spec.on_finished is not None:
            try:
                self._spec.on_finished(saved)
            except Exception:
                LOG.exception("on_finished failed; the worker goes on")
        return saved

    async def _poll(self, execution: TaskExecution) -> None:
        while True:
            await asyncio.sleep(self._spec.poll_interval)
            await execution.poll()


class _Server(uvicorn.Server):
    """A server that leaves signals to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


class _RefusedError(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def check_address(host: str, port: int) -> None:
    """Check where a worker is to listen.

    Raises:
        TypeError: A value has another type.
        ValueError: The host is empty, or the port is not one.
    """
    if not isinstance(host, str):
        raise TypeError(f"host must be a string, not {type(host).__name__}")
    if not host.strip():
        raise ValueError('host is empty: pass "127.0.0.1", or "0.0.0.0" to be reached from elsewhere')
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"port must be a whole number, not {type(port).__name__}")
    if not 0 <= port < 65536:
        raise ValueError(f"port must be from 0 to 65535, not {port}")
    if not is_loopback(host):
        LOG.info("the worker can be reached from elsewhere (%s); callers need its key", host)


def _listen(host: str, port: int) -> Any:
    config = uvicorn.Config(app=_nothing, host=host, port=port, log_config=None)
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        # A worker that is started again gets its port although connections of the one before are still being closed.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((config.host, config.port))
    except OSError:
        listening.close()
        raise
    return listening


async def _nothing(*_: Any) -> None: ...


async def _wait(task: asyncio.Task[Any]) -> None:
    await asyncio.wait({task})


async def _body_of(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY:
        raise _RefusedError(413, f"the body is larger than {MAX_BODY} bytes")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _RefusedError(413, f"the body is larger than {MAX_BODY} bytes")
    return bytes(body)


class _EventChannel:
    """The events of a handler on their way to its caller. The handler goes on when one is sent, or nobody listens."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[TaskUpdateEvent | None] = asyncio.Queue()
        self._is_heard = True

    async def push(self, event: TaskUpdateEvent) -> None:
        if self._is_heard:
            self._queue.put_nowait(event)
            await self._queue.join()

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def events(self) -> AsyncGenerator[TaskUpdateEvent, None]:
        try:
            while (event := await self._queue.get()) is not None:
                yield event
                self._queue.task_done()
        finally:  # the caller may have gone away
            self._is_heard = False
            self._queue.task_done()
            while not self._queue.empty():
                self._queue.get_nowait()
                self._queue.task_done()


async def _frames(task: Task, channel: _EventChannel, running: asyncio.Task[Task | None]) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(channel.events()) as events:
        async for event in events:
            yield _frame(task, event)
    saved = None if running.cancelled() or running.exception() is not None else running.result()
    if saved is None and not task.status.is_final:
        task.status, task.result = AgentExecutionStatus.Error, "the outcome was not saved"
    yield _frame(task, TaskUpdateEvent(type=TaskUpdateEventType.TaskFinished, task_id=task.id, data=saved or task))


def _frame(task: Task, event: TaskUpdateEvent) -> bytes:
    from datetime import UTC, datetime

    body: dict[str, Any] = codec.unstructure(event, leave_out=is_secret)
    body.update(task_id=task.id, organization_id=task.organization_id)
    body["time"] = body["time"] or codec.write_time(datetime.now(UTC))
    body = {name: value for name, value in body.items() if value is not None}
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def _wire(task: Task) -> dict[str, Any]:
    return task.to_dict()


def _refusal(status: int, detail: str, *, retry_after: int | None = None) -> Response:
    headers = None if retry_after is None else {"retry-after": str(retry_after)}
    return JSONResponse({"detail": detail}, status, headers)
