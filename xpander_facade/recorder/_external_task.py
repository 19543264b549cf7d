"""Record of one run that is executed here: timed, filled in on the way, reported when it ends.

The handle is an object that the user holds. `current_run()` finds it again without passing it on, and nothing else
depends on that.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs

from xpander_facade._requests.report import make_report
from xpander_facade._serialization.jsonable import error_text, to_text
from xpander_facade.recorder._counts import count_report, restart_counts
from xpander_facade.recorder._decorators import F, instrument
from xpander_facade.recorder._delivery import (
    Delivery,
    DeliveryStatus,
    adeliver_end,
    adeliver_start,
    check_ready,
    deliver_end,
    deliver_start,
    has_outbox,
)
from xpander_facade.recorder._finalizers import has_loop, is_collecting, run_detached, watch_collection
from xpander_facade.recorder._run_data import UNSET, RunFields
from xpander_facade.recorder._stored_response import RecordedResponse, stored_response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine  # noqa: TC004 (annotations only)
    from types import TracebackType

    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004

_log = logging.getLogger("xpander_facade.recorder")
_current: contextvars.ContextVar[ExternalTask | None] = contextvars.ContextVar("xpander_run", default=None)
MAX_LOGGED = 500
T = TypeVar("T")


@attrs.frozen
class RunOptions:
    """What a run is recorded with, checked.

    Args:
        configure: Gives what to call with, when the run begins.
        agent_id: The agent, or None for the configuration's.
        id: The run's id, or None for one that is made.
        input: What the run was asked; None takes a decorated function's first argument.
        report_start: Report the start too.
        strict: Raise what a report raises, where the run itself did not.
        clock: Gives the time in seconds; never goes back.
    """

    configure: Callable[[], Configuration]
    agent_id: str | None = None
    id: str | None = None
    input: str | None = None
    report_start: bool = False
    strict: bool = False
    clock: Callable[[], float] = time.monotonic


class ExternalTask(RunFields):
    """A run that is executed here and reported when it ends. `Backend.external_task` makes it.

    Use it once in a `with` or `async with` block, or as a decorator, which records each call as a run of its own.
    What is known of the run can be set until it ends.
    """

    __slots__ = (
        "_agent_id",
        "_began",
        "_configuration",
        "_duration",
        "_options",
        "_outer",
        "_process",
        "_token",
    )

    def __init__(self, options: RunOptions) -> None:
        super().__init__(options.id, options.input)
        self._options = options
        self._agent_id = options.agent_id
        self._configuration: Configuration | None = None
        self._process: int | None = None
        self._began = 0.0
        self._duration = 0.0
        self._outer: ExternalTask | None = None
        self._token: contextvars.Token[ExternalTask | None] | None = None

    # --- the ways to record ---

    def __enter__(self) -> Self:
        self._open()
        self._make_current()
        return self

    async def __aenter__(self) -> Self:
        await self._aopen()
        self._make_current()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore_current()
        self._close(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore_current()
        await self._aclose(error)

    def __call__(self, function: F) -> F:
        """Record every call of a function, coroutine function or generator function (sync or async) as a run.

        Raises:
            TypeError: It is none of these.
            ValueError: There is an id, which several runs can't share.
        """
        if self._options.id is not None:
            raise ValueError(
                "every call of a decorated function is a run with an id of its own: leave id= out, or use "
                "`with backend.external_task(id=...)` inside of the function"
            )
        return instrument(function, self._new_call)

    def __repr__(self) -> str:
        state = "new" if self._process is None else "ended" if self._ended else "running"
        return f"<ExternalTask {self._id or '(no id yet)'}: {state}>"

    # --- beginning and ending ---

    def _new_call(self, first_argument: object) -> ExternalTask:
        """Return a new run on the same options, for one call of a decorated function."""
        options = self._options
        if options.input is None and first_argument is not None:
            options = attrs.evolve(options, input=to_text(first_argument))
        return ExternalTask(options)

    def _open(self) -> None:
        """Begin the run."""
        report = self._begin()
        try:
            if self._reports_start:
                self._perform(self._report_start, report)
        except Exception:
            self._end()  # nobody was told of the run, and its block does not begin
            raise
        except BaseException as error:
            self._close(error)
            raise
        self._began = self._options.clock()

    async def _aopen(self) -> None:
        """Begin the run."""
        report = self._begin()
        try:
            if self._reports_start:
                await self._aperform(self._areport_start, report)
        except Exception:
            self._end()  # nobody was told of the run, and its block does not begin
            raise
        except BaseException as error:
            await self._aclose(error)
            raise
        self._began = self._options.clock()

    def _close(self, error: BaseException | None) -> None:
        """End the run, which did well or raised an error."""
        if self._end():
            self._perform(self._report_end, error)

    async def _aclose(self, error: BaseException | None) -> None:
        """End the run, which did well or raised an error."""
        if self._end():
            await self._aperform(self._areport_end, error)

    def _begin(self) -> Report:
        """Check what can be checked and return what is known of the run.

        Raises:
            RuntimeError: It has begun before.
            ConfigurationError: The key or the agent is missing.
        """
        with self._lock:
            if self._process is not None:
                raise RuntimeError(
                    f"run {self._id} has begun before, and one handle records one run: "
                    "call external_task() again, or use it as a decorator"
                )
            self._configuration = self._options.configure()
            check_ready(self._configuration)
            watch_collection()
            report = self._report(None, is_success=True)
            self._id, self._agent_id = report.id, report.agent_id
            self._outer = current_run()
            if self._outer is not None:
                self._usage.path = (*self._outer._usage.path, self)
            self._process = os.getpid()
            self._began = self._options.clock()
            return report

    def _end(self) -> bool:
        """Stop the clock and return whether the run is to be reported: once, and by the process that began it."""
        with self._lock:
            first = not self._ended
            if first:
                self._finish_streams()
                self._ended = True
                self._duration = max(0.0, self._options.clock() - self._began)
            return first and self._process == os.getpid()

    # --- reporting ---

    @property
    def _reports_start(self) -> bool:
        return self._options.report_start or has_outbox(self._called_with)

    @property
    def _called_with(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("the run has not begun: use it in a `with` block, or as a decorator")
        return self._configuration

    def _report_start(self, report: Report) -> None:
        try:
            self._on_delivered(deliver_start(self._called_with, report, send=self._options.report_start))
        except Exception as failure:
            self._on_failure(failure, None)

    async def _areport_start(self, report: Report) -> None:
        try:
            self._on_delivered(await adeliver_start(self._called_with, report, send=self._options.report_start))
        except Exception as failure:
            self._on_failure(failure, None)

    def _report_end(self, error: BaseException | None) -> None:
        try:
            self._on_delivered(deliver_end(self._called_with, self._last_report(error)))
        except Exception as failure:
            self._on_failure(failure, error)

    async def _areport_end(self, error: BaseException | None) -> None:
        try:
            self._on_delivered(await adeliver_end(self._called_with, await self._alast_report(error)))
        except Exception as failure:
            self._on_failure(failure, error)

    def _perform(self, tell: Callable[[T], None], what: T) -> None:
        """Do one of the above; where a generator was abandoned, a thread does it if this one must not wait."""
        if isinstance(what, GeneratorExit) and (is_collecting() or has_loop()):
            run_detached(tell, what)
        else:
            tell(what)

    async def _aperform(self, tell: Callable[[T], Coroutine[Any, Any, None]], what: T) -> None:
        """Do one of the above to its end, whatever is cancelled meanwhile; then the cancellation goes on."""
        if isinstance(what, GeneratorExit) and (is_collecting() or not has_loop()):
            run_detached(self._report_end, what)
            return
        import asyncio

        cancellation: asyncio.CancelledError | None = None
        loop = asyncio.get_running_loop()
        first = telling = loop.create_task(tell(what))
        while not telling.done():
            try:
                await asyncio.wait([telling])
            except asyncio.CancelledError as error:
                cancellation = error
            if telling is first and first.cancelled():
                # A loop that shuts down cancels everything in it, once. A report may be repeated.
                telling = loop.create_task(tell(what))
        try:
            telling.result()
        finally:
            if cancellation is not None:
                raise cancellation

    def _report(self, result: str | None, *, is_success: bool) -> Report:
        return make_report(
            self._called_with,
            agent_id=self._agent_id,
            id=self._id,
            input=self._input,
            llm_response=self._stored_response(),
            tokens=self._tokens,
            is_success=is_success,
            result=result,
            duration=self._duration,
            used_tools=[str(name) for name in self._used_tools],
        )

    def _stored_response(self) -> Any:
        limit = self._called_with.max_field_bytes
        facts: dict[str, Any] = {}
        if self._llm_response is not UNSET:
            responses = [] if self._llm_response is None else [RecordedResponse(self._llm_response)]
        else:
            responses = self._responses
            facts = {"model": self._model, "provider": self._provider}
        facts |= {"metadata": self._metadata or None}
        return stored_response(responses, {name: fact for name, fact in facts.items() if fact is not None}, limit)

    def _last_report(self, error: BaseException | None) -> Report:
        return self._end_of_run(error)

    async def _alast_report(self, error: BaseException | None) -> Report:
        if self.llm_response is None and not self._metadata:
            return self._end_of_run(error)
        import asyncio

        # A large response takes its time, and the loop has none.
        return await asyncio.to_thread(self._end_of_run, error)

    def _end_of_run(self, error: BaseException | None) -> Report:
        # A generator that nobody takes to its end has done nothing wrong.
        if error is None or isinstance(error, GeneratorExit):
            return self._report(self.result, is_success=self.is_success)
        self._is_success = False
        return self._report(error_text(error), is_success=False)

    def _on_delivered(self, delivery: Delivery) -> None:
        self._task = delivery.task or self._task
        if delivery.status is not DeliveryStatus.NONE:
            count_report(delivery.status.value)

    def _on_failure(self, failure: Exception, error: BaseException | None) -> None:
        """Tell that a report failed, and raise that where it is wanted and the run itself raised nothing."""
        count_report("failed")
        text = f"{type(failure).__name__}: {error_text(failure)}"
        _log.warning("run %s could not be reported: %s", self._id, text[:MAX_LOGGED])
        if self._options.strict and error is None:
            raise failure

    # --- which run is current ---

    def _make_current(self) -> None:
        self._token = _current.set(self)

    def _restore_current(self) -> None:
        # A block may be left in another context than it was entered in, or before a block inside of it. There is
        # nothing to undo then.
        if self._token is not None and _current.get() is self:
            with contextlib.suppress(ValueError):
                _current.reset(self._token)
        self._token = None


def current_run() -> ExternalTask | None:
    """Return the innermost run that is executed here and has not ended, in this thread or asyncio task."""
    run = _current.get()
    while run is not None and run._ended:
        run = run._outer
    return run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=restart_counts)
