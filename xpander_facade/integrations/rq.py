"""RQ: jobs are recorded as runs by a worker class, under their own ids, with what all of their attempts used."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.integrations._jobs import Describe, Jobs, TryAgainError, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from xpander_facade.backend import Backend

__all__ = ["RecordsJobs", "SimpleWorker", "SpawnWorker", "Worker", "record", "recording"]

_OLDEST = "2.0"
_HORSE_FLUSH_SECONDS = 2.0
_WORKERS = ("Worker", "SpawnWorker", "SimpleWorker")


def recording(
    backend: Backend | None = None,
    *,
    jobs: Collection[str] = (),
    all: bool = False,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> Jobs:
    """Say which jobs a worker class records, and how.

    Args:
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        jobs: Names of functions whose jobs are recorded: "shop.jobs.summarise".
        all: Record every job. Else those that are named or marked by `record`, or in which something is recorded.
        input: Makes the run's input of the job's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the job returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: An argument makes no sense.
    """
    return Jobs(backend, names=jobs, all=all, input=input, result=result, agent_id=agent_id)


class RecordsJobs:
    """What makes a class of RQ workers record its jobs; it stands before the class of RQ.

    A job's process sends its report before it ends. A job whose process is killed is reported by its worker, and one
    that a lost host has left by the worker that finds it, as RQ ends it.

    Example:
        >>> class Worker(RecordsJobs, rq.Worker):
        ...     recorded = recording(backend, jobs=["shop.jobs.summarise"])
    """

    recorded: Jobs | None = None
    """Which jobs are recorded, and how; None records those that are marked, or in which something is recorded."""
    _performed: str | None = None

    def bootstrap(self, *arguments: Any, **keywords: Any) -> Any:
        """Import what jobs need before the worker forks, and send what earlier ones left."""
        require("rq", distribution="rq", oldest=_OLDEST, integration="integrations.rq")
        self._jobs.prepare()
        self._jobs.flush(_HORSE_FLUSH_SECONDS)
        return cast("Any", super()).bootstrap(*arguments, **keywords)

    def clean_registries(self, *arguments: Any, **keywords: Any) -> Any:
        """Report the jobs whose host is lost, which RQ finds here."""
        # Only for so long: RQ pickles the handlers for the processes that it spawns.
        cast("Any", self).push_exc_handler(self._report_abandoned)
        try:
            return cast("Any", super()).clean_registries(*arguments, **keywords)
        finally:
            cast("Any", self).pop_exc_handler()

    def perform_job(self, job: Any, *arguments: Any, **keywords: Any) -> Any:
        """Record a job while RQ performs it."""
        # RQ sets its time limit around this call: outside of it a limit could not end the job.
        job.perform = functools.partial(self._perform, job)
        try:
            return cast("Any", super()).perform_job(job, *arguments, **keywords)
        finally:
            del job.perform
            if getattr(self, "_is_horse", False):
                # The process ends without ceremony as soon as this returns.
                self._jobs.flush(_HORSE_FLUSH_SECONDS, process_ends=True)

    def handle_work_horse_killed(self, job: Any, retpid: Any, ret_val: Any, rusage: Any) -> Any:
        """Report a job whose process was killed."""
        done: Any = cast("Any", super()).handle_work_horse_killed(job, retpid, ret_val, rusage)
        began = getattr(job, "started_at", None)
        reason = f"the work-horse was killed before the job ended (wait status {ret_val})"
        self._report_lost(job, reason, began)
        self._jobs.flush(_HORSE_FLUSH_SECONDS)
        return done

    def handle_job_failure(self, job: Any, *arguments: Any, **keywords: Any) -> Any:
        """Report a job whose own process can't: the one that had taken it is gone, or a command has stopped it."""
        is_begun = getattr(self, "_is_horse", False) or job.get_status() != "queued"
        if not is_begun and not job.retries_left:
            self._report_lost(job, keywords.get("exc_string") or "the worker that had taken the job is gone")
        began = getattr(job, "started_at", None)
        done: Any = cast("Any", super()).handle_job_failure(job, *arguments, **keywords)
        # A worker without work-horses goes on with a job that it is told to stop, and records how that ends.
        if job.get_status(refresh=False) == "stopped" and job.id != self._performed:
            self._report_lost(job, "the job was stopped by a command before it ended", began)
            self._jobs.flush(_HORSE_FLUSH_SECONDS)
        return done

    def register_death(self, *arguments: Any, **keywords: Any) -> Any:
        """Send what waits before the worker ends."""
        self._jobs.flush()
        return cast("Any", super()).register_death(*arguments, **keywords)

    def _report_abandoned(self, job: Any, kind: type[BaseException], *_: object) -> None:
        """Report a job whose host is lost, and which RQ gives to nobody else; an exception handler of RQ."""
        if kind.__name__ == "AbandonedJobError" and not job.retries_left:
            self._report_lost(job, "the worker that did the job is gone")

    def _report_lost(self, job: Any, reason: str, began: datetime | None = None) -> None:
        jobs = self._jobs
        if jobs.is_chosen(job.func_name, _marked(job)):
            seconds = 0.0 if began is None else max(time.time() - began.timestamp(), 0.0)
            input = jobs.describe(_marked(job), job.args, job.kwargs, job.id)
            jobs.report_end(job.id, _attempt(job), input, reason, seconds, wait=_HORSE_FLUSH_SECONDS)

    @property
    def _jobs(self) -> Jobs:
        found = type(self).recorded
        if found is None:
            # Kept at the class, which all workers of the process share.
            found = type(self).recorded = recording()
        return found

    def _perform(self, job: Any) -> Any:
        """Perform a job within the time that RQ gives it, so that what its limit raises reaches the job."""
        jobs = self._jobs
        self._performed = job.id
        value: Any = None
        error: BaseException | None = None
        jobs.begin(
            job.id,
            id=job.id,
            name=job.func_name,
            attempt=_attempt(job),
            arguments=job.args or (),
            keywords=job.kwargs or {},
            marked=_marked(job),
            at_once=getattr(self, "_is_horse", False),
        )
        try:
            value = cast("Any", type(job)).perform(job)
            return value
        except BaseException as raised:
            error = raised
            raise
        finally:
            kind = cast("type[object]", type(value))
            if error is None and (kind.__module__, kind.__name__) == ("rq.job", "Retry"):
                is_last = (job.number_of_retries or 0) >= value.max
                error = RuntimeError(f"all {value.max} retries are used up") if is_last else TryAgainError()
                jobs.end(job.id, value, error, attempt=_number(job))
            else:
                jobs.end(job.id, value, error)


def _attempt(job: Any) -> int | None:
    """Return the number of an attempt; None of a job that has had no other and, unless it asks for one, will have none.

    Then what others have used need not be asked for.
    """
    return None if job.retries_left is None and not job.number_of_retries else _number(job)


def _number(job: Any) -> int:
    """Return a number that grows with each attempt: RQ counts up what jobs ask for, and down what may be left."""
    return (job.number_of_retries or 0) - (job.retries_left or 0)


def _marked(job: Any) -> tuple[object, ...]:
    try:
        return (job.func,)
    except Exception:  # the worker could not import the function, which RQ tells
        return ()


if TYPE_CHECKING:

    class Worker(RecordsJobs):
        """RQ's `Worker`, which records jobs as the environment says."""

    class SpawnWorker(RecordsJobs):
        """RQ's `SpawnWorker`, which records jobs as the environment says."""

    class SimpleWorker(RecordsJobs):
        """RQ's `SimpleWorker`, which records jobs as the environment says."""

else:

    def __getattr__(name: str) -> type:
        if name not in _WORKERS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        workers = require("rq.worker", distribution="rq", oldest=_OLDEST, integration="integrations.rq")
        made = type(name, (RecordsJobs, getattr(workers, name)), {"__module__": __name__, "__doc__": f"RQ's {name}."})
        return globals().setdefault(name, made)
