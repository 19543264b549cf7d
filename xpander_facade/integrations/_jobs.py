"""Jobs of a runner as runs: which of them are recorded, when they begin and end, and what is left at the end.

What the integrations of job runners share. Nothing here fails a job: an error of this package is logged with the job's
id, and the job goes on. Exceptions of the runner that come out of here, such as a time limit, go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

import attrs

from xpander_facade import _validation
from xpander_facade._process.imports import preload
from xpander_facade._process.threads import in_thread
from xpander_facade._serialization.jsonable import to_text
from xpander_facade._transport.pool_registry import load_authorities
from xpander_facade.backend import Backend
from xpander_facade.errors import IntegrationError
from xpander_facade.outbox._outbox import Outbox
from xpander_facade.recorder._attempts import AttemptOptions
from xpander_facade.recorder._control_flow import Outcome
from xpander_facade.recorder._external_task import ExternalTask
from xpander_facade.recorder._run_options import RunOptions

F = TypeVar("F", bound=Callable[..., object])
Describe = Callable[..., object] | Literal[False] | None
"""What a user may pass as `input=` and `result=`."""

FLUSH_SECONDS = 4.0
MIN_CLOSE_SECONDS = 0.2
"""Seconds for what is being sent as the time is over: a platform that answers has answered then."""
_MARK = "__xpander_recorded__"
_RUNNERS = frozenset({"billiard", "celery", "dramatiq", "gevent", "rq"})
"""Whose exceptions reach the job, wherever they come out."""
_log = logging.getLogger("xpander_facade.recorder")


@attrs.frozen
class JobOptions:
    """How a job is recorded.

    Args:
        input: Makes the run's input of the job's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the job returned; False leaves it out; None takes it as it is.
    """

    input: Describe = None
    result: Describe = None


@overload
def record(function: F, /) -> F: ...
@overload
def record(*, input: Describe = None, result: Describe = None) -> Callable[[F], F]: ...
def record(function: F | None = None, /, *, input: Describe = None, result: Describe = None) -> F | Callable[[F], F]:
    """Mark a job's function, or the runner's object of it, as one whose runs are recorded.

    Args:
        function: The function.
        input: Makes the run's input of the job's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the job returned; False leaves it out; None takes it as it is.
    """
    options = JobOptions(_checked("input", input), _checked("result", result))

    def mark(marked: F) -> F:
        setattr(marked, _MARK, options)
        return marked

    return mark if function is None else mark(function)


class TryAgainError(Exception):
    """A job has asked its runner for another attempt."""


_IGNORED = {f"{TryAgainError.__module__}.{TryAgainError.__qualname__}": Outcome.UNFINISHED}


class Jobs:
    """The jobs of one runner.

    Args:
        backend: Reports the runs; None makes one of the environment.
        names: Names of jobs that are recorded.
        all: Record every job. Else those that are named, marked, or in which something was recorded.
        options: How jobs are recorded that say nothing of it themselves.
        agent_id: The agent that the runs count for.
    """

    def __init__(
        self,
        backend: Backend | None,
        *,
        names: Collection[str] = (),
        all: bool = False,
        input: Describe = None,
        result: Describe = None,
        agent_id: str | None = None,
    ) -> None:
        if backend is not None and not isinstance(backend, Backend):
            raise IntegrationError(f"backend must be a Backend, not {type(backend).__name__}")
        if isinstance(names, str):
            raise IntegrationError(f"name the jobs in a list: [{names!r}]")
        self.backend = backend or Backend()
        self.names = frozenset(_validation.check_names("names", list(names)))
        self.all = _validation.check_flag("all", all)
        self.options = JobOptions(_checked("input", input), _checked("result", result))
        self.agent_id = agent_id
        self._open: dict[object, tuple[ExternalTask, JobOptions, float]] = {}

    # --- the process ---

    def prepare(self) -> None:
        """Import and load what jobs need before processes are forked for them."""
        preload()
        configuration = self.backend.configuration
        # Where a relay sends, the processes of the jobs make no connection.
        if configuration.outbox is None or configuration.outbox.relay is None:
            load_authorities(configuration)

    def take_up(self) -> None:
        """Begin to send what earlier processes left, which a worker without jobs would not."""
        if self._has_outbox:
            # Tried at once, though an outage may have put it off until later.
            self._guarded("the outbox", self.backend.flush, 0.0)

    def flush(self, timeout: float = FLUSH_SECONDS, *, process_ends: bool = False) -> None:
        """Send what waits, or leave it to a relay, and say what is left: the process ends next, or forks.

        No thread is left that could begin to send what other processes store: the process would end before it is done,
        and they would wait for that.

        Args:
            timeout: Seconds to take at most.
            process_ends: Whether the process ends next without ceremony, so that nothing need be put away.
        """
        if not self._has_outbox:
            return
        until = time.monotonic() + timeout
        outbox = Outbox.of(self.backend.configuration)
        # A relay outlives this process, and the next job need not wait for the platform.
        has_relay = self._guarded("the outbox", outbox.has_relay)
        left = None if has_relay else self._guarded("the outbox", self.backend.flush, timeout)
        if left is not None and left.waiting:
            _log.warning(
                "the worker ends, and %d reports wait in %s until the next process sends them",
                left.waiting,
                outbox.path,
            )
        left_time = max(until - time.monotonic(), MIN_CLOSE_SECONDS)
        self._guarded("the outbox", outbox.close, left_time, process_ends=process_ends)

    async def prepare_in_loop(self) -> None:
        """Import what jobs need, and begin to send what earlier processes left, in an event loop."""
        await in_thread(self.prepare)
        await in_thread(self.take_up)

    async def flush_in_loop(self, timeout: float = FLUSH_SECONDS) -> None:
        """Send what waits, and say what is left, in an event loop."""
        await in_thread(self.flush, timeout)

    # --- one job ---

    def begin(
        self,
        key: object,
        *,
        id: str,
        name: str,
        attempt: int | str | None,
        arguments: Sequence[object],
        keywords: Mapping[str, object],
        marked: Sequence[object] = (),
        at_once: bool = False,
    ) -> None:
        """Begin the run of a job.

        Args:
            key: Tells the job from others of this process.
            id: The run's id.
            name: The name of the job's kind.
            attempt: The runner's number of the attempt; None where there can be no other.
            arguments: What the job was called with.
            keywords: What the job was called with, by name.
            marked: What `record` may have marked.
            at_once: Whether the report is to leave as the job ends, since its process ends next.
        """

        def start() -> None:
            began = time.monotonic()
            run, options = self._new(id, name, attempt, arguments, keywords, marked, at_once=at_once)
            # No `with` block: a runner tells of the beginning and the end of a job by two calls.
            run._open()
            run._make_current()
            self._open[key] = (run, options, began)

        self._guarded(id, start)

    async def abegin(
        self,
        key: object,
        *,
        id: str,
        name: str,
        attempt: int | str | None,
        arguments: Sequence[object],
        keywords: Mapping[str, object],
        marked: Sequence[object] = (),
        at_once: bool = False,
    ) -> None:
        """Begin the run of a job.

        Arguments as `Jobs.begin`.
        """

        async def start() -> None:
            began = time.monotonic()
            run, options = self._new(id, name, attempt, arguments, keywords, marked, at_once=at_once)
            await run._aopen()
            run._make_current()
            self._open[key] = (run, options, began)

        await self._aguarded(id, start)

    def _new(
        self,
        id: str,
        name: str,
        attempt: int | str | None,
        arguments: Sequence[object],
        keywords: Mapping[str, object],
        marked: Sequence[object],
        *,
        at_once: bool = False,
    ) -> tuple[ExternalTask, JobOptions]:
        input = self.describe(marked, arguments, keywords, id)
        run = self.make(id, attempt, input, only_if_used=not self.is_chosen(name, marked), at_once=at_once)
        return run, self._options_of(marked)

    def make(
        self,
        id: str,
        attempt: int | str | None,
        input: str | None,
        *,
        only_if_used: bool = False,
        at_once: bool = False,
    ) -> ExternalTask:
        """Return a run of a job that has not begun."""
        backend = self.backend
        return ExternalTask(
            RunOptions(
                configure=backend._acquire,
                agent_id=self.agent_id,
                id=id,
                input=input,
                ignored=_IGNORED,
                attempts=AttemptOptions(attempt),
                is_job=True,
                only_if_used=only_if_used,
                at_once=at_once,
            )
        )

    def is_chosen(self, name: str, marked: Sequence[object]) -> bool:
        """Whether the jobs of a kind are recorded in any case."""
        return self.all or name in self.names or any(hasattr(one, _MARK) for one in marked)

    def is_open(self, key: object) -> bool:
        """Whether a job is under way."""
        return key in self._open

    def run_of(self, key: object) -> ExternalTask | None:
        """Return the run of a job that is under way; None where it is not, or could not be recorded."""
        return self._open[key][0] if key in self._open else None

    def elapsed(self, key: object) -> float:
        """Return the seconds since a job began; 0 where it is not known."""
        return time.monotonic() - self._open[key][2] if key in self._open else 0.0

    def end(
        self,
        key: object,
        value: object = None,
        error: BaseException | None = None,
        *,
        at_least: float = 0.0,
        attempt: int | str | None = None,
    ) -> None:
        """End the run of a job: it has returned a value or raised an error.

        Args:
            key: Tells the job from others of this process.
            value: What it has returned.
            error: What it has raised.
            at_least: Seconds that it has taken by its runner's clock, which began before the run's own.
            attempt: The runner's number of the attempt, where only now there can be another one.
        """
        found = self._open.pop(key, None)
        if found is None:
            return
        run, options, _ = found

        def finish() -> None:
            self._number_and_time(run, attempt, at_least)
            self._complete(run, options, value, error)
            run._close(error)

        self._guarded(run.id, finish)

    async def aend(
        self,
        key: object,
        value: object = None,
        error: BaseException | None = None,
        *,
        at_least: float = 0.0,
        attempt: int | str | None = None,
    ) -> None:
        """End the run of a job: it has returned a value or raised an error.

        Arguments as `Jobs.end`.
        """
        found = self._open.pop(key, None)
        if found is None:
            return
        run, options, _ = found

        async def finish() -> None:
            self._number_and_time(run, attempt, at_least)
            self._complete(run, options, value, error)
            await run._aclose(error)

        await self._aguarded(run.id, finish)

    def _number_and_time(self, run: ExternalTask, attempt: int | str | None, at_least: float) -> None:
        if attempt is not None:
            run._options = attrs.evolve(run._options, attempts=AttemptOptions(attempt))
        run._began = min(run._began, run._options.clock() - at_least)

    def _complete(self, run: ExternalTask, options: JobOptions, value: object, error: BaseException | None) -> None:
        run._restore_current()
        # A result alone must not make a run of a job in which nothing was recorded.
        if error is None and (run._is_used or not run._options.only_if_used):
            self._set_result(run, options, value)

    def discard(self, key: object) -> None:
        """Leave a job out that the runner has left out."""
        found = self._open.pop(key, None)
        if found is not None:
            found[0]._restore_current()
            self._guarded(found[0].id, found[0]._discard_noted)

    def report_end(
        self,
        id: str,
        attempt: int | str | None,
        input: str | None,
        reason: str | None,
        duration: float,
        *,
        value: object = None,
        marked: Sequence[object] = (),
        wait: float = 0.0,
    ) -> None:
        """Report from another process that a job has ended, whose own process can't.

        Args:
            id: The run's id.
            attempt: The runner's number of the attempt.
            input: The run's input.
            reason: Why it failed; None where it has not.
            duration: How long it took, in seconds.
            value: What it has returned.
            marked: What `record` may have marked.
            wait: Seconds to wait for the report, which a thread makes.
        """

        def report() -> None:
            run = self.make(id, attempt, input)
            run._begin()
            if reason is None:
                self._set_result(run, self._options_of(marked), value)
            run._finish(None, reason)
            # It began in a process that is gone, whose clock this run has not seen.
            run._duration = duration
            run._reporter.detach_end(run._end_report).wait(wait)

        self._guarded(id, report)

    @property
    def _has_outbox(self) -> bool:
        return self.backend.configuration.outbox is not None and not self.backend.configuration.disabled

    def describe(
        self, marked: Sequence[object], arguments: Sequence[object], keywords: Mapping[str, object], id: str
    ) -> str | None:
        """Return the run's input of a job's arguments."""
        options = self._options_of(marked)
        if options.input is False:
            return None
        if options.input is not None:
            return _text(self._guarded(id, options.input, *arguments, **keywords))
        # A job's first argument mostly is what it is about.
        first = arguments[0] if arguments else next(iter(keywords.values()), None)
        return None if first is None else to_text(first)

    def _options_of(self, marked: Sequence[object]) -> JobOptions:
        own = next((found for one in marked if (found := getattr(one, _MARK, None)) is not None), None)
        return own if isinstance(own, JobOptions) else self.options

    def _set_result(self, run: ExternalTask, options: JobOptions, value: object) -> None:
        if options.result is False:
            return
        run._set_default_result(value if options.result is None else self._guarded(run.id, options.result, value))

    def _guarded(self, what: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Call a function; what this package or the user's own function raises is logged."""
        try:
            return function(*arguments, **keywords)
        except Exception as error:
            _pass_on_or_log(what, error)
            return None

    async def _aguarded(
        self, what: str, function: Callable[..., Awaitable[Any]], *arguments: Any, **keywords: Any
    ) -> Any:
        """Call a function; what this package or the user's own function raises is logged."""
        try:
            return await function(*arguments, **keywords)
        except Exception as error:
            _pass_on_or_log(what, error)
            return None


def _pass_on_or_log(what: str, error: Exception) -> None:
    # A time limit may strike in here, and it is meant for the job.
    if type(error).__module__.partition(".")[0] in _RUNNERS:
        raise error
    _log.warning("job %s goes on, though it could not be recorded: %s", what, error, exc_info=True)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else to_text(value)


def _checked(name: str, value: Describe) -> Describe:
    if value is None or value is False or callable(value):
        return value
    raise IntegrationError(f"{name} must be a function or False, not {value!r}")
