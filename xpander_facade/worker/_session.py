"""A worker's session with the platform: its stream, which is reopened when it is lost, its slots, and its end.

Everything but the heartbeats runs on the event loop that serves. `_execution` holds what happens to one task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs

from xpander_facade import _client, _requests, _validation
from xpander_facade._client.retry import reconnect_wait
from xpander_facade._serialization.jsonable import error_text
from xpander_facade._transport import pool_registry
from xpander_facade.configuration._environment import worker_environment
from xpander_facade.errors import ModuleException, WorkerConflictError
from xpander_facade.types._llm_gateway import take_route
from xpander_facade.types.models import AgentExecutionInput, LocalTaskTest
from xpander_facade.worker._attempts import AttemptLog
from xpander_facade.worker._event_loop import end, shielded
from xpander_facade.worker._execution import TaskExecution, is_refusal
from xpander_facade.worker._handlers import BOOT, SHUTDOWN, run_hook
from xpander_facade.worker._heartbeat import Heartbeat
from xpander_facade.worker._logging import LOG, current_task_id
from xpander_facade.worker._messages import CAPACITY, CONFLICT, EXECUTION, FINISHED, REGISTRATION, read_frame
from xpander_facade.worker._timeouts import WorkerTimeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from xpander_facade._client import Frame
    from xpander_facade.tasks._task import Task  # noqa: TC004 (nobody evaluates the annotations)
    from xpander_facade.worker._options import WorkerSpec

T = TypeVar("T")

TIMEOUTS = WorkerTimeouts()
MAX_REMEMBERED = 1000
"""How many finished tasks are known again when they come a second time."""


@attrs.define(eq=False)
class _ActiveTask:
    """A task in hand: its execution, the asyncio task that runs it, and its input, which tells a duplicate."""

    execution: TaskExecution
    asked: object
    running: asyncio.Task[Task | None]


class Session:
    """A worker from its first registration to its deregistration. All methods are for its event loop."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._timeouts = TIMEOUTS
        timeout = min(TIMEOUTS.message, spec.configuration.timeout)
        self._short_timeouts = attrs.evolve(spec.configuration, timeout=timeout, deadline=TIMEOUTS.message)
        self._heartbeat = Heartbeat(spec.configuration, spec.agent_id, TIMEOUTS.heartbeat)
        self._worker_id: str | None = None
        self._retry: int | None = None
        self._own_ids: set[str] = set()
        self._was_registered = False
        self._registered = asyncio.Event()
        self._stopped = asyncio.Event()
        self._reason = "the worker was stopped"
        self._takes_tasks = True
        self._is_leaving = False
        self._attempts = AttemptLog.of(spec.configuration, spec.agent_id, spec.state_path)
        self._slots = asyncio.Semaphore(spec.concurrency)
        self._taken = 0
        self._reported_busy: bool | None = False
        self._capacity_lock = asyncio.Lock()
        self._active: dict[str, _ActiveTask] = {}
        # The platform may deliver a task again that has just ended.
        self._finished: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self._background_tasks: set[asyncio.Task[object]] = set()

    def stop(self, reason: str) -> None:
        """Take nothing new, and end when the running tasks have ended or the grace period is over."""
        LOG.info("stopping: %s", reason)
        self._reason = f"the worker was stopped ({reason})"
        self._stopped.set()
        for active in self._active.values():  # whatever ends the process now, it is not the task
            self._run_in_background(active.execution.retract_attempt())
        self._registered.set()  # whoever waits for it must see that nothing comes of it any more

    async def serve(self) -> None:
        """Work on the agent's tasks until the worker is stopped.

        Raises:
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the first registration.
        """
        await self._run_while_connected(self._stopped.wait)

    async def serve_prompt(self, prompt: str | LocalTaskTest) -> Task | None:
        """Create a task for this worker alone, work on it, and return it as it was saved; None where it was not.

        A worker that is stopped meanwhile gives it the grace period, then makes it an error.

        Raises:
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the registration or the task.
        """
        self._takes_tasks = False
        return await self._run_while_connected(partial(self._work_on, prompt))

    async def _run_while_connected(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Listen to the platform while some work is done; run the boot hooks before, deregister and shut down after."""
        pool_registry.acquire(self._spec.configuration, self)
        try:
            if not await self._boot():
                return None
            with self._heartbeat:
                return await self._serve_while(work)
        finally:
            try:
                for hook in SHUTDOWN:
                    await _shut_down(hook)
            finally:
                await pool_registry.arelease(self._spec.configuration, self)

    async def _boot(self) -> bool:
        """Run the functions of on_boot; return whether the worker is to serve, which it is not once it was stopped."""

        async def boot() -> None:
            for hook in BOOT:
                await run_hook(hook)

        booting, stopping = asyncio.create_task(boot()), asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({booting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not booting.done():
                await asyncio.wait({booting}, timeout=self._spec.grace_period)
            if not booting.done():
                LOG.warning("a function of on_boot does not end within the grace period; the worker ends without it")
                return False
        finally:
            await end(booting, stopping, within=self._timeouts.unwind)
        booting.result()
        return not self._stopped.is_set()

    async def _serve_while(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return what came of the work, or None where the worker was stopped before its end."""
        working = asyncio.create_task(work())
        listening = asyncio.create_task(self._listen())
        polling, stopping = asyncio.create_task(self._poll()), asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({listening, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            was_refused = listening.done() and not working.done()
            self._take_nothing_new()
            await self._wait_for_tasks(self._spec.grace_period, working)
            if was_refused:
                listening.result()  # raises why it ended
        finally:
            await shielded(self._shut_down_tasks(working, listening, polling, stopping))
        return None if working.cancelled() else await working

    # --- the stream ---

    async def _listen(self) -> None:
        """Keep the stream open, and take what comes."""
        spec = self._spec
        request = _requests.worker_stream_request(spec.agent_id, worker_environment())
        failures = 0
        while not self._is_leaving:
            problem: ModuleException | None = None
            try:
                async with _client.astream(spec.configuration, request, self._timeouts.idle_timeout, None) as stream:
                    async for frames in stream:
                        for frame in frames:
                            self._take(frame)
            except ModuleException as error:
                # A refusal at the start is a wrong key or agent, which the caller has to hear; later it may pass.
                if not self._was_registered and is_refusal(error):
                    raise
                problem = error
            # A stream that has registered the worker was of use, however it ended.
            failures = 1 if self._worker_id else failures + 1
            self._lose_stream()
            if not self._is_leaving:
                wait = reconnect_wait(self._timeouts.reconnect, failures, self._retry)
                LOG.warning("the stream was lost and is opened again in %g s: %s", wait, problem or "it ended")
                await asyncio.sleep(wait)

    def _take(self, frame: Frame) -> None:
        """Act on a frame of the stream; one that makes no sense is skipped."""
        if frame.retry is not None:
            self._retry = frame.retry
            if not frame.data:
                return
        try:
            data = read_frame(frame)
            if frame.event == REGISTRATION:
                self._register(_validation.check_id("id", str(data["id"])))
            elif frame.event == CONFLICT:
                raise WorkerConflictError(str(data.get("error") or "the agent is served from another environment"))
            elif frame.event == EXECUTION:
                self._receive(data)
            else:
                LOG.debug("a frame of an unknown kind is skipped: %s", frame.event)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            LOG.error("a frame (%s) can't be read and is skipped: %s", frame.event, error)

    def _register(self, worker_id: str) -> None:
        LOG.info("registered as %s", worker_id)
        self._worker_id = worker_id
        self._own_ids.add(worker_id)
        self._was_registered = True
        self._reported_busy = False  # the platform knows nothing of a new worker
        self._sync_heartbeats()
        self._registered.set()
        self._run_in_background(self._report_capacity())

    def _lose_stream(self) -> None:
        self._worker_id = None
        self._registered.clear()
        self._forget_unstarted()
        self._sync_heartbeats()

    # --- tasks ---

    def _receive(self, data: dict[str, Any]) -> None:
        """Take a task in hand, unless it is in hand."""
        from xpander_facade.tasks._task import Task

        data, route = take_route(data)
        task = Task._reader(self._spec.configuration)(data)
        _validation.check_id("id", task.id)  # else nothing could be said of the task
        task._llm_gateway = route
        asked = data.get("input")
        present = self._active.get(task.id)
        if not self._takes_tasks or self._worker_id is None:
            LOG.info("the task is not taken: the worker takes nothing new", extra={"task_id": task.id})
        elif present is None:
            self._start(task, asked, self._worker_id)
        elif present.asked != asked:
            self._restart(present, task, asked, self._worker_id)
        elif present.execution.is_started:
            if route is not None:
                present.execution.task._llm_gateway = route
            self._run_in_background(self._handle_duplicate(present, task, asked, self._worker_id))
        else:
            LOG.info("the task was received twice and waits already", extra={"task_id": task.id})

    async def _handle_duplicate(self, present: _ActiveTask, task: Task, asked: object, worker_id: str) -> None:
        """Act on a task in hand that was received again with the same input."""
        current_task_id.set(task.id)
        try:
            is_to_run_again = await present.execution.handle_duplicate(worker_id)
        except ModuleException as error:
            LOG.warning(
                "the task was received twice, and the platform does not say why; the execution continues: %s", error
            )
            return
        is_last = self._active.get(task.id) in (present, None) and worker_id == self._worker_id
        if not is_to_run_again:
            self._sync_heartbeats()
        elif is_last and self._takes_tasks:
            self._restart(present, task, asked, worker_id)

    def _restart(self, present: _ActiveTask, task: Task, asked: object, worker_id: str) -> None:
        present.execution.abandon("it was requested again")
        self._start(task, asked, worker_id, after=present.running)

    async def _work_on(self, prompt: str | LocalTaskTest) -> Task | None:
        from xpander_facade.tasks._tasks import Tasks

        while self._worker_id is None:
            if self._stopped.is_set():
                return None
            await self._registered.wait()
        worker_id = self._worker_id
        test = LocalTaskTest(input=AgentExecutionInput(text=prompt)) if isinstance(prompt, str) else prompt
        task = await Tasks(self._spec.configuration).acreate(
            self._spec.agent_id,
            prompt=test.input.text or "",
            file_urls=test.input.files,
            attachments=test.input.attachments or None,
            user_details=test.input.user,
            principal=test.input.principal,
            output_format=test.output_format,
            output_schema=test.output_schema,
            worker_id=worker_id,
            run_locally=True,
        )
        return await self._start(task, test.input, worker_id)

    def _start(
        self, task: Task, asked: object, worker_id: str, after: asyncio.Task[Task | None] | None = None
    ) -> asyncio.Task[Task | None]:
        execution = TaskExecution(self._spec, self._timeouts, task, worker_id, self._own_ids, self._attempts)
        running = asyncio.create_task(self._run_in_slot(execution, after))
        # A callback, because a task that is cancelled before it began never runs its own `finally`.
        running.add_done_callback(lambda _: self._finish(execution))
        self._active[task.id] = _ActiveTask(execution, asked, running)
        self._sync_heartbeats()
        return running

    async def _run_in_slot(self, execution: TaskExecution, after: asyncio.Task[Task | None] | None) -> Task | None:
        """Execute a task as soon as there is a slot."""
        current_task_id.set(execution.task.id)
        if after is not None:
            await asyncio.wait({after})
        async with self._slots:
            execution.is_started, execution.ran_before = True, execution.task.id in self._finished
            with self._taking_slot():
                # Before the platform hears that the task is executing, or it would send another for the last slot.
                await self._report_capacity()
                task = await execution.run()
        if task is not None:
            self._finished.append(task.id)
            self._report(task)
        return task

    def _finish(self, execution: TaskExecution) -> None:
        active = self._active.get(execution.task.id)
        if active is not None and active.execution is execution:
            del self._active[execution.task.id]
        self._sync_heartbeats()
        self._run_in_background(self._report_capacity())

    def _report(self, task: Task) -> None:
        if self._spec.on_finished is not None:
            try:
                self._spec.on_finished(task)
            except Exception:
                LOG.exception("on_finished failed; the task itself was saved", extra={"task_id": task.id})

    def _forget_unstarted(self) -> None:
        """Drop the tasks that wait for a slot; the platform assigns them again, to this worker or another."""
        for active in [active for active in self._active.values() if not active.execution.is_started]:
            active.running.cancel()

    async def _poll(self) -> NoReturn:
        """Poll one running task after the other, to learn of those that were stopped."""
        while True:
            await asyncio.sleep(self._spec.poll_interval)
            started = [active.execution for active in self._active.values() if active.execution.is_started]
            if started:
                # One a time, however many slots there are: polls count against the rate limit of the organisation.
                await min(started, key=lambda execution: execution.polled_at).poll()

    # --- messages to the platform ---

    @contextlib.contextmanager
    def _taking_slot(self) -> Generator[None]:
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def _report_capacity(self) -> None:
        """Report whether the worker is busy, where that differs from the last report."""
        async with self._capacity_lock:
            worker_id = self._worker_id
            is_busy = self._taken >= self._spec.concurrency or not self._takes_tasks
            if worker_id is None or is_busy == self._reported_busy:
                return
            was_heard = await self._send_message(worker_id, CAPACITY, {"is_busy": is_busy})
            if worker_id == self._worker_id:
                # What was not heard differs from any next report, so that the next one is sent.
                self._reported_busy = is_busy if was_heard else None
        if not was_heard and not self._is_leaving:
            self._run_in_background(self._report_capacity_later())

    async def _report_capacity_later(self) -> None:
        await asyncio.sleep(self._timeouts.reconnect[0])
        await self._report_capacity()

    def _sync_heartbeats(self) -> None:
        """Send heartbeats for the present id and for those under which tasks in hand came; deregister all others."""
        worker_ids = {id for active in self._active.values() if (id := active.execution.worker_id) is not None}
        if self._worker_id is not None:
            worker_ids.add(self._worker_id)
        elif not self._is_leaving:
            # Between two streams: the platform gives the waiting tasks of an agent without workers to somebody else.
            worker_ids |= self._heartbeat.worker_ids
        for finished in self._heartbeat.worker_ids - worker_ids:
            self._run_in_background(self._send_message(finished, FINISHED))
        self._heartbeat.worker_ids = frozenset(worker_ids)

    async def _send_message(self, worker_id: str, event: str, data: dict[str, Any] | None = None) -> bool:
        """Send a message, and return whether it was accepted."""
        try:
            request = _requests.message_request(self._spec.agent_id, worker_id, event, data, idempotent=True)
            await _client.asend(self._short_timeouts, request, lambda _: None)
        except ModuleException as error:
            LOG.warning("the message %s was not accepted: %s", event, error)
            return False
        return True

    def _run_in_background(self, work: Coroutine[Any, Any, object]) -> None:
        running = asyncio.create_task(work)
        # asyncio itself holds its tasks weakly: one that nobody keeps can vanish in the middle.
        self._background_tasks.add(running)
        running.add_done_callback(self._background_tasks.discard)

    # --- the end ---

    def _take_nothing_new(self) -> None:
        self._takes_tasks = False
        self._forget_unstarted()
        self._run_in_background(self._report_capacity())

    async def _shut_down_tasks(self, working: asyncio.Task[Any], *others: asyncio.Task[Any]) -> None:
        """Make what still runs an error, and deregister."""
        self._take_nothing_new()
        for active in self._active.values():
            active.execution.cancel(f"{self._reason} before the task was done")
        await self._wait_for_tasks(self._timeouts.unwind + self._timeouts.deregister, working)
        await end(*(active.running for active in self._active.values()), within=self._timeouts.unwind)
        await self._deregister()
        await end(working, *others, within=self._timeouts.unwind)

    async def _wait_for_tasks(self, seconds: float, working: asyncio.Task[Any]) -> None:
        running = {active.running for active in self._active.values()}
        if self._stopped.is_set():
            running.add(working)  # the task of a prompt may be about to be created
        if running:
            await asyncio.wait(running, timeout=seconds)

    async def _deregister(self) -> None:
        self._is_leaving = True
        await self._finish_background_tasks()
        self._worker_id = None
        self._sync_heartbeats()
        await self._finish_background_tasks()
        await end(*self._background_tasks, within=self._timeouts.unwind)

    async def _finish_background_tasks(self) -> None:
        if self._background_tasks:
            await asyncio.wait(self._background_tasks, timeout=self._timeouts.deregister)


async def _shut_down(hook: Callable[[], object]) -> None:
    try:
        await run_hook(hook)
    except Exception as error:
        LOG.exception("a function of on_shutdown failed; the shutdown goes on: %s", error_text(error))
