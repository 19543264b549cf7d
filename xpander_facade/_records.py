"""Records: what the platform knows of a run, asked for before more of it is reported."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._client.retry import TRANSIENT_STATUSES
from xpander_facade._requests.attempts import Record, has_ledger, joined
from xpander_facade._requests.tasks import get_request
from xpander_facade._serialization.codec import DecodeError
from xpander_facade.errors import AuthenticationError, ClientError, NotFoundError

if TYPE_CHECKING:
    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration

# A configuration takes no deadline of zero; with this one the call fails at once, and says why.
_MIN_DEADLINE = 0.1
_log = logging.getLogger("xpander_facade")
_warned: set[str] = set()


def load_record(configuration: Configuration, id: str) -> dict[str, Any] | None:
    """Return the platform's record of a run as it answers it; None where it has none, or tells it to nobody.

    Raises:
        XpanderError: It could not be asked.
    """
    from xpander_facade import _client

    try:
        return _client.send(configuration, get_request(id), _checked)
    except ClientError as error:
        _check_unknown(error, id)
        return None


async def aload_record(configuration: Configuration, id: str) -> dict[str, Any] | None:
    """Return the platform's record of a run as it answers it; None where it has none, or tells it to nobody.

    Raises:
        XpanderError: It could not be asked.
    """
    from xpander_facade import _client

    try:
        return await _client.asend(configuration, get_request(id), _checked)
    except ClientError as error:
        _check_unknown(error, id)
        return None


def with_earlier_attempts(configuration: Configuration, report: Report) -> tuple[Configuration, Report]:
    """Return a report with what the platform's record tells of other attempts, and what time is left to send it.

    Raises:
        XpanderError: The platform could not be asked.
    """
    if configuration.disabled or not has_ledger(report.body):
        return configuration, report
    began = time.monotonic()
    task = load_record(configuration, report.id)
    return remaining(configuration, began), attrs.evolve(report, body=joined_with_task(report.body, task, report.id))


async def awith_earlier_attempts(configuration: Configuration, report: Report) -> tuple[Configuration, Report]:
    """Return a report with what the platform's record tells of other attempts, and what time is left to send it.

    Raises:
        XpanderError: The platform could not be asked.
    """
    if configuration.disabled or not has_ledger(report.body):
        return configuration, report
    began = time.monotonic()
    task = await aload_record(configuration, report.id)
    return remaining(configuration, began), attrs.evolve(report, body=joined_with_task(report.body, task, report.id))


def joined_with_task(body: dict[str, Any], task: dict[str, Any] | None, id: str) -> dict[str, Any]:
    """Return the report of an attempt with what the platform's record of the run tells of other attempts."""
    if task is None:
        return joined(body, None)
    record = Record.of_task(task)
    if record.llm_response is None and record.has_tokens:
        _warn_once(
            "sums",
            f"the platform does not show what the earlier attempts of run {id} used: its record tells the last one's "
            'tokens alone; attempts="separate" gives each attempt a record',
        )
    return joined(body, record)


def remaining(configuration: Configuration, began: float) -> Configuration:
    """Return a configuration whose deadline is what is left of it since a time; monotonic seconds."""
    left = max(configuration.deadline - (time.monotonic() - began), _MIN_DEADLINE)
    return attrs.evolve(configuration, deadline=left)


def _check_unknown(error: ClientError, id: str) -> None:
    """Check that an answer that says no is for good, so that nothing is known of the run; else raise it."""
    if isinstance(error, AuthenticationError) or error.status_code in TRANSIENT_STATUSES:
        raise error
    if not isinstance(error, NotFoundError):
        _warn_once(
            "refused", f"the platform does not tell what it knows of run {id}, which is reported as it is: {error}"
        )


def _checked(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise DecodeError(f"expected a task, not {type(answer).__name__}")
    return cast("dict[str, Any]", answer)


def _warn_once(key: str, text: str) -> None:
    if key not in _warned:
        _warned.add(key)
        _log.warning("%s", text)
