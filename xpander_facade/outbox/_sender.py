"""Sender: takes reports of the file that are due, sends them, and notes what became of them.

There is one sender per process and file. It sends for the destinations that this process has a configuration for, since
the key comes from there, and shares each destination with the senders of other processes: a claim decides who sends a
report, circuit breaker and rate limit, both in the file, decide when. One thread claims and settles in batches; as many
others as the window allows send. Nothing is retried in the call itself; a report that failed waits in the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import attrs

from xpander_facade import _client
from xpander_facade._client.foreground import foreground_calls
from xpander_facade._requests.report import check_taken, report_request
from xpander_facade.errors import XpanderError
from xpander_facade.outbox import _circuit_breaker
from xpander_facade.outbox._claims import Outcome, Result
from xpander_facade.outbox._classification import Classification, Disposition, classify
from xpander_facade.outbox._reconciliation import reconciled
from xpander_facade.outbox._sending_threads import SendingThreads
from xpander_facade.outbox._window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator  # noqa: TC004 (an annotation only)

    from xpander_facade._client.foreground import ForegroundCalls
    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004 (an annotation only)
    from xpander_facade.outbox._claims import Claim, Claims  # noqa: TC004 (an annotation only)
    from xpander_facade.outbox._store import Store

POLL = 1.0
"""Seconds after which the file is looked at again for reports that other processes stored."""

# A claim outlives the longest send, so that no other process sends the same report meanwhile.
_MARGIN = 10.0
_MIN_MARGIN = 5.0
_MAX_DENIALS = 3
_MIN_READY = 4
_MAX_YIELD = 30.0
"""Seconds for which calls of the user's go first without a break."""
_YIELD_POLL = 0.05
_GATHER = 0.001
"""Seconds to wait for more outcomes before they are written down together."""
_log = logging.getLogger("xpander_facade")


@attrs.define
class _KeyState:
    """What this process knows of an API key at a destination.

    Args:
        refusals: How often in a row the platform refused the key, or there was none.
        rests_until: This process does not try before; monotonic seconds.
        refused_at: When it was last refused; monotonic seconds.
        problem: Why.
        is_proven: Whether the platform took the last report with this key.
        denials: How many reports it has denied since.
        asked_at: When somebody last asked to try at once. What was under way by then says nothing of the key now.
    """

    refusals: int = 0
    rests_until: float = 0.0
    refused_at: float = 0.0
    problem: str = ""
    is_proven: bool = False
    denials: int = 0
    asked_at: float = 0.0


@attrs.frozen
class _Job:
    """A claim on its way to the platform.

    Args:
        claim: The report.
        configuration: What to call with.
        claimed_at: When it was claimed; monotonic seconds.
        is_counted: Whether the destination knows of it, which the thread that sends it tells otherwise.
        turn: Of one that is not counted, its one item is taken by who sends it, or by who gives it back.
    """

    claim: Claim
    configuration: Configuration
    claimed_at: float
    is_counted: bool = True
    turn: Iterator[bool] = attrs.field(factory=lambda: iter((True,)))


@attrs.define
class _Destination:
    """A destination that this process sends to.

    Args:
        number: Its number in the file.
        configuration: What to call with.
        key: What is known of the configuration's key.
        window: How many requests may be under way.
        ready: Jobs that wait in this process until one of those that are under way has ended.
        sending: How many are under way.
        claimed: How many claims are not settled.
        failed_at: When the last request failed; what was claimed before and has not left yet, waits in the file again.
        sent: How many reports this process has sent.
        refused: How many of its reports the platform has refused.
        shared: How many requests of others to the destination are accounted for.
        yields_since: Since when nothing is claimed, so that a call of the user's gets through; 0 where that is not so.
    """

    number: int
    configuration: Configuration
    key: _KeyState
    window: Window
    ready: deque[_Job] = attrs.field(factory=lambda: deque[_Job]())
    sending: int = 0
    claimed: int = 0
    failed_at: float = 0.0
    sent: int = 0
    refused: int = 0
    shared: int = 0
    yields_since: float = 0.0

    @property
    def calls(self) -> ForegroundCalls:
        """The calls of this process to the destination that somebody waits for."""
        return foreground_calls(self.configuration)

    def others(self) -> int:
        """Return how many requests of others have left since this was last asked."""
        sent = self.calls.sent
        before, self.shared = self.shared, sent
        return max(sent - before, 0)


@attrs.frozen
class _Done:
    """A job that has ended.

    Args:
        job: The job.
        began: When sending began; monotonic seconds.
        error: Why the report did not get through; None where it did.
        is_untried: Whether it was not sent, since its claim was about to end, or since the one before it failed.
        is_to_confirm: Whether another host may write over it, so that it is compared with the record later.
    """

    job: _Job
    began: float
    error: Exception | None = None
    is_untried: bool = False
    is_to_confirm: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to do for the report."""
        return self.error is None and not self.is_untried and not self.is_to_confirm


class Sender:
    """What sends the reports of one file from one process.

    Args:
        store: The reports.
        claims: Those of them that this process sends.
        wake: Lets the next round begin now.
    """

    def __init__(self, store: Store, claims: Claims, wake: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._claims = claims
        self._wake = wake
        self._destinations: dict[int, _Destination] = {}
        self._keys: dict[tuple[int, str], _KeyState] = {}
        self._threads = SendingThreads(self._work)
        self.is_left_to_relay: Callable[[], bool] | None = None
        """Whether another process is there that only sends; None where there is never one."""
        self.begun = 0
        """Grows with each report that this process begins to send."""
        self.turns = 0
        """Grows with each round."""
        self.outcomes = 0
        """Grows whenever it was written down what became of reports."""
        self.reset()

    def reset(self) -> None:
        """Make the locks anew and forget what is under way, after a fork."""
        self.is_idle = True
        self._flushes = 0
        self._written = threading.Condition()
        self._coordinating = threading.RLock()
        self._counting = threading.RLock()
        self._done: queue.SimpleQueue[_Done] = queue.SimpleQueue()
        self._unsettled: list[Outcome] = []
        self._leaving: set[int] = set()
        """The numbers of what was given to `send_claimed` since the last flush."""
        self._threads.reset()
        for destination in self._destinations.values():
            destination.ready.clear()
            destination.sending = destination.claimed = destination.sent = destination.refused = destination.shared = 0

    def serve(self, number: int, configuration: Configuration) -> None:
        """Send for a destination from now on, with this configuration, the newest one of the destination."""
        known = self._destinations.get(number)
        if known is not None and known.configuration.api_key and not configuration.api_key:
            return  # what has no key can't send
        if known is not None and _key_changed(known.configuration, configuration):
            _log.warning(
                "outbox %s: two API keys for %s and no organization_id: from now on the newer key sends all reports; "
                "if they mean two organisations, pass organization_id or name two files",
                self._store.database.path,
                configuration.base_url,
            )
        # The file retries; and a send must end before its claim does.
        configuration = attrs.evolve(configuration, max_retries=0, outbox=None, on_retry=None)
        key = self._keys.setdefault((number, _digest(configuration.api_key)), _KeyState())
        if known is None:
            window = Window(self._store.settings.concurrency)
            made = self._destinations[number] = _Destination(number, configuration, key, window)
            made.others()  # what has left before says nothing of the pace
        else:
            known.configuration, known.key = configuration, key

    def round(self) -> float:
        """Settle what was sent and send what is due; return the seconds until there may be more.

        Where no thread can be started, at the interpreter's end, this sends by itself.
        """
        # Said before looking, so that a report that comes while this looks is not overlooked.
        self.is_idle = True
        with self._coordinating:
            destinations = list(self._destinations.values())
            if sum(one.claimed for one in destinations) > 1 and not self._done.empty():
                time.sleep(_GATHER)
            self._take_ended()
            now = time.monotonic()
            is_left = self.leaves_to_relay()
            wanted = {one.number: 0 if is_left else self._capacity(one, now) for one in destinations}
            longest = max((one.configuration.deadline for one in destinations), default=0.0) + _MARGIN
            claims = self._claims.turn(
                self._unsettled, wanted, longest, {one.number: one.others() for one in destinations}
            )
            self._note_written()
            for claim in claims:
                self._destinations[claim.destination].claimed += 1
                self._submit(claim)
            self.turns += 1
        if not self._done.empty():
            return 0.0
        if is_left:
            return POLL
        return min(map(self._wait, destinations), default=POLL)

    @property
    def destinations(self) -> list[int]:
        """The destinations that this process sends to."""
        return list(self._destinations)

    def counts(self, number: int) -> tuple[int, int]:
        """Return how many reports of a destination this process has sent, and how many of them were refused."""
        known = self._destinations.get(number)
        return (known.sent, known.refused) if known else (0, 0)

    def wait_for_outcomes(self, timeout: float, outcomes: int | None = None) -> None:
        """Wait until it was written down what became of some reports; at most so many seconds.

        Args:
            timeout: The seconds.
            outcomes: What `outcomes` was when the caller looked; by default what it is now.
        """
        with self._written:
            seen = self.outcomes if outcomes is None else outcomes
            self._written.wait_for(lambda: self.outcomes != seen, timeout)

    def retry_now(self, number: int) -> None:
        """Try again at once, whatever the platform said of the key."""
        self._store.retry_now(number)
        key = self._destinations[number].key
        key.rests_until, key.denials, key.asked_at = 0.0, 0, time.monotonic()

    def is_unable(self, number: int) -> bool:
        """Whether this process's key or address for a destination was refused, as far as that can be told."""
        key = self._destinations[number].key
        return key.rests_until > 0 or key.denials >= _MAX_DENIALS

    @contextlib.contextmanager
    def flushing(self) -> Generator[None]:
        """Send by this process, too, while a block runs, though a relay is there."""
        with self._counting:
            self._flushes += 1
        try:
            yield
        finally:
            with self._counting:
                self._flushes = max(self._flushes - 1, 0)  # a fork within the block begins anew

    def leaves_to_relay(self) -> bool:
        """Whether this process sends nothing now, since a relay is there."""
        return self.is_left_to_relay is not None and not self._flushes and self.is_left_to_relay()

    def settle(self, timeout: float) -> None:
        """Write down what became of the reports that are under way, without sending more.

        Args:
            timeout: Seconds to wait for those that are under way.
        """
        until = time.monotonic() + timeout
        with self._counting:
            for destination in self._destinations.values():
                while destination.ready:
                    self._done.put(_Done(destination.ready.popleft(), time.monotonic(), is_untried=True))
        while any(one.sending for one in list(self._destinations.values())) and time.monotonic() < until:
            time.sleep(_GATHER)
        self._settle_ended()

    def _settle_ended(self) -> None:
        with self._coordinating:
            self._take_ended()
            if self._unsettled:
                self._claims.settle(self._unsettled)
                self._note_written()

    def _take_ended(self) -> None:
        self._unsettled += map(self._outcome, self._ended())

    def _note_written(self) -> None:
        if self._unsettled:
            self._unsettled = []
            with self._written:
                self.outcomes += 1
                self._written.notify_all()

    def close(self) -> None:
        """Let the sending threads end."""
        self._threads.stop()

    # --- what is claimed as it is stored ---

    def is_able(self, number: int) -> bool:
        """Whether this process could send another report to a destination now, as far as it knows."""
        destination = self._destinations.get(number)
        if destination is None or destination.key.refusals or self.leaves_to_relay():
            return False
        return self._capacity(destination, time.monotonic()) > 0

    def claim_new(self, number: int, id: str, agent_id: str, body: bytes) -> Claim | None:
        """Store a report as one that this process sends now, within a transaction of the caller; None where it can't.

        Once the transaction is done, the claim is to be passed to `send_claimed`.
        """
        seconds = self._destinations[number].configuration.deadline + _MARGIN
        return self._claims.insert(number, id, agent_id, body, seconds)

    def send_claimed(self, claim: Claim) -> None:
        """Begin to send a report that `claim_new` has given."""
        destination = self._destinations[claim.destination]
        # The caller's thread may be interrupted in here, and must not leave a count that nobody takes back.
        job = _Job(claim, destination.configuration, time.monotonic(), is_counted=False)
        self._leaving.add(claim.rowid)
        try:
            if not self._threads.submit(job):
                self._work(job)
        except BaseException:
            self._give_back(job)  # a job's time limit, perhaps; some thread may have the job all the same
            raise

    def _give_back(self, job: _Job) -> None:
        """Let a report that nobody sends wait in the file again."""
        if next(job.turn, False):
            with self._counting:
                self._destinations[job.claim.destination].claimed += 1
            self._done.put(_Done(job, time.monotonic(), is_untried=True))
            self._wake()

    def wait_for_claimed(self, timeout: float) -> bool:
        """Wait until it was written down what became of what `send_claimed` was given; whether that was so.

        Args:
            timeout: Seconds to wait at most.
        """
        leaving, self._leaving = self._leaving, set[int]()
        if not leaving:
            return False
        with self._written:
            return self._written.wait_for(lambda: not any(map(self._claims.is_under_way, leaving)), timeout)

    # --- what may leave ---

    def _capacity(self, destination: _Destination, now: float) -> int:
        """Return how many more reports of a destination this process may claim now."""
        key, window = destination.key, destination.window
        if now < key.rests_until or self._yields(destination, now):
            return 0
        if key.refusals:
            return 1 - destination.claimed  # one report is to tell whether the key is good now
        # In a long drain as many again wait in this process, so that no thread waits for the file.
        ready = window.size if window.size >= _MIN_READY else 0
        return max(window.size + ready - destination.claimed, 0)

    def _yields(self, destination: _Destination, now: float) -> bool:
        """Whether a call that somebody waits for, and that the platform told to come later, goes first."""
        if not destination.calls.are_held:
            destination.yields_since = 0.0
        elif not destination.yields_since:
            destination.yields_since = now
        # Not for ever: a program whose calls are always too many would never send what waits.
        elif now - destination.yields_since > _MAX_YIELD:
            destination.yields_since = now
            return False
        return destination.yields_since > 0

    def _wait(self, destination: _Destination) -> float:
        now = time.monotonic()
        rests = destination.key.rests_until - now
        if rests <= 0 and not self._capacity(destination, now):
            self.is_idle = False
            return _YIELD_POLL if destination.yields_since else POLL  # what ends wakes this thread
        due = self._claims.next_due(destination.number)
        if due is None:
            return POLL
        wait = max(due - self._store.clock(), rests, 0.0)
        if rests > 0 or self._store.limits(destination.number).opens_at > self._store.clock():
            self.is_idle = False
        return min(wait, POLL)

    def _submit(self, claim: Claim) -> None:
        destination = self._destinations[claim.destination]
        with self._counting:
            destination.ready.append(_Job(claim, destination.configuration, time.monotonic()))
            jobs = [destination.ready.popleft() for _ in range(self._free(destination))]
            destination.sending += len(jobs)
        for job in jobs:
            if not self._threads.submit(job):
                self._work(job)

    def _free(self, destination: _Destination) -> int:
        return max(min(len(destination.ready), destination.window.size - destination.sending), 0)

    # --- on a sending thread ---

    def _work(self, first: _Job) -> None:
        job: _Job | None = first
        while job is not None:
            destination = self._destinations[job.claim.destination]
            if not job.is_counted:
                if not next(job.turn, False):
                    return  # it was given back
                with self._counting:
                    destination.claimed += 1
                    destination.sending += 1
            done = self._send(job, destination)
            self._done.put(done)
            with self._counting:
                destination.sending -= 1
                job = destination.ready.popleft() if self._free(destination) else None
                destination.sending += job is not None
            if not (job is None and done.is_sent and self.is_idle and self._settles_here(destination)):
                self._wake()

    def _settles_here(self, destination: _Destination) -> bool:
        """Write down what became of the only report under way, where there is no other to be claimed with that."""
        if destination.claimed > 1:
            return False
        try:
            with self._coordinating:
                self._take_ended()
                if self._unsettled:
                    self._claims.settle(self._unsettled)
                try:
                    # A later report of the run may have waited for this one. That is looked up before anybody is told:
                    # who waits goes on at once then, and would wait for the file as well.
                    return not self._store.has_waiting(destination.number)
                finally:
                    self._note_written()
        except XpanderError:
            return False  # the next round tries it again, and says why it can't

    def _send(self, job: _Job, destination: _Destination) -> _Done:
        began = time.monotonic()
        self.begun += 1
        # Its claim could end before the send does; or the platform has failed since it was claimed.
        if began - job.claimed_at > _MARGIN - _MIN_MARGIN or job.claimed_at < destination.failed_at:
            return _Done(job, began, is_untried=True)
        try:
            to_send = reconciled(job.configuration, job.claim)
            if to_send.body is not None:
                request = report_request(job.claim.agent_id, to_send.body)
                _client.send(to_send.configuration, request, check_taken, in_background=True)
        except Exception as error:
            if classify(error).disposition in (Disposition.RETRY, Disposition.UNAUTHORIZED):
                destination.failed_at = time.monotonic()
            return _Done(job, began, error)
        waited = job.claim.waited + time.monotonic() - job.claimed_at
        return _Done(job, began, is_to_confirm=to_send.is_to_confirm(waited))

    # --- what became of it ---

    def _ended(self) -> Iterator[_Done]:
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._done.get_nowait()

    def _outcome(self, done: _Done) -> Outcome:
        claim = done.job.claim
        destination = self._destinations[claim.destination]
        destination.claimed -= 1
        key = destination.key
        if done.is_untried:
            return Outcome(claim, Result.UNTRIED)
        if done.error is None:
            destination.sent += not claim.is_sent
            destination.window.succeeded()
            self._note_able(key)
            key.is_proven, key.denials = True, 0
            return Outcome(claim, Result.CONFIRMING if done.is_to_confirm else Result.SENT)
        found = classify(done.error)
        if found.disposition is Disposition.UNAUTHORIZED:
            self._note_refused_key(key, found.reason, done.began)
            return Outcome(claim, Result.UNTRIED, found.reason)
        self._note_able(key)
        is_suspect = found.disposition is Disposition.SUSPECT
        if found.disposition is Disposition.RETRY or (is_suspect and not self._is_proven(key, done.began)):
            return self._retried(done, destination, found)
        if claim.is_sent:
            return Outcome(claim, Result.SENT)  # the platform has what it takes of it
        destination.refused += 1
        _log.error("outbox %s: the report of run %s was refused: %s", self._store.database.path, claim.id, found.reason)
        return Outcome(claim, Result.REFUSED, found.reason)

    def _retried(self, done: _Done, destination: _Destination, found: Classification) -> Outcome:
        claim = done.job.claim
        is_suspect = found.disposition is Disposition.SUSPECT
        if not is_suspect:
            destination.window.failed(done.began, time.monotonic())
        # Said once, and louder, where somebody has to do something.
        level = logging.WARNING if is_suspect and not claim.attempts else logging.INFO
        _log.log(
            level, "outbox %s: run %s waits for another try: %s", self._store.database.path, claim.id, found.reason
        )
        return Outcome(claim, Result.RETRY, found.reason, found.throttled, found.retry_after)

    def _note_refused_key(self, key: _KeyState, reason: str, began: float) -> None:
        now = time.monotonic()
        if began >= max(key.refused_at, key.asked_at):  # else it was under way already when the key was refused
            key.refused_at = now
            key.refusals += 1
            key.rests_until = now + _circuit_breaker.rest(key.refusals, self._store.jitter())
        if reason != key.problem:
            key.problem = reason
            _log.error(
                "outbox %s: no report can be sent, and all wait in the file: %s", self._store.database.path, reason
            )

    def _is_proven(self, key: _KeyState, began: float) -> bool:
        """Whether the key was good for the report before one that was denied, so that it is not the key's fault."""
        proven, key.is_proven = key.is_proven, False
        # Only answers to what was sent since somebody asked for another try say something new.
        key.denials += began >= key.asked_at
        return proven

    def _note_able(self, key: _KeyState) -> None:
        if key.problem:
            _log.warning("outbox %s: reports can be sent again", self._store.database.path)
        key.refusals, key.rests_until, key.problem = 0, 0.0, ""


def _digest(key: str | None) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest() if key else ""


def _key_changed(one: Configuration, other: Configuration) -> bool:
    return (
        one.organization_id is None
        and one.api_key is not None
        and other.api_key is not None
        and one.api_key != other.api_key
    )
