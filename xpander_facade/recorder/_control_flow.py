"""Exceptions by which programs steer: what a run that such an exception leaves is, which has not failed.

Job runners, web frameworks and Python itself raise exceptions that are not errors: try again later, skip this, stop the
script. They are told by the module and qualified name of a class among their bases, so that nothing is imported for
it, and a user's own class of the same name elsewhere is an error as any other.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Literal, cast


class Outcome(enum.Enum):
    """What a run is that has been left.

    `UNFINISHED` goes on later, in another attempt or process: its record stays as it was begun. `IGNORED` is left
    alone: its end is not reported.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    UNFINISHED = "unfinished"
    IGNORED = "ignored"


ExceptionName = type[BaseException] | str
IgnoredExceptions = (
    ExceptionName | Iterable[ExceptionName] | Mapping[ExceptionName, Literal["success", "unfinished", "ignored"]]
)
"""What a user may pass as `ignore=`."""
Ignored = Mapping[str, Outcome]
"""By the module and qualified name of a class, what a run is that it leaves."""

_UNFINISHED = (
    "arq.worker.Retry",
    "arq.worker.RetryJob",
    "airflow.exceptions.AirflowRescheduleException",
    "airflow.exceptions.TaskDeferred",
    "airflow.sdk.exceptions.AirflowRescheduleException",
    "airflow.sdk.exceptions.TaskAwaitingInput",
    "airflow.sdk.exceptions.TaskDeferred",
    "celery.exceptions.Retry",
    "dagster._core.definitions.events.RetryRequested",
    "dramatiq.errors.RateLimitExceeded",
    "dramatiq.errors.Retry",
    "huey.exceptions.RetryTask",
    "langgraph.errors.GraphBubbleUp",
    "prefect.exceptions.Pause",
    "procrastinate.exceptions.JobRetry",
    "pydantic_ai.exceptions.ApprovalRequired",
    "pydantic_ai.exceptions.CallDeferred",
    "temporalio.activity._CompleteAsyncError",
    "temporalio.workflow.ContinueAsNewError",
    "temporalio.workflow._workflow_ops.ContinueAsNewError",
)
_IGNORED = (
    "_pytest.outcomes.Skipped",
    "airflow.exceptions.AirflowSkipException",
    "airflow.sdk.exceptions.AirflowSkipException",
    "airflow.sdk.exceptions.DownstreamTasksSkipped",
    "celery.exceptions.Ignore",
    "celery.exceptions.Reject",
    "huey.exceptions.CancelExecution",
    "taskiq.exceptions.NoResultError",
    "taskiq.exceptions.TaskRejectedError",
    "unittest.case.SkipTest",
)
_SUCCESS = (
    "airflow.exceptions.DagRunTriggerException",  # how an operator asks for another DAG's run
    "airflow.sdk.exceptions.DagRunTriggerException",
    "builtins.GeneratorExit",  # a generator that nobody takes to its end has done nothing wrong
    "marimo._runtime.control_flow.MarimoStopError",
    "streamlit.runtime.scriptrunner.exceptions.RerunException",
    "streamlit.runtime.scriptrunner.exceptions.StopException",
    "streamlit.runtime.scriptrunner_utils.exceptions.RerunException",
    "streamlit.runtime.scriptrunner_utils.exceptions.StopException",
    "tornado.web.Finish",
)
_EXITS = frozenset({"click.exceptions.Exit", "typer.exceptions.Exit"})
"""How commands end without `sys.exit`, with a status of their own."""
_KNOWN: Ignored = {
    **dict.fromkeys(_UNFINISHED, Outcome.UNFINISHED),
    **dict.fromkeys(_IGNORED, Outcome.IGNORED),
    **dict.fromkeys(_SUCCESS, Outcome.SUCCESS),
}


def outcome_of(error: BaseException | None, ignored: Ignored) -> Outcome:
    """Return what a run is that an exception has left, or that was left without one.

    Args:
        error: The exception, or None.
        ignored: What the user says of exceptions, which goes before what is known here.
    """
    if error is None:
        return Outcome.SUCCESS
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        # A group steers only where all that is in it steers in the same way.
        inner = [outcome_of(one, ignored) for one in group.exceptions]
        return inner[0] if all(one is inner[0] for one in inner) else Outcome.FAILURE
    names = [_name_of(one) for one in type(error).__mro__]
    # What the user says goes before what is known here.
    for known in (ignored, _KNOWN):
        for name in names:
            if name in known:
                return known[name]
    # `sys.exit()` without a status is how a script ends that is done.
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return Outcome.SUCCESS
    if not _EXITS.isdisjoint(names) and getattr(error, "exit_code", None) == 0:
        return Outcome.SUCCESS
    return Outcome.FAILURE


def check_ignored(value: object) -> Ignored:
    """Return what a user says of exceptions, checked.

    Args:
        value: Classes of exceptions, or their names as "module.Class", one or several; their runs are ignored. A
            mapping from them to "success", "unfinished" or "ignored" says what else they are.

    Raises:
        TypeError: An entry is neither a class of exceptions nor a name.
        ValueError: A name has no module, or what it is mapped to is unknown.
    """
    if value is None or value == ():
        return {}
    if isinstance(value, type | str):
        value = (value,)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_checked_name(one): _checked_outcome(outcome) for one, outcome in items}
    if isinstance(value, Iterable):
        return {_checked_name(one): Outcome.IGNORED for one in cast("Iterable[object]", value)}
    raise TypeError(f"ignore must be classes of exceptions, not {type(value).__name__}")


def _checked_name(value: object) -> str:
    if isinstance(value, type) and issubclass(value, BaseException):
        return _name_of(value)
    if not isinstance(value, str):
        raise TypeError(f"ignore must hold classes of exceptions or their names, not {value!r}")
    if "." not in value:
        raise ValueError(f'ignore must name the module of {value!r} too, as "module.{value}"')
    return value


def _checked_outcome(value: object) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        raise ValueError(f'ignore says "success", "unfinished" or "ignored" of an exception, not {value!r}') from None


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
