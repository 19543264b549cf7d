"""Checks of ledgers: whether the record still tells what an attempt used, a moment after that was reported.

A platform changes no record on condition that nobody else has. Where two hosts report attempts of one run at the same
time, as at the end of an outage, each has read the record before the other wrote, and the later one takes out what the
other one has told. So each looks again when both must be done, and reports once more what is missing.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import attrs

from xpander_facade._process.threads import DetachedCall
from xpander_facade._records import load_record
from xpander_facade._requests.attempts import Record, is_numbered, ledger_of
from xpander_facade.errors import XpanderError
from xpander_facade.outbox._in_flight import is_journaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (an annotation only)
    from xpander_facade.outbox._claims import Claim  # noqa: TC004 (an annotation only)
    from xpander_facade.outbox._store import Store

CHECK_AFTER = 3.0
"""Seconds after a report, at least; half as many more at most, so that two hosts do not meet again."""
MAX_TRIES = 3
MAX_WAITING = 1_000
MAX_BYTES = 10_000_000
"""Of the reports that are looked at; what comes while so many wait is left as it is."""
_LEDGER_MARK = b'"attempts":{'
_FIRST = "0"
_log = logging.getLogger("xpander_facade")


@attrs.frozen
class _Check:
    """A report that was sent.

    Args:
        due: When to look; monotonic seconds.
        claim: What the file had of it.
        configuration: What to call with.
        tries: How often the platform could not be asked.
    """

    due: float
    claim: Claim
    configuration: Configuration
    tries: int = 0


class LedgerChecks:
    """The reports of attempts that this process has sent a moment ago.

    Args:
        store: The reports of the file.
        wake: Lets what is stored be sent.
    """

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake
        self.reset()

    def reset(self) -> None:
        """Leave the checks to the parent process, after a fork."""
        self._waiting: deque[_Check] = deque()
        self._adding = threading.Lock()
        self._size = 0
        self._call: DetachedCall[None] | None = None

    def note(self, claim: Claim, configuration: Configuration, sent: bytes) -> None:
        """Look later at what was sent, where another host may report another attempt of the run.

        Args:
            claim: What the file had of it.
            configuration: What to call with.
            sent: What was sent: that, with what the record told of other attempts.
        """
        if not is_journaled(claim.body) and may_have_others(sent):
            self._add(_Check(0.0, claim, configuration))

    def start_due(self) -> None:
        """Look at what is due, on a thread of its own."""
        if self._has_due() and (self._call is None or self._call.is_done):
            self._call = DetachedCall(self.look)
            self._call.start()

    def look(self) -> None:
        """Look at what is due, and store once more what the record has lost."""
        while self._has_due():
            check = self._waiting.popleft()
            with self._adding:
                self._size -= len(check.claim.body)
            try:
                self._look_at(check)
            except XpanderError:
                if check.tries + 1 < MAX_TRIES:
                    self._add(attrs.evolve(check, tries=check.tries + 1))

    def _has_due(self) -> bool:
        try:
            return self._waiting[0].due <= time.monotonic()
        except IndexError:  # another thread may have taken the last one just now
            return False

    def _add(self, check: _Check) -> None:
        due = time.monotonic() + CHECK_AFTER * (1 + self._store.jitter() / 2)
        with self._adding:
            if len(self._waiting) < MAX_WAITING and self._size + len(check.claim.body) <= MAX_BYTES:
                self._size += len(check.claim.body)
                self._waiting.append(attrs.evolve(check, due=due))

    def _look_at(self, check: _Check) -> None:
        claim = check.claim
        task = load_record(check.configuration, claim.id)
        if task is None:
            return
        known = Record.of_task(task).ledger
        own = ledger_of(json.loads(claim.body).get("llm_response"))
        # A platform that shows no ledger at all has lost nothing that it would show.
        if known and (missing := [attempt for attempt in own if attempt not in known]):
            _log.info(
                "run %s: another host has reported at the same time, and attempt %s is reported once more",
                claim.id,
                ", ".join(missing),
            )
            self._store.put(claim.destination, claim.id, claim.agent_id, claim.body)
            self._wake()


def may_have_others(sent: bytes) -> bool:
    """Whether other hosts may report attempts of the same run: it has several, or this one is not known to be all."""
    if _LEDGER_MARK not in sent:
        return False
    report = json.loads(sent)
    ledger = ledger_of(report.get("llm_response"))
    if not ledger or not is_numbered(ledger):
        return False  # names have no order, and which of them tells the outcome can't be said later
    is_all = list(ledger) == [_FIRST] and report.get("is_success") is True and report.get("result") is not None
    return not is_all
