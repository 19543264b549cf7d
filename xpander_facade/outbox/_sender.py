"""Sender: takes reports of the file that are due, sends them, and notes what became of them.

There is one sender per process and file. It sends for the destinations that this process has a configuration for, since
the key comes from there, and shares each destination with the senders of other processes: a claim decides who sends a
report, circuit breaker and rate limit, both in the file, decide when. Nothing is retried in the call itself; a report
that failed waits in the file.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import _client
from xpander_facade._requests.report import report_request
from xpander_facade._serialization.codec import Mismatch
from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._classification import Disposition, classify

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (an annotation only)
    from xpander_facade.outbox._store import Claim, Store

POLL = 1.0
"""Seconds after which the file is looked at again for reports that other processes stored."""

# A claim outlives the longest send, so that no other process sends the same report meanwhile.
_MARGIN = 5.0
_MAX_DENIALS = 3
_log = logging.getLogger("xpander_facade")


@attrs.define
class _Destination:
    """A destination that this process sends to.

    Args:
        number: Its number in the file.
        configuration: What to call with.
        refusals: How often in a row the platform refused the key, or there was none.
        rests_until: This process does not try before; monotonic seconds.
        problem: Why not.
        is_proven: Whether the platform took the last report with this key.
        denials: How many it has denied since.
    """

    number: int
    configuration: Configuration
    refusals: int = 0
    rests_until: float = 0.0
    problem: str = ""
    is_proven: bool = False
    denials: int = 0


class Sender:
    """What sends the reports of one file from one process.

    Args:
        store: The reports.
        jitter: Gives a random number from 0 to 1.
    """

    def __init__(self, store: Store, jitter: Callable[[], float]) -> None:
        self._store = store
        self._jitter = jitter
        self._destinations: dict[int, _Destination] = {}
        self.reset()

    def reset(self) -> None:
        """Make the locks anew, after a fork."""
        self.is_idle = True
        self._turned = threading.Condition()
        self._sending = threading.Lock()

    def serve(self, destination: int, configuration: Configuration) -> None:
        """Send for a destination from now on, with this configuration, the newest one of the destination."""
        now = self._destinations.get(destination)
        if now is not None and now.configuration.api_key and not configuration.api_key:
            return  # what has no key can't send
        if now is not None and _key_changed(now.configuration, configuration):
            _log.warning(
                "outbox %s: two API keys for %s and no organization_id: from now on the newer key sends all reports; "
                "if they mean two organisations, pass organization_id or name two files",
                self._store.database.path,
                configuration.base_url,
            )
        # The file retries; and a send must end before its claim does.
        self._destinations[destination] = _Destination(
            destination, attrs.evolve(configuration, max_retries=0, outbox=None, on_retry=None)
        )

    def round(self) -> float:
        """Send a report of each destination; return the seconds until there may be more."""
        destinations = list(self._destinations.values())
        # Said before looking, so that a report that comes while this looks is not overlooked.
        self.is_idle = True
        with self._sending:
            sent = [destination for destination in destinations if self._send_next(destination)]
        if sent:
            self.is_idle = False
            return 0.0
        with self._turned:
            self._turned.notify_all()
        return min(map(self._wait, destinations), default=POLL)

    @property
    def destinations(self) -> list[int]:
        """The destinations that this process sends to."""
        return list(self._destinations)

    def wait_for_turn(self, timeout: float) -> None:
        """Wait until there was nothing to send; at most so many seconds."""
        with self._turned:
            self._turned.wait(timeout)

    def retry_now(self, destination: int) -> None:
        """Try again at once, whatever the platform said of the key."""
        self._store.retry_now(destination)
        served = self._destinations[destination]
        served.rests_until, served.denials = 0.0, 0

    def is_unable(self, destination: int) -> bool:
        """Whether this process's key or address for a destination was refused, as far as that can be told."""
        served = self._destinations[destination]
        return served.rests_until > 0 or served.denials >= _MAX_DENIALS

    def _wait(self, destination: _Destination) -> float:
        due = self._store.next_due(destination.number)
        if due is None:
            return POLL
        self.is_idle = False
        rests = destination.rests_until - time.monotonic()
        return min(max(due - self._store.clock(), rests, 0.0), POLL)

    def _send_next(self, destination: _Destination) -> bool:
        """Send one report of a destination; False where there is none to send now."""
        if time.monotonic() < destination.rests_until:
            return False
        claim = self._store.claim(destination.number, destination.configuration.deadline + _MARGIN)
        if claim is None:
            return False
        try:
            self._post(claim, destination.configuration)
        except Exception as error:
            return self._note(claim, destination, error)
        self._store.sent(claim)
        self._note_able(destination)
        destination.is_proven, destination.denials = True, 0
        return True

    def _post(self, claim: Claim, configuration: Configuration) -> None:
        # What was redacted and cut when it was stored is sent as the bytes that were stored.
        _client.send(configuration, report_request(claim.agent_id, claim.body), _check_taken)

    def _note(self, claim: Claim, destination: _Destination, error: Exception) -> bool:
        """Note why a report did not get through; False where this process should not go on with the destination."""
        found = classify(error)
        if found.disposition is Disposition.UNAUTHORIZED:
            self._store.release(claim, found.reason)
            destination.refusals += 1
            destination.rests_until = time.monotonic() + _circuit_breaker.rest(destination.refusals, self._jitter())
            if found.reason != destination.problem:
                destination.problem = found.reason
                _log.error("outbox %s: no report can be sent: %s", self._store.database.path, found.reason)
            return False
        self._note_able(destination)
        if found.disposition is Disposition.RETRY or (
            found.disposition is Disposition.SUSPECT and not self._is_proven(destination)
        ):
            # Said once, and louder, where somebody has to do something.
            level = logging.WARNING if found.disposition is Disposition.SUSPECT and not claim.attempts else logging.INFO
            _log.log(
                level, "outbox %s: run %s waits for another try: %s", self._store.database.path, claim.id, found.reason
            )
            self._store.failed(claim, found.reason, throttled=found.throttled, retry_after=found.retry_after)
        else:
            _log.error(
                "outbox %s: the report of run %s was refused: %s", self._store.database.path, claim.id, found.reason
            )
            self._store.refuse(claim, found.reason)
        return True

    def _is_proven(self, destination: _Destination) -> bool:
        """Whether the key was good for the report before one that was denied, so that it is not the key's fault."""
        proven, destination.is_proven = destination.is_proven, False
        destination.denials += 1
        return proven

    def _note_able(self, destination: _Destination) -> None:
        if destination.problem:
            _log.warning("outbox %s: reports can be sent again", self._store.database.path)
        destination.refusals, destination.rests_until, destination.problem = 0, 0.0, ""


def _check_taken(answer: Any) -> None:
    if not isinstance(answer, dict):
        raise Mismatch(f"expected a task, not {type(answer).__name__}")


def _key_changed(one: Configuration, other: Configuration) -> bool:
    return (
        one.organization_id is None
        and one.api_key is not None
        and other.api_key is not None
        and one.api_key != other.api_key
    )
