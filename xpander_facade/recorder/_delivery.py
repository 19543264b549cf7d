"""Delivery of a run's reports: to the outbox where there is one that works, else to the platform."""

from __future__ import annotations

import contextlib
import enum
import functools
import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import attrs

from xpander_facade.errors import ConfigurationError, OutboxError

if TYPE_CHECKING:
    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.errors import XpanderError
    from xpander_facade.outbox._outbox import Outbox
    from xpander_facade.tasks._task import Task

_log = logging.getLogger("xpander_facade.recorder")
_LOG_INTERVAL = 60.0
_MARGIN = 0.25
"""Seconds before the end of `record_deadline` that the call itself ends."""


class DeliveryStatus(enum.StrEnum):
    """What became of a run's report.

    `REPORTED`: the platform has it. `QUEUED`: the outbox has it and sends it. `FAILED`: it went nowhere; the log of
    `xpander_facade.recorder` says why.

        with backend.external_task() as run:
            pass
        print(run.delivery == DeliveryStatus.REPORTED)
    """

    REPORTED = "reported"
    QUEUED = "queued"
    FAILED = "failed"


class Delivery(NamedTuple):
    """What became of a report, and the platform's record of the run where the platform has answered.

    `status` is None where there was nothing to deliver, or sending is disabled.
    """

    status: DeliveryStatus | None
    task: Task | None = None


NOTHING = Delivery(None)
QUEUED = Delivery(DeliveryStatus.QUEUED)


def has_outbox(configuration: Configuration) -> bool:
    """Whether reports go to an outbox; nothing is kept where nothing is sent."""
    return configuration.outbox is not None and not configuration.disabled


def store_start(configuration: Configuration, report: Report, *, send: bool) -> Delivery | None:
    """Leave the start of a run to the outbox; None where it can't take it.

    Args:
        configuration: What to call with.
        report: What is known of the run so far.
        send: Report it to the platform. Without it only the outbox notes the start.
    """
    try:
        _outbox(configuration).begin(report, send=send)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(configuration, failure, report)
        return None
    return QUEUED if send else NOTHING


def store_end(configuration: Configuration, report: Report, *, at_once: bool = False) -> Delivery | None:
    """Leave the report of a run that has ended to the outbox; None where it can't take it.

    Args:
        configuration: What to call with.
        report: The report.
        at_once: Let it be sent as it is stored: somebody waits for that.
    """
    try:
        _outbox(configuration).enqueue(report, at_once=at_once)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(configuration, failure, report)
        return None
    return QUEUED


def is_known_to_be_down(configuration: Configuration) -> bool:
    """Whether the outbox, which can't take a report, knows that the platform does not answer."""
    with contextlib.suppress(OutboxError, ConfigurationError):
        return _outbox(configuration).is_known_to_be_down()
    return False


def forget(configuration: Configuration, id: str) -> None:
    """Strike a run out of the outbox's notes: its end is reported otherwise, or not at all."""
    try:
        _outbox(configuration).forget(id)
    except (OutboxError, ConfigurationError) as failure:
        _log.warning("the outbox still takes run %s for unfinished, and may report it as failed: %s", id, failure)


def send(configuration: Configuration, report: Report) -> Delivery:
    """Send a report to the platform, within the time that a report may take.

    Raises:
        XpanderError: It could not be sent.
    """
    from xpander_facade.tasks._reporting import send_report
    from xpander_facade.tasks._task import Task

    return _delivery(configuration, send_report(_bounded(configuration), report, Task._reader(configuration)))


async def asend(configuration: Configuration, report: Report) -> Delivery:
    """Send a report to the platform, within the time that a report may take.

    Raises:
        XpanderError: It could not be sent.
    """
    from xpander_facade.tasks._reporting import asend_report
    from xpander_facade.tasks._task import Task

    return _delivery(configuration, await asend_report(_bounded(configuration), report, Task._reader(configuration)))


def _bounded(configuration: Configuration) -> Configuration:
    # The call ends, and says why, before the thread that waits for it no longer does.
    limit = configuration.record_deadline - min(_MARGIN, configuration.record_deadline / 5)
    if configuration.deadline <= limit:
        return configuration
    return attrs.evolve(configuration, deadline=limit)


def _delivery(configuration: Configuration, task: Task) -> Delivery:
    # Where sending is disabled nothing was reported, whatever the dry run answers.
    return Delivery(None if configuration.disabled else DeliveryStatus.REPORTED, task)


def _outbox(configuration: Configuration) -> Outbox:
    return _outbox_class().of(configuration)


@functools.cache  # an import for each run would cost as much as its encoding
def _outbox_class() -> type[Outbox]:
    from xpander_facade.outbox._outbox import Outbox

    return Outbox


_warned: dict[tuple[type[XpanderError], str, str | None], tuple[float, int]] = {}
"""By what went wrong, and the outbox: when that was last said, and of how many runs it was not said since."""


def _warn_of(configuration: Configuration, failure: XpanderError, report: Report) -> None:
    """Say that the outbox does not take a report; once a minute, since it may be so for each run."""
    _log.debug("the outbox can't take the report of run %s: %s", report.id, failure)
    kind = (type(failure), configuration.base_url, configuration.outbox.path if configuration.outbox else None)
    now = time.monotonic()
    said_at, unsaid = _warned.get(kind, (-_LOG_INTERVAL, 0))
    if now - said_at < _LOG_INTERVAL:
        _warned[kind] = (said_at, unsaid + 1)
        return
    _warned[kind] = (now, 0)
    _log.warning(
        "the outbox can't take the report of run %s%s, which goes to the platform directly where that answers: %s",
        report.id,
        f" and of {unsaid} runs before it" if unsaid else "",
        failure,
    )
