"""Own a worker's time with the platform: its stream, which is opened again and again, its slots, and its farewell.

Everything but the heartbeats runs on the event loop that serves; what one task does there is in `_worker_life`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import attrs

from xpander_facade import _client
from xpander_facade._requests.workers import message_request, stream_request
from xpander_facade._serialization.jsonable import error_text
from xpander_facade._transport import pool_registry
from xpander_facade.configuration._environment import worker_environment
from xpander_facade.errors import ModuleException, WorkerConflictError
from xpander_facade.worker._event_loop import end, undisturbed
from xpander_facade.worker._execution import Life, is_refusal
from xpander_facade.worker._handlers import BOOT, SHUTDOWN, run_hook
from xpander_facade.worker._heartbeat import Heartbeat
from xpander_facade.worker._logging import LOG, current_task_id
from xpander_facade.worker._messages import CAPACITY, CONFLICT, EXECUTION, FINISHED, REGISTRATION, read_frame
from xpander_facade.worker._timeouts import WorkerPace, wait_after

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from xpander_facade._client import Frame
    from xpander_facade.tasks._task import Task  # noqa: TC004 (nobody evaluates the annotations)
    from xpander_facade.worker._options import Service

T = TypeVar("T")

PACE = WorkerPace()
REMEMBERED = 1000
"""How many finished tasks are known again when they come a second time."""


@attrs.define(eq=False)
class _Charge:
    """A task in hand: its life, the loop's task that leads it, and what it was asked, to know a second copy."""

    life: Life
    asked: object
    running: asyncio.Task[Task | None]


class Session:
    """A worker at work, from its first registration to its farewell. All methods are for its event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pace = PACE
        timeout = min(PACE.message, service.configuration.timeout)
        self._brisk = attrs.evolve(service.configuration, timeout=timeout, deadline=PACE.message)
        self._heartbeat = Heartbeat(service.configuration, service.agent_id, PACE.heartbeat)
        self._worker_id: str | None = None
        self._own_ids: set[str] = set()
        self._was_registered = False
        self._registered = asyncio.Event()
        self._stopped = asyncio.Event()
        self._reason = "the worker was stopped"
        self._takes_tasks = True
        self._is_leaving = False
        self._slots = asyncio.Semaphore(service.concurrency)
        self._taken = 0
        self._told: bool | None = False
        self._telling = asyncio.Lock()
        self._charges: dict[str, _Charge] = {}
        self._finished: deque[str] = deque(maxlen=REMEMBERED)
        self._errands: set[asyncio.Task[object]] = set()

    def stop(self, reason: str) -> None:
        """Take nothing new, and end when what runs has ended or the grace is over."""
        LOG.info("stopping: %s", reason)
        self._reason = f"the worker was stopped ({reason})"
        self._stopped.set()
        self._registered.set()  # whoever waits for it must see that nothing comes of it any more

    async def serve(self) -> None:
        """Work on the agent's tasks until the worker is stopped.

        Raises:
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the first registration.
        """
        await self._attend(self._stopped.wait)

    async def serve_prompt(self, prompt: str) -> Task | None:
        """Create a task for this worker alone, work on it, and return it as it was saved; None where it was not.

        A worker that is stopped meanwhile gives it the grace, then makes it an error.

        Raises:
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the registration or the task.
        """
        self._takes_tasks = False
        return await self._attend(partial(self._work_on, prompt))

    async def _attend(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Listen to the platform while some work is done; boot before it, say farewell and shut down after it."""
        pool_registry.hold(self._service.configuration, self)
        try:
            for hook in BOOT:
                await run_hook(hook)
            with self._heartbeat:
                return await self._serve_while(work)
        finally:
            try:
                for hook in SHUTDOWN:
                    await _shut_down(hook)
            finally:
                await pool_registry.aclose(self._service.configuration, self)

    async def _serve_while(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return what came of the work, or None where the worker was stopped before its end."""
        working = asyncio.create_task(work())
        listening = asyncio.create_task(self._listen())
        looking, stopping = asyncio.create_task(self._look()), asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({listening, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            was_refused = listening.done() and not working.done()
            self._take_nothing_new()
            await self._wait_for_tasks(self._service.grace, working)
            if was_refused:
                listening.result()  # raises why it ended
        finally:
            await undisturbed(self._leave(working, listening, looking, stopping))
        return None if working.cancelled() else await working

    # --- the stream ---

    async def _listen(self) -> None:
        """Keep the stream open, and take what comes."""
        service = self._service
        request = stream_request(service.agent_id, worker_environment())
        failures = 0
        while not self._is_leaving:
            problem: ModuleException | None = None
            try:
                async with _client.astream(service.configuration, request, self._pace.silence, None) as frames:
                    async for frame in frames:
                        self._take(frame)
            except ModuleException as error:
                if not self._was_registered and is_refusal(error):
                    raise
                problem = error
            failures = 1 if self._worker_id else failures + 1
            self._lose_stream()
            if not self._is_leaving:
                wait = wait_after(self._pace.reopen, failures)
                LOG.warning("the stream was lost, it is opened again in %g s: %s", wait, problem or "it ended")
                await asyncio.sleep(wait)

    def _take(self, frame: Frame) -> None:
        """Act on a frame of the stream; one that makes no sense is skipped."""
        try:
            data = read_frame(frame)
            if frame.event == REGISTRATION:
                self._register(str(data["id"]))
            elif frame.event == CONFLICT:
                raise WorkerConflictError(str(data.get("error") or "the agent is served from another environment"))
            elif frame.event == EXECUTION:
                self._receive(data)
            else:
                LOG.debug("a frame of unknown kind: %s", frame.event)
        except (ValueError, KeyError) as error:
            LOG.error("a frame (%s) can't be read: %s", frame.event, error)

    def _register(self, worker_id: str) -> None:
        LOG.info("registered as %s", worker_id)
        self._worker_id = worker_id
        self._own_ids.add(worker_id)
        self._was_registered = True
        self._told = False  # the platform knows nothing of a new worker
        self._speak_for()
        self._registered.set()
        self._run_errand(self._tell())

    def _lose_stream(self) -> None:
        self._worker_id = None
        self._registered.clear()
        self._forget_unstarted()
        self._speak_for()

    # --- tasks ---

    def _receive(self, data: dict[str, Any]) -> None:
        """Take a task in hand, unless it is in hand."""
        from xpander_facade.tasks._task import Task

        task = Task._reader(self._service.configuration)(data)
        asked = data.get("input")
        present = self._charges.get(task.id)
        if not self._takes_tasks or self._worker_id is None:
            LOG.info("not taken: the worker takes nothing new", extra={"task_id": task.id})
        elif present is None:
            self._charge(task, asked, self._worker_id)
        elif present.asked != asked:
            self._charge_anew(present, task, asked, self._worker_id)
        elif present.life.is_started:
            self._run_errand(self._meet_copy(present, task, asked, self._worker_id))
        else:
            LOG.info("came twice", extra={"task_id": task.id})

    async def _meet_copy(self, present: _Charge, task: Task, asked: object, worker_id: str) -> None:
        """Act on a task in hand that has come again with the same words."""
        current_task_id.set(task.id)
        try:
            is_wanted_anew = await present.life.meet_copy(worker_id)
        except ModuleException as error:
            LOG.warning("came twice, and the platform does not say why: %s", error)
            return
        is_last = self._charges.get(task.id) in (present, None) and worker_id == self._worker_id
        if not is_wanted_anew:
            self._speak_for()
        elif is_last and self._takes_tasks:
            self._charge_anew(present, task, asked, worker_id)

    def _charge_anew(self, present: _Charge, task: Task, asked: object, worker_id: str) -> None:
        present.life.let_go("it was asked anew")
        self._charge(task, asked, worker_id, after=present.running)

    async def _work_on(self, prompt: str) -> Task | None:
        from xpander_facade.tasks._tasks import Tasks

        while self._worker_id is None:
            if self._stopped.is_set():
                return None
            await self._registered.wait()
        worker_id = self._worker_id
        task = await Tasks(self._service.configuration).acreate(
            self._service.agent_id, prompt=prompt, worker_id=worker_id, run_locally=True
        )
        return await self._charge(task, prompt, worker_id)

    def _charge(
        self, task: Task, asked: object, worker_id: str, after: asyncio.Task[Task | None] | None = None
    ) -> asyncio.Task[Task | None]:
        life = Life(self._service, self._pace, task, worker_id, self._own_ids)
        running = asyncio.create_task(self._lead(life, after))
        # Not the business of `_lead`: one that is cancelled before it has begun never ends.
        running.add_done_callback(lambda _: self._discharge(life))
        self._charges[task.id] = _Charge(life, asked, running)
        self._speak_for()
        return running

    async def _lead(self, life: Life, after: asyncio.Task[Task | None] | None) -> Task | None:
        """Lead a task through its life as soon as there is a slot."""
        current_task_id.set(life.task.id)
        if after is not None:
            await asyncio.wait({after})
        async with self._slots:
            life.is_started, life.ran_before = True, life.task.id in self._finished
            with self._taking_slot():
                # Before the platform hears that the task is executing, or it would send another for the last slot.
                await self._tell()
                task = await life.live()
        if task is not None:
            self._finished.append(task.id)
            self._report(task)
        return task

    def _discharge(self, life: Life) -> None:
        charge = self._charges.get(life.task.id)
        if charge is not None and charge.life is life:
            del self._charges[life.task.id]
        self._speak_for()
        self._run_errand(self._tell())

    def _report(self, task: Task) -> None:
        if self._service.on_finished is not None:
            try:
                self._service.on_finished(task)
            except Exception:
                LOG.exception("on_finished failed")

    def _forget_unstarted(self) -> None:
        """Drop what waits for a slot; the platform gives it again, to this worker or another."""
        for charge in [charge for charge in self._charges.values() if not charge.life.is_started]:
            charge.running.cancel()

    async def _look(self) -> NoReturn:
        """Look at one running task after the other, to learn of those that were stopped."""
        while True:
            await asyncio.sleep(self._service.look_every)
            started = [charge.life for charge in self._charges.values() if charge.life.is_started]
            if started:
                await min(started, key=lambda life: life.looked_at).look()

    # --- what the platform is told ---

    @contextlib.contextmanager
    def _taking_slot(self) -> Generator[None]:
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def _tell(self) -> None:
        """Say whether the worker is busy, where the platform thinks otherwise."""
        async with self._telling:
            worker_id = self._worker_id
            is_busy = self._taken >= self._service.concurrency or not self._takes_tasks
            if worker_id is None or is_busy == self._told:
                return
            was_heard = await self._say(worker_id, CAPACITY, {"is_busy": is_busy})
            if worker_id == self._worker_id:
                self._told = is_busy if was_heard else None
        if not was_heard and not self._is_leaving:
            self._run_errand(self._tell_later())

    async def _tell_later(self) -> None:
        await asyncio.sleep(self._pace.reopen[0])
        await self._tell()

    def _speak_for(self) -> None:
        """Speak for the present id and for those under which tasks in hand came; say farewell for all others."""
        worker_ids = {charge.life.worker_id for charge in self._charges.values()}
        if self._worker_id is not None:
            worker_ids.add(self._worker_id)
        elif not self._is_leaving:
            # Between two streams: an agent whose workers have all left would have its waiting tasks done elsewhere.
            worker_ids |= self._heartbeat.worker_ids
        for finished in self._heartbeat.worker_ids - worker_ids:
            self._run_errand(self._say(finished, FINISHED))
        self._heartbeat.worker_ids = frozenset(worker_ids)

    async def _say(self, worker_id: str, event: str, data: dict[str, Any] | None = None) -> bool:
        """Send a message, and return whether it was taken."""
        try:
            request = message_request(self._brisk, self._service.agent_id, worker_id, event, data)
            await _client.asend(self._brisk, request, _client.Repeat.ALWAYS, lambda _: None)
        except ModuleException as error:
            LOG.warning("%s was not taken: %s", event, error)
            return False
        return True

    def _run_errand(self, errand: Coroutine[Any, Any, object]) -> None:
        running = asyncio.create_task(errand)
        self._errands.add(running)
        running.add_done_callback(self._errands.discard)

    # --- the end ---

    def _take_nothing_new(self) -> None:
        self._takes_tasks = False
        self._forget_unstarted()
        self._run_errand(self._tell())

    async def _leave(self, working: asyncio.Task[Any], *others: asyncio.Task[Any]) -> None:
        """Make what still runs an error, and say farewell."""
        self._take_nothing_new()
        for charge in self._charges.values():
            charge.life.cut_short(f"{self._reason} before the task was done")
        await self._wait_for_tasks(self._pace.unwind + self._pace.farewell, working)
        await end(*(charge.running for charge in self._charges.values()), within=self._pace.unwind)
        await self._say_farewell()
        await end(working, *others, within=self._pace.unwind)

    async def _wait_for_tasks(self, seconds: float, working: asyncio.Task[Any]) -> None:
        running = {charge.running for charge in self._charges.values()}
        if self._stopped.is_set():
            running.add(working)  # the task of a prompt may be about to be created
        if running:
            await asyncio.wait(running, timeout=seconds)

    async def _say_farewell(self) -> None:
        self._is_leaving = True
        await self._run_errands()
        self._worker_id = None
        self._speak_for()
        await self._run_errands()
        await end(*self._errands, within=self._pace.unwind)

    async def _run_errands(self) -> None:
        if self._errands:
            await asyncio.wait(self._errands, timeout=self._pace.farewell)


async def _shut_down(hook: Callable[[], object]) -> None:
    try:
        await run_hook(hook)
    except Exception as error:
        LOG.exception("a function for the shutdown failed: %s", error_text(error))
