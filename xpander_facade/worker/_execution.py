"""Execution of one task by a worker: it is set executing, its handler runs, its outcome is saved.

A message that the platform must have is repeated until it was accepted; only the end of the worker interrupts that. A
task that ended elsewhere, or that the platform gave to another worker, is abandoned: nothing of it is saved.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from xpander_facade import _client, _requests
from xpander_facade._serialization.jsonable import error_text
from xpander_facade.errors import APIStatusError, ModuleException, XpanderError
from xpander_facade.types.enums import AgentExecutionStatus
from xpander_facade.usage._tokens import Tokens
from xpander_facade.worker._event_loop import shielded
from xpander_facade.worker._handlers import Kind, call, in_thread, result_text
from xpander_facade.worker._logging import LOG
from xpander_facade.worker._timeouts import backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xpander_facade._client.request import Request
    from xpander_facade.tasks._task import Task
    from xpander_facade.types.events import TaskUpdateEvent
    from xpander_facade.worker._attempts import AttemptLog
    from xpander_facade.worker._options import WorkerSpec
    from xpander_facade.worker._timeouts import WorkerTimeouts

MAX_PLAN_RETRIES = 5
_STATUSES = frozenset(AgentExecutionStatus)
_TRANSIENT_REFUSALS = frozenset({408, 429})
_OPEN = frozenset({AgentExecutionStatus.Pending, AgentExecutionStatus.Executing})

T = TypeVar("T")


class _AbandonedError(Exception):
    """The task is not this worker's, or not any more. The text says why."""


class _CancelledError(Exception):
    """The worker ends before the task did. The text becomes the task's result."""


class _TooManyAttemptsError(Exception):
    """The task has killed its process too often. The text becomes its result."""


class _HandlerError(Exception):
    """The handler failed; the cause is its own exception."""


class TaskExecution:
    """One execution of a task by this worker.

    Args:
        spec: The handler and its options.
        timeouts: Intervals and limits.
        task: As the platform sent it.
        worker_id: The id under which the worker got it, None where it is registered nowhere; it travels with what is
            saved, so that the platform can tell the outcome of a worker that has lost the task.
        own_ids: All ids under which this process has registered so far; the session adds to them.
        attempts: How often each task was begun on this machine.
        push: Takes the events of the handler; by default they are pushed to those who follow the task.

    Attributes:
        worker_id: The id under which the platform knows that the task is here; a later one, where it was given again.
        is_started: Whether it has a slot.
        ran_before: Whether this worker had a task of this id before: the platform is asked whether it is to run again.
        polled_at: The `time.monotonic()` of the last poll of the task.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        timeouts: WorkerTimeouts,
        task: Task,
        worker_id: str | None,
        own_ids: set[str],
        attempts: AttemptLog,
        push: Callable[[TaskUpdateEvent], Awaitable[None]] | None = None,
    ) -> None:
        self.task = task
        self.worker_id = worker_id
        self.is_started = False
        self.ran_before = False
        self.polled_at = time.monotonic()
        self._spec = spec
        self._timeouts = timeouts
        self._own_ids = own_ids
        self._attempts = attempts
        self._is_counted = self._was_counted = False
        self._push = push or self._push_to_followers
        # A record that names no worker, or the one that came with the task, does not say that it is another's.
        self._owners = {None, worker_id, task.worker_id}
        self._is_over = False
        self._settled = asyncio.Event()
        # One change at a time: an earlier one that is tried again must not undo a later one.
        self._changing = asyncio.Lock()
        self._began = time.monotonic()
        # The reason is its result: asyncio logs an exception of a future that nobody asks for it.
        self._interruption: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._tokens_of_retries: Tokens | None = None
        self._abandon_reason: str | None = None

    async def run(self) -> Task | None:
        """Execute the task; return it as it was saved, or None where it was abandoned or could not be saved."""
        try:
            await self._begin()
            await self._count_attempt()
            known = self.task.duration
            await self._work()
            # A handler may have told the duration itself.
            if self.task.duration == known:
                self.task.duration = self._elapsed()
            return await self._save()
        except _AbandonedError as reason:
            LOG.info("the task is abandoned, nothing of it is saved: %s", reason)
        except _CancelledError as reason:
            return await self._save_cancelled(str(reason))
        except _TooManyAttemptsError as error:
            return await self._save_as_error(str(error))
        except ModuleException as error:
            return await self._save_as_error(f"the platform refused: {error}")
        except Exception as error:
            LOG.exception("the task failed unexpectedly; it is saved as an error")
            return await self._save_as_error(error_text(error))
        except asyncio.CancelledError:
            LOG.error("the worker ended before the outcome was saved; the platform gives the task to another worker")
            raise
        finally:
            self._is_over = True
            self._settled.set()
            await shielded(self._settle_attempt())
        return None

    def cancel(self, reason: str) -> None:
        """End the handler, and make the task an error for this reason."""
        self._end(_CancelledError(reason))

    def abandon(self, reason: str) -> None:
        """End the handler and save nothing. A thread can't be ended: what its handler returns will not be saved."""
        self._abandon_reason = reason
        if self._spec.kind is not Kind.SYNC:
            self._end(_AbandonedError(reason))

    async def poll(self) -> None:
        """Ask the platform whether the task still belongs to this worker, and abandon it where it does not."""
        self.polled_at = time.monotonic()
        try:
            self._check(await self._ask(_requests.get_request(self.task.id)))
        except _AbandonedError as reason:
            self.abandon(str(reason))
        except XpanderError as error:
            LOG.debug("polling the task failed, it is polled again later: %s", error, extra={"task_id": self.task.id})

    async def handle_duplicate(self, worker_id: str) -> bool:
        """Learn why the task has come again while it is in hand, and return whether it is to run anew.

        It is a mere copy; or the platform took it from this worker and has given it back to its present id: then it
        goes on under that one; or somebody asked the same once more.

        Args:
            worker_id: The id under which it came again.
        """
        # Before the platform has heard of the beginning it can't tell a copy from what is to run.
        await self._settled.wait()
        if self._is_over or self._abandon_reason is not None:
            return True
        if worker_id != self.worker_id:
            LOG.info("the platform gave the task to this worker again; the execution continues")
            self.worker_id = worker_id
            if self.task.status in _OPEN:
                await self._retry_until_accepted("set executing", lambda: self._change("executing"))
            return False
        fresh = await self._retry_until_accepted(
            "ask whether it is requested again", lambda: self._ask(_requests.get_request(self.task.id))
        )
        is_requested_again = fresh.status is AgentExecutionStatus.Pending
        LOG.info(
            "the task was requested again"
            if is_requested_again
            else "the task was received twice; the execution continues"
        )
        return is_requested_again

    # --- the stages of an execution ---

    async def _begin(self) -> None:
        if self.ran_before:
            fresh = await self._retry_until_accepted(
                "ask whether it runs again", lambda: self._ask(_requests.get_request(self.task.id))
            )
            if fresh.status.is_final:
                raise _AbandonedError("it ran here already")
        LOG.info("the task begins")
        answer = await self._retry_until_accepted("set executing", lambda: self._change("executing"))
        self._check(answer)
        if answer.status is AgentExecutionStatus.Pending:
            raise _AbandonedError("the platform did not let it begin")
        self.task._merge_from(answer)
        self._began = time.monotonic()
        self._settled.set()

    async def _count_attempt(self) -> None:
        """Count this attempt, on disk before the handler starts.

        Raises:
            _TooManyAttemptsError: The task was begun as often as it may, and its process ended each time.
        """
        most = self._spec.max_attempts
        if not most:
            return
        begun = await in_thread(partial(self._attempts.begin, self.task.id))
        self._is_counted = self._was_counted = True
        if begun > most:
            raise _TooManyAttemptsError(
                f"the task was begun {begun - 1} times and its process ended each time: it is not begun again "
                f"(max_attempts={most})"
            )

    async def _settle_attempt(self) -> None:
        if self._was_counted and self.task.status.is_final:
            self._is_counted = False
            await in_thread(partial(self._attempts.forget, self.task.id))
        await self.retract_attempt()

    async def retract_attempt(self) -> None:
        """Let this attempt not count: the worker is being stopped, or the task was given to another."""
        if self._is_counted:
            self._is_counted = False
            await in_thread(partial(self._attempts.retract, self.task.id))

    async def _work(self) -> None:
        """Run the handler, and again while an enforced plan has open items; the task holds what came of it."""
        retries = 0
        while True:
            try:
                self.task = await self._attempt()
                self.task.result = result_text(self.task.result)
            except _HandlerError as failed:
                LOG.error("the handler failed; the task is saved as an error", exc_info=failed.__cause__)
                self._become_error(str(failed))
            if self.task.status not in _STATUSES:
                LOG.error("the handler set an unknown status, the task is saved as an error: %s", self.task.status)
                self._become_error(f"the handler set the status {str(self.task.status)!r}, which is not a status")
            # Planning tools change the plan at the platform; the same answer tells of a stop meanwhile.
            fresh = await self._retry_until_accepted(
                "read the plan", lambda: self._ask(_requests.get_request(self.task.id))
            )
            self._check(fresh)
            self.task.tokens = _sum(self._tokens_of_retries, self.task.tokens)
            status = fresh._plan_following_status()
            is_good = self.task.status in {*_OPEN, AgentExecutionStatus.Completed}
            if status.can_finish or fresh.status.is_final or not is_good:
                return
            left = len(status.uncompleted_tasks)
            if retries == MAX_PLAN_RETRIES:
                LOG.warning("the plan has %d open items after %d retries; the task is saved as it is", left, retries)
                return
            retries += 1
            LOG.info("the plan has %d open items; the handler runs again, retry %d", left, retries)
            self.task.deep_planning = fresh.deep_planning
            await self._prepare(retries)

    async def _prepare(self, retry: int) -> None:
        task = self.task
        task.status = AgentExecutionStatus.Executing
        task.execution_attempts = retry + 1
        # Each attempt's handler counts its own tokens.
        self._tokens_of_retries, task.tokens = task.tokens, None
        task._retries = retry
        try:
            await task.acompact_session_for_retry()
        except (XpanderError, ValueError) as error:
            LOG.warning("the session could not be compacted; the retry goes on with the whole session: %s", error)

    async def _attempt(self) -> Task:
        """Call the handler; end it where the execution is interrupted.

        Raises:
            _HandlerError: It failed.
        """
        if self._interruption.done():
            raise self._interruption.result()
        spec = self._spec
        running = asyncio.ensure_future(call(spec.function, spec.kind, self.task, self._push))
        either: set[asyncio.Future[Any]] = {running, self._interruption}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            running.cancel()
            raise
        if not running.done():
            await self._unwind(running)
        try:
            return running.result()
        except asyncio.CancelledError:
            raise _HandlerError("the handler was cancelled") from None
        except BaseException as error:  # some libraries raise exceptions that do not derive from Exception
            raise _HandlerError(error_text(error)) from error

    async def _unwind(self, running: asyncio.Future[Task]) -> NoReturn:
        """Cancel the handler, wait a little for its `finally` blocks, and say why."""
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=self._timeouts.unwind)
        if not done:
            LOG.warning("the cancelled handler does not end; the worker goes on without it")
        elif not running.cancelled() and (error := running.exception()) is not None:
            LOG.warning("the cancelled handler failed: %s", error_text(error))
        raise self._interruption.result()

    async def _save(self) -> Task | None:
        task = self.task
        # A handler that leaves the status alone has done its work.
        if task.status in _OPEN:
            task.status = AgentExecutionStatus.Completed
        try:
            request_as = partial(task._save_request, False, True)
            if request_as() is not None:
                answer = await self._retry_until_accepted(
                    "save the outcome", lambda: self._update_as_worker(request_as)
                )
                self._check(answer)
                task._merge_from(answer)
        except (ValueError, TypeError, APIStatusError) as error:
            LOG.error("the outcome can't be saved, the task becomes an error: %s", error)
            return await self._save_as_error(f"the outcome can't be saved: {error_text(error)}")
        LOG.info("the task ended: %s after %g s", task.status.value, task.duration)
        await self._report_metrics()
        return task

    async def _save_cancelled(self, reason: str) -> Task | None:
        """Save the task as an error, with what it has cost so far."""
        self.task.duration = self._elapsed()
        # An interrupted handler can have left anything there.
        tokens = (
            _sum(self._tokens_of_retries, self.task.tokens)
            if isinstance(self.task.tokens, Tokens)
            else self._tokens_of_retries
        )
        self.task.tokens = tokens
        saved = await self._save_as_error(reason, tokens)
        if saved is not None:
            await self._report_metrics()
        return saved

    async def _save_as_error(self, reason: str, tokens: Tokens | None = None) -> Task | None:
        """Make the task an error, and save nothing else of it: what there is can't be saved, or is not whole."""
        LOG.error("the task is saved as an error: %s", reason)
        self._become_error(reason)
        duration = self._elapsed()
        try:
            return await self._retry_until_accepted(
                "save the error", lambda: self._change("error", result=reason, duration=duration, tokens=tokens)
            )
        except ModuleException as error:
            LOG.error("the platform refused the error too; the outcome is not saved: %s", error)
            return None

    def _become_error(self, reason: str) -> None:
        self.task.status = AgentExecutionStatus.Error
        self.task.result = reason

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._began, 3)

    async def _report_metrics(self) -> None:
        if self.task.tokens is not None:
            try:
                await self.task.areport_metrics(self._spec.configuration)
            except XpanderError as error:
                LOG.warning("the metrics could not be reported: %s", error)

    async def _push_to_followers(self, event: TaskUpdateEvent) -> None:
        try:
            await self.task.apush_events([event])
        except ModuleException as error:
            LOG.warning("an event could not be pushed: %s", error)

    # --- talking to the platform ---

    def _check(self, seen: Task) -> None:
        """Compare with what the platform says.

        Raises:
            _AbandonedError: The task is another worker's, or has ended otherwise than here.
        """
        if self._abandon_reason is not None:
            raise _AbandonedError(self._abandon_reason)
        if seen.worker_id not in self._owners | self._own_ids:
            raise _AbandonedError("the platform gave it to another worker")
        if seen.status.is_final and (seen.is_manually_stopped or seen.status is not self.task.status):
            raise _AbandonedError(f"it has ended elsewhere: {seen.status.value}")

    async def _change(
        self, status: str, result: str | None = None, duration: float | None = None, tokens: Tokens | None = None
    ) -> Task:
        change = partial(
            _requests.change_request, self.task.id, status=status, result=result, duration=duration, tokens=tokens
        )
        return await self._update_as_worker(lambda worker_id: change(worker_id=worker_id))

    async def _update_as_worker(self, request_as: Callable[[str | None], Request | None]) -> Task:
        """Send a change under the id by which the platform knows that the task is here.

        The worker of a former id counts as lost where the task was given to a later one, and so does what it says.

        Args:
            request_as: Makes the request of a worker with this id.
        """
        async with self._changing:
            while True:
                said_by = self.worker_id
                request = request_as(said_by)
                assert request is not None  # a save that has nothing to say is not sent
                answer = await self._ask(request)
                if answer.worker_id in self._own_ids:
                    self.worker_id = answer.worker_id
                # The stream may have been opened anew meanwhile, and with it the id: a change under the old one does
                # not count.
                if self.worker_id == said_by:
                    return answer

    async def _ask(self, request: Request) -> Task:
        configuration = self._spec.configuration
        reader = type(self.task)._reader(configuration)
        return await _client.asend(configuration, request, reader)

    async def _retry_until_accepted(self, what: str, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step until it succeeds, or until the platform refuses it for good."""
        failures = 0
        while True:
            try:
                return await step()
            except ModuleException as error:
                if is_refusal(error):
                    raise
                failures += 1
                wait = backoff(self._timeouts.retry, failures)
                LOG.error("could not %s, next try in %g s: %s", what, wait, error)
            await asyncio.sleep(wait)

    def _end(self, reason: Exception) -> None:
        if not self._interruption.done():
            self._interruption.set_result(reason)


def is_refusal(error: ModuleException) -> bool:
    """Whether the platform has said no, and will say it again."""
    return (
        isinstance(error, APIStatusError)
        and (error.status_code or 0) < 500
        and error.status_code not in _TRANSIENT_REFUSALS
    )


def _sum(earlier: Tokens | None, later: Tokens | None) -> Tokens | None:
    if earlier is None or later is None:
        return later if earlier is None else earlier
    return earlier + later
