"""Airflow: task instances are recorded as runs by a plugin, with what all of their tries used."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.integrations._jobs import Describe, Jobs, TryAgainError, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection

    from xpander_facade.backend import Backend

__all__ = ["make_plugin", "record"]

_OLDEST = "3.0"
_RUNNER = "TaskRunnerMarker"


def make_plugin(
    backend: Backend | None = None,
    *,
    tasks: Collection[str] = (),
    all: bool = False,
    input: Describe = None,
    result: Describe = None,
    agent_id: str | None = None,
) -> type:
    """Return a plugin that records task instances, to be assigned in a file of Airflow's folder of plugins.

    Recorded are tasks that are named, marked by `record`, or in which something is recorded. The run's id is
    "DAG.RUN.TASK", and ".INDEX" behind it where the task is mapped. A block of `external_task()` without an id within a
    task is a part of the task's run.

    Args:
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        tasks: Names of tasks that are recorded: "invoices.summarise", of the DAG and the task.
        all: Record every task.
        input: Makes the run's input of the arguments of a task's function; False leaves it out; None takes the first.
        result: Makes the run's result of what the task returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: Airflow is missing or too old, or an argument makes no sense.

    Example:
        >>> Recording = make_plugin(tasks=["invoices.summarise"])  # plugins/recording.py
    """
    plugins: Any = _require("airflow.plugins_manager")
    jobs = Jobs(backend, names=tasks, all=all, input=input, result=result, agent_id=agent_id)
    made: type = type("Recording", (plugins.AirflowPlugin,), {"name": "xpander", "listeners": [_make_listener(jobs)]})
    return made


def _require(module: str) -> Any:
    return require(module, distribution="apache-airflow", oldest=_OLDEST, integration="integrations.airflow")


def _make_listener(jobs: Jobs) -> object:
    recording = _Recording(jobs)

    # Airflow calls a listener with those of its arguments that the listener names.
    class Listener:
        def on_starting(self, component: Any) -> None:
            # What forks task processes imports for all of them.
            if type(component).__name__ != _RUNNER:
                jobs.prepare()

        def on_task_instance_running(self, task_instance: Any) -> None:
            recording.begin(task_instance)

        def on_task_instance_success(self, task_instance: Any) -> None:
            recording.end(task_instance, None)

        def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
            recording.end(task_instance, error if isinstance(error, BaseException) else RuntimeError(str(error)))

        def on_task_instance_skipped(self, task_instance: Any) -> None:
            recording.discard(task_instance)

        def before_stopping(self, component: Any) -> None:
            if type(component).__name__ == _RUNNER:
                recording.leave()

    mark: Any = _require("airflow.listeners").hookimpl
    for name in vars(Listener):
        if not name.startswith("_"):
            mark(getattr(Listener, name))
    return Listener()


class _Recording:
    """The task instance that this process does.

    Args:
        jobs: How it is recorded.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._open: list[str] = []

    def begin(self, instance: Any) -> None:
        task = instance.task
        id = _id(instance)
        self._open.append(id)
        self._jobs.begin(
            id,
            id=id,
            name=f"{instance.dag_id}.{instance.task_id}",
            # A task that was deferred comes back as the same try, and what it used before stays.
            attempt=f"{instance.try_number}.{time.time_ns() // 1_000_000}",
            arguments=tuple(getattr(task, "op_args", None) or ()),
            keywords=dict(getattr(task, "op_kwargs", None) or {}),
            marked=_marked(task),
        )

    def end(self, instance: Any, error: BaseException | None) -> None:
        id = _id(instance)
        if not self._jobs.is_open(id):  # another process tells of it, as the scheduler does
            return
        if error is None:
            self._jobs.end(id, _returned(instance))
        elif type(error).__name__ == "AirflowTaskTimeout":
            seconds = instance.task.execution_timeout.total_seconds()
            self._jobs.end(id, None, TimeoutError(f"timeout ({seconds:g} s) exceeded"))
        else:
            self._jobs.end(id, None, error)

    def discard(self, instance: Any) -> None:
        self._jobs.discard(_id(instance))

    def leave(self) -> None:
        """End what Airflow has told no end of, since it goes on later: it is deferred, or comes back at its time."""
        for id in self._open:
            self._jobs.end(id, None, TryAgainError())
        self._jobs.flush()


def _id(instance: Any) -> str:
    id = f"{instance.dag_id}.{instance.run_id}.{instance.task_id}"
    index = cast("int | None", getattr(instance, "map_index", -1))
    return id if index is None or index < 0 else f"{id}.{index}"


def _marked(task: Any) -> tuple[object, ...]:
    function = getattr(task, "python_callable", None)
    return (task, function, getattr(function, "__wrapped__", None))


def _returned(instance: Any) -> object:
    """Return what a task has returned, which Airflow keeps as an XCom."""
    with contextlib.suppress(Exception):  # it keeps none, or can't be asked
        if instance.task.do_xcom_push:
            index: int | None = getattr(instance, "map_index", None)
            return cast("object", instance.xcom_pull(task_ids=instance.task_id, map_indexes=index))
    return None
