"""Record of one run that is executed here: timed, filled in on the way, reported when it ends.

The handle is an object that the user holds. `current_run()` finds it again without passing it on, and nothing else
depends on that.

A report may be interrupted: a signal handler or another thread raises an exception in the midst of it, such as a job
runner's time limit. The exception goes on at once, and the report goes on by itself, on a thread of its own.
"""

from __future__ import annotations

import contextvars
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Self

import attrs

from xpander_facade import _validation
from xpander_facade._hints import RUN, add_misnomers
from xpander_facade._process.ending import Step, at_end
from xpander_facade._process.termination import watch_ends
from xpander_facade._process.threads import has_loop, in_thread
from xpander_facade._requests.report import make_report, make_start
from xpander_facade._serialization.jsonable import to_text
from xpander_facade.errors import RunNotBegunError, TaskUnavailableError, XpanderError
from xpander_facade.recorder._control_flow import Outcome, outcome_of
from xpander_facade.recorder._counts import restart_counts
from xpander_facade.recorder._decorators import F, instrument
from xpander_facade.recorder._endings import end_text
from xpander_facade.recorder._references import REFERENCES_OF_ONE_ENTRY
from xpander_facade.recorder._reporter import Reporter
from xpander_facade.recorder._run_data import UNSET, RunFields
from xpander_facade.recorder._stored_response import RecordedResponse, stored_response

if TYPE_CHECKING:
    from types import TracebackType

    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.recorder._delivery import DeliveryStatus
    from xpander_facade.recorder._run_options import RunOptions
    from xpander_facade.tasks._task import Task

PROCESS_ENDED = "process ended before the run did"
NEVER_ENDED = "the run was left without its end being seen"
# Weak, since a context can outlive its run by far and would keep all that the run has recorded.
_current: contextvars.ContextVar[weakref.ref[ExternalTask] | None] = contextvars.ContextVar("xpander_run", default=None)
_owed: dict[int, ExternalTask] = {}
"""The runs of this process that are still to be reported, by identity."""
_LOOK_INTERVAL = 1.0
_looked_at = [float("-inf")]


class ExternalTask(RunFields):
    """A run that is executed here and reported when it ends. `Backend.external_task` makes it.

    Use it once in a `with` or `async with` block, or as a decorator, which records each call as a run of its own.
    What is known of the run can be set until it ends.

        run: ExternalTask
        with backend.external_task(input="6 * 7?") as run:
            run.result = "42"
        print(run.delivery)
    """

    __slots__ = (
        "__weakref__",
        "_agent_id",
        "_began",
        "_configuration",
        "_duration",
        "_failure",
        "_has_parts",
        "_is_deferred",
        "_is_noted",
        "_job",
        "_last_active",
        "_made_reporter",
        "_options",
        "_outcome",
        "_outer",
        "_process",
        "_token",
    )

    def __init__(self, options: RunOptions) -> None:
        super().__init__(None if callable(options.id) else options.id, options.input)
        self._options = options
        self._agent_id = options.agent_id
        self._configuration: Configuration | None = None
        self._made_reporter: Reporter | None = None
        self._process: int | None = None
        self._outcome = Outcome.SUCCESS
        self._failure: str | None = None
        self._duration = 0.0
        self._is_deferred = False
        self._has_parts = False
        self._is_noted = False
        self._job: ExternalTask | None = None
        self._began = 0.0
        self._last_active: float | None = None
        self._outer: ExternalTask | None = None
        self._token: contextvars.Token[weakref.ref[ExternalTask] | None] | None = None

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
        try:
            self._restore_current()
        finally:
            self._close(error)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._restore_current()
        finally:
            await self._aclose(error)

    def __call__(self, function: F) -> F:
        """Record every call of a function, coroutine function or generator function (sync or async) as a run.

        A function that returns a generator, coroutine, future or iterator is a run that ends when that ends.

        Raises:
            TypeError: It is none of these.
            ValueError: There is an id, which several runs can't share.
        """
        if isinstance(self._options.id, str):
            raise ValueError(
                "every call of a decorated function is a run with an id of its own: pass a function of the call's "
                "arguments as id=, or leave it out"
            )
        return instrument(function, self._new_call)

    def wait(self, timeout: float | None = None) -> DeliveryStatus | None:
        """Wait until the platform has the report of a run that has ended, and return what became of it.

        A report that an outbox keeps is sent by a thread; this waits for that. `await_delivery` does so in async code.

            with backend.external_task() as run:
                run.result = "42"
            print(run.wait(timeout=5))

        Args:
            timeout: Seconds to wait at most, by default the configuration's `deadline`.

        Returns:
            What became of the report by then; None where there is none, since sending is disabled.

        Raises:
            RuntimeError: The run has not ended.
            OutboxError: The outbox's file can't be read or written.
        """
        return self._wait(timeout)

    async def await_delivery(self, timeout: float | None = None) -> DeliveryStatus | None:
        """Wait until the platform has the report of a run that has ended, and return what became of it.

        A report that an outbox keeps is sent by a thread; this waits for that. `await_delivery` does so in async code.

            with backend.external_task() as run:
                run.result = "42"
            print(run.wait(timeout=5))

        Args:
            timeout: Seconds to wait at most, by default the configuration's `deadline`.

        Returns:
            What became of the report by then; None where there is none, since sending is disabled.

        Raises:
            RuntimeError: The run has not ended.
            OutboxError: The outbox's file can't be read or written.
        """
        return await self._await(timeout)

    def _wait(self, timeout: float | None) -> DeliveryStatus | None:
        if not self._ended:
            raise RuntimeError(f"run {self._id} has not ended, so there is no report of it to wait for")
        seconds = self._called_with.deadline if timeout is None else _validation.check_seconds("timeout", timeout)
        return self._reporter.wait(seconds)

    async def _await(self, timeout: float | None) -> DeliveryStatus | None:
        return await in_thread(self._wait, timeout)

    @property
    def task(self) -> Task:
        """The platform's record of the run, as it answered the last report.

        Raises:
            TaskUnavailableError: There is none yet: the run has not ended, its report waits in an outbox, or failed.
        """
        if self._made_reporter is None:
            raise TaskUnavailableError("the run has no task: it has not begun")
        if self._made_reporter.task is None:
            raise TaskUnavailableError(self._made_reporter.why_no_task())
        return self._made_reporter.task

    @property
    def delivery(self) -> DeliveryStatus | None:
        """What became of the run's report; None until there is one, and where sending is disabled."""
        return None if self._made_reporter is None else self._made_reporter.delivery

    def __repr__(self) -> str:
        state = "new" if self._process is None else "ended" if self._ended else "running"
        return f"<ExternalTask {self._id or '(no id yet)'}: {state}>"

    # --- beginning and ending ---

    def _new_call(self, first_argument: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> ExternalTask:
        """Return a new run with the same options, for one call of a decorated function."""
        options = self._options
        if options.input is None and first_argument is not None:
            options = attrs.evolve(options, input=to_text(first_argument))
        if callable(options.id):
            options = attrs.evolve(options, id=options.id(*arguments, **keywords))
        return ExternalTask(attrs.evolve(options, attempts=options.attempts.of_call(arguments, keywords)))

    def _open(self) -> None:
        """Begin the run."""
        started = self._begin()
        try:
            if self._job is not None:
                self._job._note_start()
            elif not self._options.only_if_used:
                self._note_start(started)
        except XpanderError:
            self._discard()  # nobody was told of the run, and its block does not begin
            raise
        except BaseException as error:
            self._close(error)
            raise
        # The report of the start is no part of what the run took.
        self._began = self._options.clock()

    async def _aopen(self) -> None:
        """Begin the run."""
        started = self._begin()
        try:
            if self._job is not None:
                await self._job._anote_start()
            elif not self._options.only_if_used:
                await self._anote_start(started)
        except XpanderError:
            self._discard()  # nobody was told of the run, and its block does not begin
            raise
        except BaseException as error:
            await self._aclose(error)
            raise
        self._began = self._options.clock()

    def _note_start(self, started: Report | None = None) -> None:
        if self._reports_start and not self._is_noted:
            self._is_noted = True
            started = started or self._report(None, is_success=True)
            self._reporter._report_start(started, send=self._options.report_start)

    async def _anote_start(self, started: Report | None = None) -> None:
        if self._reports_start and not self._is_noted:
            self._is_noted = True
            started = started or self._report(None, is_success=True)
            await self._reporter._areport_start(started, send=self._options.report_start)

    def _close(self, error: BaseException | None) -> None:
        """End the run, which did well or raised an error."""
        if self._finish(error):
            try:
                self._deliver_end(error)
            except BaseException as interrupt:
                if self._reporter.is_interrupt(interrupt, self._end_report):
                    raise
            finally:
                _settle(self)

    async def _aclose(self, error: BaseException | None) -> None:
        """End the run, which did well or raised an error."""
        if self._finish(error):
            try:
                await self._adeliver_end(error)
            except BaseException as interrupt:
                if self._reporter.is_interrupt(interrupt, self._end_report):
                    raise
            finally:
                _settle(self)

    def _deliver_end(self, error: BaseException | None) -> None:
        if not self._is_reported:
            self._reporter.forget()
        elif isinstance(error, GeneratorExit):
            # Garbage collection closes a generator wherever its thread happens to be: with a lock of anybody's held.
            self._reporter.detach_end(self._end_report)
        else:
            self._reporter._report_end(self._end_report, is_simple=self._is_simple)

    async def _adeliver_end(self, error: BaseException | None) -> None:
        if not self._is_reported:
            await in_thread(self._reporter.forget)
        elif isinstance(error, GeneratorExit) and not has_loop():
            self._reporter.detach_end(self._end_report)
        else:
            await self._reporter._areport_end(self._end_report, is_simple=self._is_simple)

    def _begin(self) -> Report:
        """Check what can be checked, and return the report that the run has begun.

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
            configuration = self._options.configure()
            # What is missing is told as the block begins, and not when its work is done and can't be reported.
            configuration.check_complete(agent=self._options.agent_id is None)
            self._configuration = configuration
            if callable(self._options.id):
                self._id = self._options.id()
            if callable(self._options.attempts.attempt):
                self._options = attrs.evolve(self._options, attempts=self._options.attempts.of_call((), {}))
            if self._id is not None:
                self._id = self._options.attempts.id_of(self._id)
            # The id and the agent of the end are those of the beginning, whatever the environment says by then.
            report = self._start_report()
            self._id, self._agent_id = report.id, report.agent_id
            self._made_reporter = Reporter(
                configuration, report.id, is_strict=self._options.strict, at_once=self._options.at_once
            )
            self._outer = outer = None if _current.get() is None else current_run()
            self._job = job = None if outer is None else _job_of(self)
            if job is not None:
                self._become_part_of(job)
            elif outer is not None:
                self._usage.path = (*outer._usage.path, *self._usage.path)
            self._process = os.getpid()
            self._began = self._options.clock()
        if self._job is None:
            _owed[id(self)] = self
        _look_after(self._began)
        return report

    def _finish(self, error: BaseException | None, reason: str | None = None) -> bool:
        """Stop the clock and return whether the run is to be reported: once, and by the process that began it.

        Args:
            error: What the run raised.
            reason: Why it failed, where it raised nothing.
        """
        with self._lock:
            if self._ended:
                return False
            self._finish_streams()
            is_used = not self._options.only_if_used or self._is_used or self._has_parts
            if error is not None or reason is not None:
                self._outcome = Outcome.FAILURE if reason is not None else outcome_of(error, self._options.ignored)
                if self._outcome is Outcome.FAILURE:
                    self._is_success = False
                    self._failure = reason or end_text(error, self.result)
            # A generator that nobody takes to its end is collected some time; its last item tells when it was over.
            is_left = isinstance(error, GeneratorExit) and self._last_active is not None
            now = self._last_active if is_left and self._last_active is not None else self._options.clock()
            self._duration = max(0.0, now - self._began)
            self._ended = True
        if self._job is not None:
            self._job._absorb(self, has_raised=error is not None)
        elif not is_used:
            self._outcome = Outcome.IGNORED
        if error is not None:
            self._reporter.note_error()
        # A forked child leaves a block that its parent has entered, and the parent reports it.
        return self._process == os.getpid() and self._reporter.is_owed

    def _become_part_of(self, job: ExternalTask) -> None:
        """Record into the job that this is a part of; what comes again under the same id counts once in all of it."""
        job._has_parts = True
        self._id = job._id
        self._usage = job._usage
        self._reporter.is_owed = False

    def _discard(self) -> None:
        """End the run without a report."""
        self._finish(None)
        self._reporter.is_owed = False
        _settle(self)

    def _discard_noted(self) -> None:
        """End the run without a report, and without a note of it in the outbox."""
        if self._finish(None):
            self._reporter.forget()
            _settle(self)

    def _defer(self) -> None:
        """Note that the run goes on until what its function has returned ends."""
        self._is_deferred = True

    def _close_detached(self, error: BaseException | None) -> None:
        """End the run without waiting for its report."""
        if self._finish(error):
            self._reporter.detach_end(self._end_report)

    def _touch(self) -> None:
        """Note that the run is alive."""
        self._last_active = self._options.clock()

    @property
    def _is_reported(self) -> bool:
        if self._outcome is Outcome.UNFINISHED and self._options.attempts.is_summed:
            return self._tokens is not None  # what it has used is added to what the attempts to come use
        return self._outcome is Outcome.SUCCESS or self._outcome is Outcome.FAILURE

    @property
    def _reports_start(self) -> bool:
        return self._options.report_start or self._reporter.has_outbox

    # --- its report ---

    def _end_report(self) -> Report:
        if self._outcome is Outcome.UNFINISHED:
            return self._report(None, is_success=True)
        if self._failure is not None:
            return self._report(self._failure, is_success=False)
        return self._report(self.result, is_success=self.is_success)

    def _start_report(self) -> Report:
        """Return the report that the run has begun: mostly nothing is known of it but what it was asked."""
        if self._agent_id is not None and self._is_bare and not self._options.attempts.is_summed:
            return make_start(self._agent_id, self._id, self._input)
        return self._report(None, is_success=True)

    def _report(self, result: str | None, *, is_success: bool, duration: float | None = None) -> Report:
        return make_report(
            self._called_with,
            agent_id=self._agent_id,
            id=self._id,
            input=self._input,
            llm_response=self._stored_response(duration),
            tokens=self._tokens,
            is_success=is_success,
            result=result,
            duration=self._duration if duration is None else duration,
            used_tools=[str(name) for name in self._used_tools] if self._used_tools else None,
        )

    def _stored_response(self, duration: float | None) -> Any:
        attempts = self._options.attempts
        if self._response_copy is not None and not self._metadata and not attempts.is_summed:
            return self._response_copy
        facts: dict[str, Any] = {}
        if self._llm_response is not UNSET:
            response = self._response_copy or self._llm_response
            responses = [] if response is None else [RecordedResponse(response)]
        else:
            responses = self._responses or self._seen_responses
            known = (("model", self._model), ("provider", self._provider))
            facts = {name: fact for name, fact in known if fact is not None}
        if self._metadata:
            facts["metadata"] = self._metadata
        if attempts.is_summed:
            is_over = self._ended or duration is not None
            seconds = self._duration if duration is None else duration
            facts |= attempts.facts(self._tokens, seconds if is_over else None)
        return stored_response(responses, facts, self._called_with.max_field_bytes)

    @property
    def _called_with(self) -> Configuration:
        if self._configuration is None:
            raise RunNotBegunError("the run has not begun: use it in a `with` block, or as a decorator")
        return self._configuration

    @property
    def _reporter(self) -> Reporter:
        if self._made_reporter is None:
            raise RunNotBegunError("the run has not begun: use it in a `with` block, or as a decorator")
        return self._made_reporter

    # --- which run is current ---

    def _make_current(self) -> None:
        self._token = _current.set(weakref.ref(self))

    def _restore_current(self) -> None:
        # A block may be left in another context than it was entered in, or before a block inside of it. There is
        # nothing to undo then.
        current = _current.get()
        if self._token is not None and current is not None and current() is self:
            try:  # noqa: SIM105 (each run comes through here)
                _current.reset(self._token)
            except ValueError:
                pass
        self._token = None


if not TYPE_CHECKING:  # a checker knows the attributes
    add_misnomers(ExternalTask, RUN)


def current_run() -> ExternalTask | None:
    """Return the innermost run that is executed here and has not ended, in this thread or asyncio task.

    For example:

        def add_note(text: str) -> None:
            if (run := current_run()) is not None:
                run.metadata = {"note": text}

        with backend.external_task():
            add_note("checked by hand")
    """
    run = _deref(_current.get())
    while run is not None and run._ended:
        run = run._outer
    return run


def end_runs() -> None:
    """Report the runs of this process that have not ended, as it does: in order, so that there is time for it."""
    _sweep()
    for run in list(_owed.values()):
        if run._process != os.getpid() or run._ended:
            continue
        duration = run._options.clock() - run._began
        run._reporter.report_unfinished(run._report(PROCESS_ENDED, is_success=False, duration=duration))


def _job_of(run: ExternalTask) -> ExternalTask | None:
    """Return the job that a run is a part of: it has neither an id nor an agent of its own."""
    if run._options.id is not None or run._options.is_job:
        return None
    outer = run._outer
    while outer is not None and (outer._ended or not outer._options.is_job):
        outer = outer._outer
    is_other = outer is None or run._options.agent_id not in (None, outer._agent_id)
    return None if is_other else outer


def _settle(run: ExternalTask) -> None:
    if not run._reporter.is_owed:
        _owed.pop(id(run), None)


def _look_after(now: float) -> None:
    """See to the runs that were lost, and to the end of the process; in its first run, and then now and then.

    Not when this file is imported: a program in which nothing is recorded ends as ever.
    """
    if now - _looked_at[0] < _LOOK_INTERVAL:
        return
    _looked_at[0] = now
    at_end(Step.RUNS, end_runs)
    watch_ends()
    _sweep()


def _sweep() -> None:
    """Report the runs that nobody holds any more, though their ends were not seen.

    An interrupt can come between the last line of a block and the first one of its end. A finalizer would not do: an
    exception that a signal handler raises within one is lost.
    """
    for key in list(_owed):
        run = _owed.get(key)
        if run is None or run._process != os.getpid():
            continue
        if not run._reporter.is_owed:
            _owed.pop(key, None)
        elif sys.getrefcount(run) <= REFERENCES_OF_ONE_ENTRY:
            if run._is_deferred:  # nobody has taken what the function returned
                run._finish(GeneratorExit())
            run._finish(None, NEVER_ENDED)
            run._reporter.detach_end(run._end_report)


def _deref(reference: weakref.ref[ExternalTask] | None) -> ExternalTask | None:
    return None if reference is None else reference()


def _forget_parent() -> None:
    restart_counts()
    _owed.clear()
    _looked_at[0] = float("-inf")


if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_forget_parent)
