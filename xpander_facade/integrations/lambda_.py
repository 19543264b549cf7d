"""AWS Lambda: each invocation, or each record of an SQS batch, is a run.

An environment is frozen between invocations and may be gone after any of them, so that what is recorded is sent before
the handler returns. A function that comes to its time limit is killed, without anything that could report it; that is
told shortly before.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
from typing import TYPE_CHECKING, Any, cast

from xpander_facade import _validation
from xpander_facade._process.imports import preload
from xpander_facade._serialization.jsonable import to_text
from xpander_facade._transport.pool_registry import load_authorities
from xpander_facade.backend import Backend
from xpander_facade.errors import IntegrationError, XpanderError
from xpander_facade.integrations._lambda_time import MARGIN, flush, seconds_left, watch_time
from xpander_facade.recorder._counts import count_report
from xpander_facade.recorder._external_task import ExternalTask
from xpander_facade.recorder._run_options import make_options

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["handler", "sqs_handler"]

_log = logging.getLogger("xpander_facade.integrations.lambda_")
_INTEGRATION = "integrations.lambda_"
FLUSH_TIMEOUT = 2.0


def handler(
    backend: Backend,
    *,
    input: Callable[[Any], str | None] | bool = True,
    result: Callable[[Any], str | None] | bool = True,
    flush_timeout: float = FLUSH_TIMEOUT,
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Record each invocation of a handler, under the id of its request.

    Args:
        backend: Reports the runs.
        input: Gives the run's input for the event; True takes the event as JSON, False nothing.
        result: Gives the run's result for what the handler returned; True takes that, False nothing.
        flush_timeout: Seconds that an outbox may take at most to be emptied before the handler returns. It never takes
            more than is left of the function's time, and nothing while the platform is down.

    Raises:
        IntegrationError: An argument makes no sense, or it is put on something that is no function, or an `async` one.

    Example:
        >>> backend = Backend()
        >>> @lambda_.handler(backend)
        ... def handle(event, context):
        ...     return agent.run(event["question"])
    """
    _check(backend, input, result, flush_timeout)

    def decorate(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        _prepare(backend, function)

        @functools.wraps(function)
        def handle(event: Any, context: Any) -> Any:
            id = getattr(context, "aws_request_id", None)
            try:
                options = {"id": id, "attempt": None, "attempts": None}
                return _call(backend, function, event, context, options, input, result)
            finally:
                flush(backend, context, flush_timeout)

        return handle

    return decorate


def sqs_handler(
    backend: Backend,
    *,
    input: Callable[[Any], str | None] | bool = True,
    result: Callable[[Any], str | None] | bool = True,
    flush_timeout: float = FLUSH_TIMEOUT,
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], dict[str, Any]]]:
    """Record each message of an SQS batch as a run of its own, under its `messageId`.

    The decorated function takes one record. One that raises is reported to SQS as a failure of its own, and so is what
    there was no time for; the others are not delivered again (`ReportBatchItemFailures` must be on). The attempts of a
    message are summed up. Of a FIFO queue, what follows a message that has failed in its group is left to SQS as well,
    so that the group stays in order.

    Arguments as `handler`, where the event is the record; its `body` is the input by default.

    Example:
        >>> @lambda_.sqs_handler(backend)
        ... def handle(record, context):
        ...     return agent.run(record["body"])
    """
    _check(backend, input, result, flush_timeout)
    told: Callable[[Any], str | None] | bool = _body_of if input is True else input

    def decorate(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], dict[str, Any]]:
        _prepare(backend, function)

        @functools.wraps(function)
        def handle(event: Any, context: Any) -> dict[str, Any]:
            failed: dict[str, None] = {}
            held_groups: set[str] = set()
            try:
                for record in _records_of(event):
                    id, group = record["messageId"], _fifo_group(record)
                    # To be killed in the middle of it would bring back the messages before it as well, which are
                    # done.
                    if group in held_groups or seconds_left(context) <= MARGIN:
                        _hold_back(id, group, failed, held_groups)
                        continue
                    attempt = str(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
                    options = {"id": id, "attempt": attempt, "attempts": "sum"}
                    try:
                        _call(backend, function, record, context, options, told, result)
                    except Exception as error:
                        _log.warning("message %s has failed, and SQS delivers it again: %r", id, error)
                        _hold_back(id, group, failed, held_groups)
            finally:
                flush(backend, context, flush_timeout)
            return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}

        return handle

    return decorate


def _body_of(record: Any) -> str | None:
    body: str | None = record.get("body")
    return body


def _records_of(event: Any) -> list[Any]:
    """Return the messages of a batch.

    Raises:
        IntegrationError: The event is none of SQS.
    """
    records: Any = cast("dict[str, Any]", event).get("Records") if isinstance(event, dict) else None
    found = cast("list[Any]", records) if isinstance(records, list) else [None]
    if not all(isinstance(one, dict) and "messageId" in one for one in found):
        raise IntegrationError(f"{_INTEGRATION}: the event is not a batch of SQS: record other events by handler()")
    return found


def _fifo_group(record: Any) -> str | None:
    """Return the group of a message whose queue keeps order; messages of other queues may have one, too."""
    is_fifo = str(record.get("eventSourceARN", "")).endswith(".fifo")
    return record.get("attributes", {}).get("MessageGroupId") if is_fifo else None


def _hold_back(id: str, group: str | None, failed: dict[str, None], held_groups: set[str]) -> None:
    """Leave a message to SQS, and what follows it in its group."""
    failed[id] = None
    if group is not None:
        held_groups.add(group)


def _check(backend: object, input: object, result: object, flush_timeout: float) -> None:
    if not isinstance(backend, Backend):
        raise IntegrationError(
            f"backend must be a Backend, not {type(backend).__name__}: write @handler(backend) above the function"
        )
    for name, given in (("input", input), ("result", result)):
        if not isinstance(given, bool) and not callable(given):
            raise IntegrationError(f"{name} must be a function, True or False, not {given!r}")
    _validation.check_seconds("flush_timeout", flush_timeout)


def _prepare(backend: Backend, function: object) -> None:
    """Import and load at the environment's start what the first invocation would pay for."""
    if not callable(function):
        raise IntegrationError(f"{_INTEGRATION} records a function, not a {type(function).__name__}")
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise IntegrationError(f"{_INTEGRATION}: Lambda awaits no handler: call asyncio.run() in one that is not async")
    preload()
    load_authorities(backend.configuration)
    try:  # there is a copy of the initialised process for each environment where SnapStart is on
        hooks = importlib.import_module("snapshot_restore_py")
    except ImportError:
        return
    hooks.register_before_snapshot(_before_snapshot, backend)


def _before_snapshot(backend: Backend) -> None:
    """Leave nothing to be copied: no report that several would send, and no connection that is not theirs."""
    backend.flush(FLUSH_TIMEOUT)
    backend.close()


def _call(
    backend: Backend,
    function: Callable[[Any, Any], Any],
    event: Any,
    context: Any,
    options: dict[str, Any],
    input: Callable[[Any], str | None] | bool,
    result: Callable[[Any], str | None] | bool,
) -> Any:
    try:
        run = ExternalTask(
            make_options(
                backend._acquire,
                agent_id=None,
                input=_text(input, event),
                report_start=False,
                strict=False,
                ignore=(),
                at_once=True,
                **options,
            )
        )
        run.__enter__()
    except XpanderError as error:
        count_report("failed")
        _log.warning("invocation %s is not recorded: %s", options["id"], error)
        return function(event, context)
    end_watch = watch_time(backend, run, context)
    try:
        value = function(event, context)
        if result is True:
            run._set_default_result(value)
        elif callable(result):
            run.result = _text(result, value)
    except BaseException as error:
        end_watch()
        run.__exit__(type(error), error, error.__traceback__)
        raise
    end_watch()
    run.__exit__(None, None, None)
    return value


def _text(told: Callable[[Any], str | None] | bool, value: Any) -> str | None:
    if told is False:
        return None
    if callable(told):
        try:
            value = told(value)
        except Exception as error:
            _log.warning("a run lacks its input or result, since what gives it raised: %r", error)
            return None
    return value if value is None or isinstance(value, str) else to_text(value)
