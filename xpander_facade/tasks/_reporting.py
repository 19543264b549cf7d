"""Sending of reports: what `Backend`, `Task` and the recorder all call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from xpander_facade._records import awith_earlier_attempts, with_earlier_attempts
from xpander_facade._requests.report import attach_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration

T = TypeVar("T")


def send_report(configuration: Configuration, report: Report, reader: Callable[[Any], T]) -> T:
    """Send a report and return what the reader makes of the platform's record of the run.

    Raises:
        ModuleException: The call failed; `error.report` is what was to be sent.
    """
    from xpander_facade import _client

    with attach_report(report, configuration.redact):
        configuration, report = with_earlier_attempts(configuration, report)
        return _client.send(configuration, report.request, reader)


async def asend_report(configuration: Configuration, report: Report, reader: Callable[[Any], T]) -> T:
    """Send a report and return what the reader makes of the platform's record of the run.

    Raises:
        ModuleException: The call failed; `error.report` is what was to be sent.
    """
    from xpander_facade import _client

    with attach_report(report, configuration.redact):
        configuration, report = await awith_earlier_attempts(configuration, report)
        return await _client.asend(configuration, report.request, reader)
