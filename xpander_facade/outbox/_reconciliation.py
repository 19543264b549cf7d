"""Reconciliation: what becomes of a report once the platform was asked what it knows of the run by now.

Two kinds of reports need that. The counts of an attempt are added to those of others, which other hosts may have
reported. And a run whose process died may have been done by another one since: its end stays.

A platform changes no record on condition that nobody else has. Where two hosts report attempts of one run at the same
time, as at the end of an outage, each has read the record before the other wrote, and the later one takes out what the
other one has told. So a report of an attempt that may have others is compared with the record once more, some seconds
after it was sent, and is sent again where the record lacks it.
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
from xpander_facade._requests.attempts import (
    Record,
    has_ended,
    has_ledger,
    is_done_at_once,
    is_of_same_attempt,
    is_told,
    joined_again,
    without_last,
)
from xpander_facade.outbox._in_flight import DIED, is_journaled
from xpander_facade.outbox._merge import JOURNAL, as_bytes

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (an annotation only)
    from xpander_facade.configuration._http_events import ResponseEvent
    from xpander_facade.outbox._claims import Claim

_LEDGER_MARK = b'"attempts":{'
_MAX_PROMPT = 0.5
"""Seconds in which a report is sent where nothing holds it up: nobody has done the run again by then."""
_MAX_READ = 1.0
"""Seconds after which an answer was held up on its way, and the record may be another one by now."""
_MAX_CONFIRMING = 15.0
"""Seconds in which such an answer does not count for what it was asked for: to confirm that the record stays."""
_ENDED = frozenset({"completed", "failed", "error", "stopped"})
_MAX_CLOCK_DIFFERENCE = 2.0
"""Seconds by which the platform's clock may differ, before its own word is taken for what time it is there."""
_log = logging.getLogger("xpander_facade")


@attrs.frozen
class Reconciled:
    """A report as it is to be sent now.

    Args:
        configuration: What to call with, in the time that is left.
        body: What to send; None where the platform has it, or knows better already.
        may_be_overwritten: Whether another host may be reporting another attempt of the run.
        is_done_at_once: Whether that is to be expected only of a report that came late.
    """

    configuration: Configuration
    body: bytes | None = attrs.field(repr=False)
    may_be_overwritten: bool = False
    is_done_at_once: bool = False

    def is_to_confirm(self, seconds: float) -> bool:
        """Whether the report is to be compared with the record once more.

        Args:
            seconds: How long it took from storing the report until it was sent.
        """
        return self.may_be_overwritten and not (self.is_done_at_once and seconds < _MAX_PROMPT)


def reconciled(configuration: Configuration, claim: Claim) -> Reconciled:
    """Return what to send for a report.

    Args:
        configuration: What to call with.
        claim: The report, as the file has it.

    Raises:
        XpanderError: The platform could not be asked; the report waits.
    """
    id, body = claim.id, claim.body
    if not is_journaled(body) and _LEDGER_MARK not in body:
        return Reconciled(configuration, body)
    report = cast("dict[str, Any]", json.loads(body))
    journal = report.pop(JOURNAL, None)
    is_of_attempt = has_ledger(report)
    if journal is None and not is_of_attempt:
        return Reconciled(configuration, body)
    # Only of a run whose process died it counts what time it is there.
    clock = None if journal is None else _PlatformClock(configuration)
    asking = configuration if clock is None else clock.configuration
    began = time.monotonic()
    task = load_record(asking, id)
    seconds = time.monotonic() - began
    configuration = remaining(configuration, began)
    if seconds > _MAX_READ and configuration.deadline > 2 * seconds:
        # Whoever was held up with this one may have written in the meantime.
        began = time.monotonic()
        task = load_record(attrs.evolve(asking, deadline=configuration.deadline), id)
        configuration = remaining(configuration, began)
    if claim.is_sent and (task is None or _is_told(report, task, is_journaled=journal is not None)):
        is_unsure = seconds > _MAX_READ and claim.waited < _MAX_CONFIRMING
        return Reconciled(configuration, None, may_be_overwritten=is_unsure)
    if (
        journal is not None
        and clock is not None
        and task is not None
        and _has_ended_since(task, report, journal, clock)
    ):
        _log.warning("run %s: its process ended before the run did, and it was done elsewhere since: that stays", id)
        # What its earlier attempts used may have waited for the same platform.
        rest = without_last(report, Record.of_task(task)) if is_of_attempt else None
        return Reconciled(configuration, None if rest is None else as_bytes(rest), may_be_overwritten=rest is not None)
    if not is_of_attempt:
        return Reconciled(configuration, as_bytes(report))
    if claim.is_sent and task is not None:
        _log.info("run %s: another host has reported at the same time, and this one's attempts are told again", id)
        whole = joined_again(report, Record.of_task(task))
    else:
        whole = joined_with_task(report, task, id)
    return Reconciled(configuration, as_bytes(whole), may_be_overwritten=True, is_done_at_once=is_done_at_once(whole))


def _is_told(report: dict[str, Any], task: dict[str, Any], *, is_journaled: bool) -> bool:
    """Whether the record still has what was told of a run's attempts."""
    record = Record.of_task(task)
    # Of the same attempt, the word of a process that has seen its end counts, not that of one that found it dead.
    is_dead = task.get("result") == DIED and not record.is_success and not is_journaled
    is_dead = is_dead and report.get("result") != DIED and is_of_same_attempt(report, record)
    return is_told(report, record) and not is_dead


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
