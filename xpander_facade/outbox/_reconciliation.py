"""Reconciliation: what becomes of a report once the platform was asked what it knows of the run by now.

Two kinds of reports need that. The counts of an attempt are added to those of others, which other hosts may have
reported. And a run whose process died may have been done by another one since: its end stays.
"""

from __future__ import annotations

import email.utils
import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._records import joined_with_task, load_record, remaining
from xpander_facade._requests.attempts import Record, has_ended, has_ledger, without_last
from xpander_facade.outbox._in_flight import is_journaled
from xpander_facade.outbox._merge import JOURNAL, as_bytes

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (an annotation only)
    from xpander_facade.configuration._http_events import ResponseEvent

_LEDGER_MARK = b'"attempts":{'
_ENDED = frozenset({"completed", "failed", "error", "stopped"})
_MAX_CLOCK_DIFFERENCE = 2.0
"""Seconds by which the platform's clock may differ, before its own word is taken for what time it is there."""
_log = logging.getLogger("xpander_facade")


@attrs.frozen
class Reconciled:
    """A report as it is to be sent now.

    Args:
        configuration: What to call with, in the time that is left.
        body: What to send.
    """

    configuration: Configuration
    body: bytes = attrs.field(repr=False)


def reconciled(configuration: Configuration, id: str, body: bytes) -> Reconciled | None:
    """Return what to send for a report; None where the platform knows better already.

    Args:
        configuration: What to call with.
        id: The run's id.
        body: The report, as the file has it.

    Raises:
        XpanderError: The platform could not be asked; the report waits.
    """
    if not is_journaled(body) and _LEDGER_MARK not in body:
        return Reconciled(configuration, body)
    report = cast("dict[str, Any]", json.loads(body))
    journal = report.pop(JOURNAL, None)
    is_of_attempt = has_ledger(report)
    if journal is None and not is_of_attempt:
        return Reconciled(configuration, body)
    clock = _PlatformClock(configuration)
    began = time.monotonic()
    task = load_record(clock.configuration, id)
    configuration = remaining(configuration, began)
    if journal is not None and task is not None and _has_ended_since(task, report, journal, clock):
        _log.warning("run %s: its process ended before the run did, and it was done elsewhere since: that stays", id)
        # What its earlier attempts used may have waited for the same platform.
        rest = without_last(report, Record.of_task(task)) if is_of_attempt else None
        return None if rest is None else Reconciled(configuration, as_bytes(rest))
    return Reconciled(configuration, as_bytes(joined_with_task(report, task, id) if is_of_attempt else report))


def _has_ended_since(
    task: dict[str, Any], report: dict[str, Any], journal: dict[str, Any], clock: _PlatformClock
) -> bool:
    """Whether a run that was left by its process has ended after it had begun there."""
    if task.get("status") not in _ENDED:
        return False
    record = Record.of_task(task)
    if has_ledger(report) and record.ledger:
        if not has_ended(record, report):
            return False
    elif journal.get("start_sent") and not task.get("duration"):
        return False  # what the platform has is the report of its start
    ended_at = _moment(task.get("finished_at"))
    return ended_at is None or ended_at - clock.difference > float(journal.get("began_at", 0.0))


def _moment(text: Any) -> float | None:
    """Return a time of the platform in seconds since the epoch; None where there is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


class _PlatformClock:
    """What time it is where the platform is, as the head of its answers tells it.

    Args:
        configuration: What to call with. Calls with this object's own one tell the time.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._on_response = configuration.on_response
        self.configuration = attrs.evolve(configuration, on_response=self._listen)
        self.difference = 0.0
        """Seconds by which the platform's clock is ahead of this one."""

    def _listen(self, event: ResponseEvent) -> None:
        try:
            told = email.utils.parsedate_to_datetime(event.headers.get("date", ""))
        except ValueError:
            told = None
        if told is not None:
            # The header tells whole seconds: on average half of one has passed.
            difference = told.timestamp() + 0.5 - time.time()
            self.difference = difference if abs(difference) > _MAX_CLOCK_DIFFERENCE else 0.0
        if self._on_response is not None:
            self._on_response(event)
