"""Outbox: reports that wait on disk until the platform has them, and runs that are reported even when they die.

    Outbox  ->  OutboxRuntime, one per process and file  ->  Store, InFlightRuns, Sender  ->  Database

What a report costs the caller is one write to an SQLite file; a background thread sends it. Several processes share a
file: what one of them leaves behind, the others send.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs

from xpander_facade._process.threads import in_thread
from xpander_facade._requests.report import attach_to
from xpander_facade._serialization.json_bytes import encode
from xpander_facade._serialization.redaction import redact_body
from xpander_facade.configuration._outbox_settings import outbox_path
from xpander_facade.errors import ConfigurationError, XpanderError
from xpander_facade.outbox._abrupt_ends import warn_of_abrupt_end
from xpander_facade.outbox._entry import OutboxEntry, State
from xpander_facade.outbox._flush_result import FlushResult as FlushResult
from xpander_facade.outbox._in_flight import retract_failure, with_start
from xpander_facade.outbox._inspection import OutboxStatus, drop, entries, entry, retry, siblings, status
from xpander_facade.outbox._runtime import runtime_of

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.outbox._relay_process import RelayStarter

__all__ = ["FlushResult", "Outbox", "OutboxEntry", "OutboxStatus"]

T = TypeVar("T")

_ROOM_CHECK = 0.05
_MAX_KNOWN = 256


class Outbox:
    """Where the reports of a configuration wait until the platform has them. Take it from `Outbox.of`.

    Safe to use from any thread, and after a fork. The file is opened when it is first needed. The first report, run or
    flush also starts to send what earlier processes left; before, one can look without sending anything.

        outbox = Outbox.of(configuration)
        print(outbox.status().waiting)

    Args:
        configuration: Where the file is, and what to send with.

    Raises:
        ConfigurationError: The configuration names no outbox.
    """

    def __init__(self, configuration: Configuration) -> None:
        if configuration.outbox is None:
            raise ConfigurationError("there is no outbox: pass outbox= or set XPANDER_OUTBOX")
        self.configuration = configuration
        path = outbox_path(
            configuration.outbox,
            base_url=configuration.base_url,
            organization_id=configuration.organization_id,
            api_key=_key_of(configuration),
        )
        self._runtime = runtime_of(attrs.evolve(configuration.outbox, path=path))
        self._relay: RelayStarter | None = None
        if configuration.outbox.relay is not None and not configuration.disabled:
            from xpander_facade.outbox._relay_process import RelayStarter

            self._relay = RelayStarter(path)
            self._runtime.sender.is_left_to_relay = self._relay.is_running
        self._number: int | None = None
        self._serves = False

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """Return the outbox of a configuration; all outboxes of a process on one file share its connection and threads.

            outbox = Outbox.of(configuration)

        Args:
            configuration: Where the file is, and what to send with.

        Raises:
            ConfigurationError: The configuration names no outbox.
        """
        outbox = _known.get(id(configuration))
        if not isinstance(outbox, cls):
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            outbox = _known[id(configuration)] = cls(configuration)
        return outbox

    @property
    def path(self) -> str:
        """The path of the file; ":memory:" where there is none."""
        return self._runtime.database.path

    # --- reports ---

    def enqueue(self, report: Report, *, at_once: bool = False) -> str:
        """Store a report, to be sent soon; one of a run that was begun ends the run's entry in the journal.

        See `Backend.enqueue_external_task`, which makes the report.

        Args:
            report: The report, of `make_report`.
            at_once: Begin to send it now, if it ends a run, as who calls `flush` next wants it.

        Returns:
            The run's id.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be written, or (OutboxFullError) is full. `error.report` is what was not stored.
            ValueError: The report holds what JSON can't say.
        """
        return self._here(self._enqueue, report, at_once)

    async def aenqueue(self, report: Report, *, at_once: bool = False) -> str:
        """Store a report, to be sent soon; one of a run that was begun ends the run's entry in the journal.

        See `Backend.enqueue_external_task`, which makes the report.

        Args:
            report: The report, of `make_report`.
            at_once: Begin to send it now, if it ends a run, as who calls `flush` next wants it.

        Returns:
            The run's id.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be written, or (OutboxFullError) is full. `error.report` is what was not stored.
            ValueError: The report holds what JSON can't say.
        """
        return await self._ahere(self._enqueue, report, at_once)

    def begin(self, report: Report, *, send: bool = False) -> None:
        """Write down that a run has started: if its process dies, it is reported as failed, with what is known here.

        See `Backend.external_task`, which does so.

        Args:
            report: What is known of the run.
            send: Whether to send that, too.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be written, or (OutboxFullError) is full.
            ValueError: The report holds what JSON can't say.
        """
        self._here(self._begin, report, send)

    async def abegin(self, report: Report, *, send: bool = False) -> None:
        """Write down that a run has started: if its process dies, it is reported as failed, with what is known here.

        See `Backend.external_task`, which does so.

        Args:
            report: What is known of the run.
            send: Whether to send that, too.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be written, or (OutboxFullError) is full.
            ValueError: The report holds what JSON can't say.
        """
        await self._ahere(self._begin, report, send)

    def forget(self, id: str) -> None:
        """Strike a run out of the journal without a report; where the file can't be written now, as soon as it can.

        See `Backend.external_task`, which does so where a run is left unfinished on purpose.

        Args:
            id: The run's id.
        """
        self._here(self._forget, id)

    async def aforget(self, id: str) -> None:
        """Strike a run out of the journal without a report; where the file can't be written now, as soon as it can.

        See `Backend.external_task`, which does so where a run is left unfinished on purpose.

        Args:
            id: The run's id.
        """
        await self._ahere(self._forget, id)

    def flush(self, timeout: float | None = None) -> FlushResult:
        """Wait until all reports of this platform and organisation that are stored by now were sent or refused.

        What waits because an attempt failed is tried at once; what waits for the platform's `Retry-After` or the rate
        is not. Ends early where nothing could be sent in time: the key is refused, or the platform asked for more
        patience than there is.

            print(outbox.flush(timeout=5).sent)

        Args:
            timeout: Seconds to wait at most; by default the configuration's `deadline`.

        Returns:
            What was sent since this process's last flush, and what still waits.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or no number.
        """
        return self._here(self._flush, timeout)

    async def aflush(self, timeout: float | None = None) -> FlushResult:
        """Wait until all reports of this platform and organisation that are stored by now were sent or refused.

        What waits because an attempt failed is tried at once; what waits for the platform's `Retry-After` or the rate
        is not. Ends early where nothing could be sent in time: the key is refused, or the platform asked for more
        patience than there is.

            print(outbox.flush(timeout=5).sent)

        Args:
            timeout: Seconds to wait at most; by default the configuration's `deadline`.

        Returns:
            What was sent since this process's last flush, and what still waits.

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or no number.
        """
        return await self._ahere(self._flush, timeout)

    # --- for people ---

    def status(self) -> OutboxStatus:
        """Return how the file stands, over all platforms and organisations.

        For example:

            status = outbox.status()
            print(status.waiting, status.quarantined)
        """
        return status(self._runtime.store)

    def list(self, state: State | None = None, limit: int = 100) -> list[OutboxEntry]:
        """Return the reports in the file, oldest first, without their bodies.

            for entry in outbox.list("quarantined", limit=10):
                print(entry.id, entry.reason)

        Args:
            state: "waiting", "sending" or "quarantined"; None for all.
            limit: How many at most.
        """
        return entries(self._runtime.store, state, limit)

    def show(self, id: str) -> OutboxEntry | None:
        """Return the newest report of a run, with its body; None where the file has none.

        For example:

            entry = outbox.show("run-1")
            print(entry and entry.body)
        """
        return entry(self._runtime.store, id)

    def retry(self, id: str) -> bool:
        """Let a report in quarantine be sent again; return whether there was one.

        For example:

            for entry in outbox.list("quarantined"):
                outbox.retry(entry.id)
        """
        return retry(self._runtime.store, id)

    def drop(self, id: str) -> bool:
        """Throw a run's reports away, but for one that is being sent; return whether there was any.

        For example:

            outbox.drop("run-1")
        """
        return drop(self._runtime.store, id)

    def vacuum(self) -> tuple[int, int]:
        """Rebuild the file without its empty pages; return its bytes before and after.

            before, after = outbox.vacuum()
            print(before - after, "bytes less")

        Raises:
            OutboxError: Another process has the file, or the disk has no room for the copy that this needs.
        """
        return self._runtime.database.vacuum()

    def siblings(self) -> builtins.list[str]:
        """Return the paths of the other outboxes in the file's folder, such as those of other platforms and keys.

        For example:

            print(outbox.siblings())
        """
        return siblings(self._runtime.database)

    def start(self) -> None:
        """Begin to send what waits, as the first report, run or flush of a process does.

            outbox.start()

        Raises:
            ConfigurationError: The file can't be used as an outbox.
            OutboxError: The file can't be read or written.
        """
        self._wake()

    def is_known_to_be_down(self) -> bool:
        """Whether the platform failed several times in a row and has not answered well since, in any process.

        For example:

            print(outbox.is_known_to_be_down())
        """
        return self._runtime.store.limits(self._destination).breaker.is_down

    def is_confirming(self) -> bool:
        """Whether reports that the platform has are still to be compared with what other hosts have told of their runs.

        For example:

            print(outbox.is_confirming())
        """
        return bool(self._runtime.store.confirming(self._destination))

    def has_relay(self) -> bool:
        """Whether a process that the program has started sends what waits, as `OutboxSettings(relay="process")` says.

        For example:

            if not outbox.has_relay():
                outbox.flush(timeout=5)  # nobody else may be there to send it
        """
        return self._relay is not None and self._relay.is_running()

    def close(self, timeout: float = 2.0, *, process_ends: bool = False) -> None:
        """End this process's threads for the file and close it; the next use opens it again.

        For example:

            outbox.close()

        Args:
            timeout: Seconds to wait for what is being sent. What takes longer is left in the file, for others.
            process_ends: Whether the process ends next, as by `os._exit`. The system closes the file then, without
                moving its log into it, which could take longer than a short job.
        """
        self._runtime.close(timeout, process_ends=process_ends)

    # --- the work, on whichever thread ---

    def _here(self, do: Callable[..., T], *arguments: Any) -> T:
        # The two forms of each method differ in this and in `_ahere` alone.
        return do(*arguments)

    async def _ahere(self, do: Callable[..., T], *arguments: Any) -> T:
        # The disk, and the processes that share the file, may take their time; the loop has none.
        return await in_thread(do, *arguments)

    def _enqueue(self, report: Report, at_once: bool) -> str:
        try:
            body = self._encoded(report)
            if not self.configuration.disabled:
                destination, runtime = self._destination, self._runtime
                runtime.database.check_named()
                if at_once and self._end_at_once(destination, report.id, report.agent_id, body):
                    return report.id
                store = self._end if runtime.in_flight.contains(destination, report.id) else runtime.store.put
                if not store(destination, report.id, report.agent_id, body):
                    self._wait_for_room(store, destination, report.id, report.agent_id, body)
                if not self._serves or self._relay is not None:
                    self._take_up()
                runtime.wake()
        except XpanderError as error:
            attach_to(error, report, self.configuration.redact)
            raise
        return report.id

    def _begin(self, report: Report, send: bool) -> None:
        try:
            body = self._encoded(report)
            if not self.configuration.disabled:
                destination, runtime = self._destination, self._runtime
                runtime.database.check_named()
                if not send:
                    runtime.in_flight.add(destination, report.id, report.agent_id, body)  # mostly one statement
                elif not self._start(destination, report.id, report.agent_id, body):
                    self._wait_for_room(self._start, destination, report.id, report.agent_id, body)
                if not self._serves or self._relay is not None:
                    self._take_up()
                if send:
                    runtime.wake()
                else:
                    runtime.start_later()
        except XpanderError as error:
            attach_to(error, report, self.configuration.redact)
            raise

    def _forget(self, id: str) -> None:
        if self._number is not None:  # else no run was begun here
            self._runtime.in_flight.remove_reported(self._number, id)

    def _start(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        with self._runtime.database.transaction():
            if not self._runtime.store.put(destination, id, agent_id, body):
                return False
            self._runtime.in_flight.add(destination, id, agent_id, with_start(body))
        return True

    def _end(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        store, in_flight = self._runtime.store, self._runtime.in_flight
        if not in_flight.end(destination, id, agent_id, body):
            with self._runtime.database.transaction():
                # A run that is not in the journal any more was taken for dead and reported so.
                is_recorded = in_flight.is_recorded(destination, id)
                if not store.put(destination, id, agent_id, body if is_recorded else retract_failure(body)):
                    return False
                in_flight.remove(destination, id)
        in_flight.discard(destination, id)
        return True

    def _end_at_once(self, destination: int, id: str, agent_id: str, body: bytes) -> bool:
        """End a run with a report that this process has claimed and begins to send; False where it can't."""
        runtime = self._runtime
        in_flight, sender = runtime.in_flight, runtime.sender
        if not (in_flight.contains(destination, id) and sender.is_able(destination)):
            return False
        with runtime.database.transaction():
            claim = sender.claim_new(destination, id, agent_id, body)
            if claim is None:
                return False
            if not in_flight.remove(destination, id):
                claim = runtime.claims.replace(claim, retract_failure(body))
        in_flight.discard(destination, id)
        sender.send_claimed(claim)
        return True

    def _flush(self, timeout: float | None) -> FlushResult:
        seconds = self.configuration.deadline if timeout is None else timeout
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"timeout must be a number of seconds, 0 or more, not {timeout!r}")
        if self.configuration.disabled:
            return FlushResult(0, 0, 0)
        with self._runtime.database.busy_timeout(seconds):
            self._take_up()
        return FlushResult(*self._runtime.flush(self._destination, seconds))

    def _wait_for_room(self, store: Callable[..., bool], *arguments: Any) -> None:
        """Store something as soon as the file has room, where it is to wait for that, as long as a call may take."""
        settings = self._runtime.store.settings
        until = time.monotonic() + (self.configuration.deadline if settings.when_full == "block" else 0)
        while time.monotonic() < until:
            self._wake(at_once=True)
            self._runtime.sender.wait_for_outcomes(_ROOM_CHECK)
            if store(*arguments):
                return
        raise self._runtime.store.full()

    def _encoded(self, report: Report) -> bytes:
        configuration = self.configuration
        if configuration.redact is None:
            content = encode(report.body)
            if len(content) <= configuration.max_field_bytes:
                return content  # no text in it can be too long
        return encode(redact_body(report.body, configuration.redact, configuration.max_field_bytes))

    @property
    def _destination(self) -> int:
        """The number that the file gives to this configuration's platform and organisation."""
        if self._number is None:
            self._number = self._runtime.store.destination(_destination_name(self.configuration))
        return self._number

    def _wake(self, *, at_once: bool = False) -> None:
        self._take_up()
        self._runtime.wake(at_once=at_once)

    def _take_up(self) -> None:
        """Let the sender send for this configuration from now on."""
        if self._relay is not None:
            self._relay.ensure(self.configuration)
        if not self._serves:
            if self._relay is None:
                warn_of_abrupt_end(self._runtime.database.path)
            self._runtime.sender.serve(self._destination, self.configuration)
            self._serves = True


_known: dict[int, Outbox] = {}
"""By the identity of the configuration, which the outbox keeps alive: looking one up must not compare 20 values."""


def _key_of(configuration: Configuration) -> str | None:
    with contextlib.suppress(ConfigurationError):
        return configuration.get_api_key()
    return None


def _destination_name(configuration: Configuration) -> str:
    return f"{configuration.base_url} {configuration.organization_id or ''}".strip()
