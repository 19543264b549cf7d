"""Delivery of a run's reports: to the outbox where there is one that works, else to the platform."""

from __future__ import annotations

import enum
import logging
from typing import TYPE_CHECKING, NamedTuple

from xpander_facade.errors import ConfigurationError, OutboxError

if TYPE_CHECKING:
    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.errors import XpanderError
    from xpander_facade.tasks._task import Task

_log = logging.getLogger("xpander_facade.recorder")


class DeliveryStatus(enum.Enum):
    """What became of a report."""

    NONE = "none"
    REPORTED = "reported"
    QUEUED = "queued"


class Delivery(NamedTuple):
    """What became of a report, and the platform's record of the run where the platform has answered."""

    status: DeliveryStatus
    task: Task | None = None


def has_outbox(configuration: Configuration) -> bool:
    """Whether reports go to an outbox; nothing is kept where nothing is sent."""
    return configuration.outbox is not None and not configuration.disabled


def check_ready(configuration: Configuration) -> None:
    """Check what every report needs of a configuration, which one that is disabled does not.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
    """
    if not configuration.disabled:
        configuration.get_full_url()
        configuration.get_api_key()


def deliver_start(configuration: Configuration, report: Report, *, send: bool) -> Delivery:
    """Deliver that a run has started.

    Args:
        configuration: What to call with, and whether there is an outbox.
        report: What is known of the run so far.
        send: Report to the platform. Without it only the outbox notes the start.

    Raises:
        XpanderError: It could not be delivered.
    """
    if not has_outbox(configuration):
        return _send(configuration, report) if send else Delivery(DeliveryStatus.NONE)
    from xpander_facade.outbox._outbox import Outbox

    try:
        Outbox.of(configuration).begin(report, send=send)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(failure, report)
        return _send(configuration, report) if send else Delivery(DeliveryStatus.NONE)
    return Delivery(DeliveryStatus.QUEUED if send else DeliveryStatus.NONE)


async def adeliver_start(configuration: Configuration, report: Report, *, send: bool) -> Delivery:
    """Deliver that a run has started.

    Args:
        configuration: What to call with, and whether there is an outbox.
        report: What is known of the run so far.
        send: Report to the platform. Without it only the outbox notes the start.

    Raises:
        XpanderError: It could not be delivered.
    """
    if not has_outbox(configuration):
        return await _asend(configuration, report) if send else Delivery(DeliveryStatus.NONE)
    from xpander_facade.outbox._outbox import Outbox

    try:
        await Outbox.of(configuration).abegin(report, send=send)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(failure, report)
        return await _asend(configuration, report) if send else Delivery(DeliveryStatus.NONE)
    return Delivery(DeliveryStatus.QUEUED if send else DeliveryStatus.NONE)


def deliver_end(configuration: Configuration, report: Report) -> Delivery:
    """Deliver the report of a run that has ended.

    Raises:
        XpanderError: It could not be delivered.
    """
    if not has_outbox(configuration):
        return _send(configuration, report)
    from xpander_facade.outbox._outbox import Outbox

    outbox = Outbox.of(configuration)
    try:
        outbox.enqueue(report)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(failure, report)
        delivery = _send(configuration, report)
        outbox.forget(report.id)
        return delivery
    return Delivery(DeliveryStatus.QUEUED)


async def adeliver_end(configuration: Configuration, report: Report) -> Delivery:
    """Deliver the report of a run that has ended.

    Raises:
        XpanderError: It could not be delivered.
    """
    if not has_outbox(configuration):
        return await _asend(configuration, report)
    from xpander_facade.outbox._outbox import Outbox

    outbox = Outbox.of(configuration)
    try:
        await outbox.aenqueue(report)
    except (OutboxError, ConfigurationError) as failure:
        _warn_of(failure, report)
        delivery = await _asend(configuration, report)
        await outbox.aforget(report.id)
        return delivery
    return Delivery(DeliveryStatus.QUEUED)


def _warn_of(failure: XpanderError, report: Report) -> None:
    _log.warning("the outbox can't take the report of run %s, which is sent directly instead: %s", report.id, failure)


def _send(configuration: Configuration, report: Report) -> Delivery:
    from xpander_facade.tasks._reporting import send_report
    from xpander_facade.tasks._task import Task

    task = send_report(configuration, report, Task._reader(configuration))
    return Delivery(_status_of(configuration), task)


async def _asend(configuration: Configuration, report: Report) -> Delivery:
    from xpander_facade.tasks._reporting import asend_report
    from xpander_facade.tasks._task import Task

    task = await asend_report(configuration, report, Task._reader(configuration))
    return Delivery(_status_of(configuration), task)


def _status_of(configuration: Configuration) -> DeliveryStatus:
    return DeliveryStatus.NONE if configuration.disabled else DeliveryStatus.REPORTED
