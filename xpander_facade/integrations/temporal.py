"""Temporal: activities are recorded as runs by an interceptor, with what all of their attempts used."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.integrations._jobs import Describe, Jobs, TryAgainError, record
from xpander_facade.integrations._requirements import require
from xpander_facade.recorder._external_task import current_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from datetime import timedelta

    from xpander_facade.backend import Backend

    class _Interceptor: ...

    class _Plugin: ...

else:
    try:
        from temporalio.worker import Interceptor as _Interceptor
    except ImportError:  # said when an interceptor is made
        _Interceptor = object
    try:
        from temporalio.worker import Plugin as _Plugin
    except ImportError:  # older releases have interceptors only

        class _Plugin: ...


__all__ = ["RecordActivities", "record"]

_OLDEST = "1.8"
_log = logging.getLogger("xpander_facade.recorder")


class RecordActivities(_Plugin, _Interceptor):
    """A worker's plugin that records activities: those that are named or marked, or in which something is recorded.

    The run's id is "WORKFLOW.RUN.ACTIVITY", its attempts are Temporal's. A block of `external_task()` without an id
    within an activity is a part of the activity's run. Workflows are not recorded.

    As one of a worker's `plugins=`, it also begins to send what earlier workers left in the outbox, and sends what
    waits before the worker ends. As one of its `interceptors=`, it records activities and does no more.

    Args:
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        activities: Names of activities that are recorded: "summarise".
        all: Record every activity.
        input: Makes the run's input of the activity's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the activity returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: temporalio is missing or too old, or an argument makes no sense.

    Example:
        >>> worker = Worker(client, task_queue="shop", activities=[summarise], plugins=[RecordActivities(all=True)])
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        activities: Collection[str] = (),
        all: bool = False,
        input: Describe = None,
        result: Describe = None,
        agent_id: str | None = None,
    ) -> None:
        self._activity = _require("temporalio.activity")
        self._jobs = Jobs(backend, names=activities, all=all, input=input, result=result, agent_id=agent_id)
        self._is_warned = False

    def intercept_activity(self, next: Any) -> Any:
        """Record the activities that the next interceptor executes."""
        inbound: Any = _require("temporalio.worker").ActivityInboundInterceptor
        execute = self._execute

        class Inbound(inbound):  # type: ignore[misc]
            async def execute_activity(self, input: Any) -> Any:
                return await execute(input, self.next.execute_activity)

        return Inbound(next)

    def configure_worker(self, config: Any) -> Any:
        """Record the activities of a worker."""
        config["interceptors"] = [*(config.get("interceptors") or ()), self]
        return _pass_through(config)

    async def run_worker(self, worker: Any, next: Callable[[Any], Awaitable[None]]) -> None:
        """Import what activities need and take up what earlier workers left; send what waits in the end."""
        await self._jobs.prepare_in_loop()
        try:
            await next(worker)
        finally:
            await self._jobs.flush_in_loop()

    def configure_replayer(self, config: Any) -> Any:
        """Let a replayer import as a worker does: it executes no activities."""
        return _pass_through(config)

    def run_replayer(self, replayer: Any, histories: Any, next: Callable[[Any, Any], Any]) -> Any:
        """Replay as without this: no activities are executed."""
        return next(replayer, histories)

    async def _execute(self, given: Any, execute: Callable[[Any], Awaitable[Any]]) -> Any:
        info = self._activity.info()
        id = _id(info)
        if self._is_recorded(id):
            return await execute(given)
        key = (info.task_token, info.attempt)
        began = time.monotonic()
        value: object = None
        error: BaseException | None = None
        try:
            await self._jobs.abegin(
                key,
                id=id,
                name=info.activity_type,
                attempt=info.attempt,
                arguments=self._arguments(given.args),
                keywords={},
                marked=(given.fn, getattr(given.fn, "__call__", None)),  # noqa: B004 (a method that may be marked)
            )
            value = await execute(given)
            return value
        except BaseException as raised:
            error = self._reason(raised, info, time.monotonic() - began)
            raise
        finally:
            await self._jobs.aend(key, value, error)

    def _is_recorded(self, id: str) -> bool:
        """Whether another one of these records the activity already."""
        run = current_run()
        is_recorded = run is not None and run._options.is_job and run.id == id
        if is_recorded and not self._is_warned:
            self._is_warned = True
            _log.error("a worker has RecordActivities twice, and the first one records: pass it once, in plugins=")
        return is_recorded

    def _arguments(self, arguments: Any) -> Any:
        """Return an activity's arguments; those of a dynamic one come as they were sent."""
        raw: Any = _require("temporalio.common").RawValue
        if len(arguments) == 1 and isinstance(arguments[0], list | tuple):
            inner: Any = arguments[0]
            if inner and all(isinstance(one, raw) for one in inner):
                converter = self._activity.payload_converter()
                return [converter.from_payload(one.payload) for one in inner]
        return arguments

    def _reason(self, error: BaseException, info: Any, elapsed: float) -> BaseException:
        """Return what is reported of an activity that has raised: to be cancelled is no failure."""
        cancelled: Any = _require("temporalio.exceptions").CancelledError
        if not isinstance(error, asyncio.CancelledError | cancelled):
            return error
        # Older releases tell no details, and cancel nothing that times out.
        tells = hasattr(self._activity, "cancellation_details")
        details = self._activity.cancellation_details() if tells else None
        if tells and details is None:  # by other code than Temporal's
            return error
        if details is None or not details.timed_out:
            # Somebody has cancelled or paused it, or its worker ends and another one does it again.
            return TryAgainError()
        for limit in (info.start_to_close_timeout, info.schedule_to_close_timeout):
            if limit is not None and elapsed >= limit.total_seconds():
                return TimeoutError(f"timeout ({limit.total_seconds():g} s) exceeded")
        return TimeoutError(_silence(info.heartbeat_timeout))


def _require(module: str) -> Any:
    return require(module, distribution="temporalio", oldest=_OLDEST, integration="integrations.temporal")


def _pass_through(config: Any) -> Any:
    """Let the sandbox of workflows share this package: to import it anew takes 0.3 s of each workflow's time."""
    runner = config.get("workflow_runner")
    restrictions: Any = getattr(runner, "restrictions", None)
    if restrictions is not None and dataclasses.is_dataclass(runner):
        passed = restrictions.with_passthrough_modules("xpander_facade", "xpander_api")
        config["workflow_runner"] = dataclasses.replace(cast("Any", runner), restrictions=passed)
    return config


def _id(info: Any) -> str:
    # An activity that no workflow has begun has a run of its own.
    of = (info.workflow_id, info.workflow_run_id, info.activity_id)
    alone = (info.activity_id, getattr(info, "activity_run_id", None))
    return ".".join(part for part in (of if info.workflow_id else alone) if part)


def _silence(limit: timedelta | None) -> str:
    return "timeout exceeded" if limit is None else f"timeout: no heartbeat for {limit.total_seconds():g} s"
