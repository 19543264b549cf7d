"""A task of Celery that delivers reports: the broker keeps them until the platform has them."""

from __future__ import annotations

import json
import logging
import random
from typing import TYPE_CHECKING, Any, Protocol, cast

import attrs

from xpander_facade.backend import Backend
from xpander_facade.errors import IntegrationError, XpanderError
from xpander_facade.integrations._requirements import require
from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._classification import Disposition, classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xpander_facade._requests.report import Report
    from xpander_facade.agents import Agent
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.usage._usage import TokenCounts

OLDEST = "5.3"
MAX_DELAY = 1_800.0
"""Seconds. Redis gives a message that waits for longer than an hour to another worker, too."""
_WIRE = frozenset({"agent_id", "body"})
_log = logging.getLogger("xpander_facade")


class QueuedReport(Protocol):
    """A report that the broker has: Celery's `AsyncResult`.

    For example:

        queued: QueuedReport = report_external_task.delay(input="6 * 7?", result="42")
        run_id = queued.get(timeout=30)

    Attributes:
        id: The id of the task, not of the run.
    """

    id: str

    def get(self, timeout: float | None = None) -> object:
        """Wait until the platform has the report, and return the run's id; needs a result backend."""
        ...


class DeliveryTask(Protocol):
    """The task that `delivery_task` makes: Celery's own, whose arguments are those of a report.

    For example:

        report_external_task: DeliveryTask = delivery_task(app)
        report_external_task.delay(id="run-1", input="6 * 7?", result="42")

    Attributes:
        name: What the task is called.
    """

    name: str

    def delay(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
    ) -> QueuedReport:
        """Check a report and give it to the broker. Arguments as `Backend.report_external_task`."""
        ...

    def apply_async(
        self,
        args: Sequence[object] | None = None,
        kwargs: Mapping[str, object] | None = None,
        task_id: str | None = None,
        *,
        queue: str | None = None,
        countdown: float | None = None,
    ) -> QueuedReport:
        """Do the same with Celery's options; the report is in `kwargs`, with the arguments of `delay`."""
        ...


def delivery_task(
    app: object,
    backend: Backend | None = None,
    *,
    name: str = "xpander_facade.report_external_task",
    max_retries: int | None = None,
    queue: str | None = None,
    rate_limit: str | None = None,
) -> DeliveryTask:
    """Make a task of a Celery app that reports runs: the broker is the outbox.

    Call it where the app is made, so that programs and workers have it. `delay(...)` takes what
    `Backend.report_external_task` does, checks it, gives the run an id, applies `redact`, and needs no API key. A
    worker sends it, and acknowledges it only then (`acks_late`): a report whose worker dies is given to another one.
    However often that happens, the run's id stays the same, so that the platform has one record of it.

    A report that does not get through is given back to the broker: after a growing wait of up to five minutes, or what
    `Retry-After` asks for, up to half an hour. One that the platform refuses fails its task, with the platform's error.
    With a wrong key none is lost: they are tried again until the key is right.

    Args:
        app: The app.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        name: What the task is called.
        max_retries: How often a report is given back to the broker; None for as often as it takes.
        queue: The queue that the reports go to; by default as the app routes them.
        rate_limit: How many reports each worker sends at most, as Celery writes it: "90/m".

    Raises:
        IntegrationError: Celery is missing or too old, or `app` is not one.

    Example:
        >>> app = Celery("shop", broker="redis://")
        >>> report_external_task = delivery_task(app)
        >>> report_external_task.delay(input="6 * 7?", result="42")
    """
    celery: Any = require("celery", distribution="celery", oldest=OLDEST, integration="integrations.celery")
    if not isinstance(app, celery.Celery):
        raise IntegrationError(f"app must be a Celery app, not {type(app).__name__}: pass the Celery(...) object")
    if backend is not None and not isinstance(backend, Backend):
        raise IntegrationError(f"backend must be a Backend, not {type(backend).__name__}")
    configuration = (backend or Backend()).configuration
    settings: dict[str, Any] = {
        "acks_late": True,
        "reject_on_worker_lost": True,  # else a report whose worker is killed would count as delivered
        "throws": (XpanderError,),
        "name": name,
        "max_retries": max_retries,
        "base": _task_class(app, configuration),
        "bind": True,
        **{option: value for option, value in (("queue", queue), ("rate_limit", rate_limit)) if value is not None},
    }

    def _run(task: Any, **arguments: Any) -> str:
        return _deliver(task, configuration, arguments)

    return cast("DeliveryTask", cast("Any", app).task(**settings)(_run))


def _task_class(app: Any, configuration: Configuration) -> type:
    """Return a class of tasks that check a report before the broker gets it."""

    class Delivery(app.Task):  # type: ignore[misc]  # pyright: ignore
        abstract = True
        delivers_reports = True

        def _checked_apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
            wire = _wire_form(configuration, args or (), kwargs or {})
            if configuration.disabled:
                from celery.result import EagerResult  # type: ignore[import-not-found]  # pyright: ignore

                id = json.loads(wire["body"])["id"]
                return EagerResult(options.get("task_id") or id, id, "SUCCESS")  # pyright: ignore
            return super().apply_async((), wire, **options)  # pyright: ignore

        apply_async = _checked_apply_async

    return Delivery


def _wire_form(configuration: Configuration, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, str]:
    """Return what the broker keeps of a report. A task that is given back has it already."""
    if not args and kwargs.keys() == _WIRE:
        return dict(kwargs)
    report = _report_of(configuration, *args, **kwargs)
    from xpander_facade._serialization.json_bytes import encode
    from xpander_facade._serialization.redaction import redact_body

    body = redact_body(report.body, configuration.redact, configuration.max_field_bytes)
    return {"agent_id": report.agent_id, "body": encode(body).decode()}


def _report_of(
    configuration: Configuration,
    agent_id: str | None = None,
    agent: Agent | None = None,
    id: str | None = None,
    input: str | None = None,
    llm_response: Any = None,
    tokens: TokenCounts | None = None,
    is_success: bool = True,
    result: str | None = None,
    duration: float = 0,
    used_tools: Iterable[str] | None = None,
) -> Report:
    from xpander_facade._requests.report import make_report

    return make_report(
        configuration,
        agent_id=agent_id if agent is None else agent.id,
        id=id,
        input=input,
        llm_response=llm_response,
        tokens=tokens,
        is_success=is_success,
        result=result,
        duration=duration,
        used_tools=used_tools,
    )


def _deliver(task: Any, configuration: Configuration, arguments: Mapping[str, Any]) -> str:
    """Send a report, or give it back to the broker; return the run's id."""
    if arguments.keys() != _WIRE:
        # A program without this package has put it there, by the task's name: its id must be the same each time.
        arguments = _wire_form(configuration, (), {"id": f"celery-{task.request.id}", **arguments})
    run_id = str(json.loads(arguments["body"])["id"])
    if _is_delivered(task):
        return run_id
    try:
        _send(configuration, arguments["agent_id"], arguments["body"].encode())
    except Exception as error:
        if isinstance(error, XpanderError):
            error.task_id = error.task_id or run_id
        wait = _wait_after(error, task.request.retries)
        if wait is None or task.request.is_eager:
            _log.error("the report of run %s is given up: %s", run_id, error)
            raise
        if task.max_retries is not None and task.request.retries >= task.max_retries:
            _log.error("the report of run %s is given up after %d tries: %s", run_id, task.max_retries + 1, error)
            raise
        _log.warning("the report of run %s goes back to the broker for %.1f s: %s", run_id, wait, error)
        raise task.retry(args=(), kwargs=dict(arguments), exc=error, countdown=wait) from error
    return run_id


def _send(configuration: Configuration, agent_id: str, body: bytes) -> None:
    from xpander_facade import _client
    from xpander_facade._requests.report import check_taken, report_request

    _client.send(attrs.evolve(configuration, max_retries=0), report_request(agent_id, body), check_taken)


def _wait_after(error: Exception, retries: int) -> float | None:
    """Return the seconds until a report is tried again; None for never."""
    found = classify(error)
    if found.disposition is Disposition.DEAD_LETTER:
        return None
    if found.disposition is Disposition.RETRY:
        wait = _circuit_breaker.delay(retries + 1, random.random())
        return min(max(wait, found.retry_after or 0.0), MAX_DELAY)
    return _circuit_breaker.MAX_DELAY  # the worker's key or address is at fault, which a person has to mend


def _is_delivered(task: Any) -> bool:
    """Whether the broker gives a report again that was delivered, as far as the app keeps results."""
    info = cast("dict[str, Any]", task.request.delivery_info or {})
    if not info.get("redelivered") or type(task.backend).__name__ == "DisabledBackend":
        return False
    return bool(task.backend.get_state(task.request.id) == "SUCCESS")
