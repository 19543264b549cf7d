"""Reporter of one run: its start and its end, to the outbox or the platform, whatever interrupts it.

An exception of a signal handler or of another thread, such as a job runner's time limit, can come out of a report. It
goes on at once, and the report goes on by itself on a thread of its own.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

from xpander_facade._process.reporting import in_own_context, is_reporting, mark_reporting
from xpander_facade._process.threads import DetachedCall, has_loop, in_thread
from xpander_facade._serialization.jsonable import error_text
from xpander_facade.errors import XpanderError
from xpander_facade.recorder._circuit import MAX_FAILURES, MAX_IN_BACKGROUND, SLOW_ANSWER, Circuit, circuit_of
from xpander_facade.recorder._counts import count_report
from xpander_facade.recorder._delivery import (
    Delivery,
    DeliveryStatus,
    asend,
    forget,
    has_outbox,
    is_known_to_be_down,
    send,
    store_end,
    store_start,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from xpander_facade._requests.report import Report
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.outbox._outbox import Outbox
    from xpander_facade.tasks._task import Task

log = logging.getLogger("xpander_facade.recorder")
MAX_LOGGED = 500
_SECOND_TRY = 0.5
"""Seconds that a second try is watched: an error of the report itself comes again at once, one from outside not."""
T = TypeVar("T")
_warned_of_loops: list[bool] = []


class Reporter:
    """What reports one run.

    Args:
        configuration: What to call with.
        id: The run's id.
        is_strict: Raise what a report raises, unless the run itself has raised something.
        at_once: Let an outbox send the report of the end as it takes it.
    """

    __slots__ = (
        "_at_once",
        "_call",
        "_configuration",
        "_id",
        "_is_known_to_be_down",
        "_is_strict",
        "_second_failure",
        "_start_call",
        "delivery",
        "has_outbox",
        "is_owed",
        "task",
    )

    def __init__(self, configuration: Configuration, id: str, *, is_strict: bool, at_once: bool = False) -> None:
        self._configuration = configuration
        self.has_outbox = has_outbox(configuration)
        self._id = id
        self._is_strict = is_strict
        self._at_once = at_once
        self._is_known_to_be_down = False
        self._start_call: DetachedCall[None] | None = None
        self._call: DetachedCall[None] | None = None
        self._second_failure: type[Exception] | None = None
        self.delivery: DeliveryStatus | None = None
        self.task: Task | None = None
        # What runs while a report is made, such as a logging handler that records, would report without end.
        self.is_owed = not is_reporting()

    # --- the start ---

    def _report_start(self, report: Report, *, send: bool) -> None:
        """Report the start where that is wanted, and note it in the outbox.

        Raises:
            XpanderError: It could not be reported, and the run is strict.
        """
        if not self.is_owed:
            return
        if self.has_outbox and in_own_context(self._store_start, report, send):
            return
        if send and self._is_worth_waiting(report):
            self._start_call = DetachedCall(self._send_start, report)
            if _is_in_log_handler():
                self._start_call.start()
            elif _is_nested():
                self._start_call.run()
            else:
                self._wait_for(self._start_call)

    async def _areport_start(self, report: Report, *, send: bool) -> None:
        """Report the start where that is wanted, and note it in the outbox.

        Raises:
            XpanderError: It could not be reported, and the run is strict.
        """
        if not self.is_owed:
            return
        if self.has_outbox and await self._shielded(in_thread, self._store_start, report, send):
            return
        if send and self._is_worth_waiting(report):
            await self._shielded(self._asend_start, report)

    def _store_start(self, report: Report, send: bool) -> bool:
        mark_reporting()
        stored = store_start(self._configuration, report, send=send)
        if stored is not None:
            if stored.status is not None:
                self._on_delivered(stored)
            return True
        self._is_known_to_be_down = is_known_to_be_down(self._configuration)
        return False

    def _send_start(self, report: Report) -> None:
        mark_reporting()
        began = time.monotonic()
        try:
            self._on_delivered(send(self._configuration, report), time.monotonic() - began)
        except Exception as failure:
            self._on_failure(failure, time.monotonic() - began)

    async def _asend_start(self, report: Report) -> None:
        mark_reporting()
        began = time.monotonic()
        try:
            self._on_delivered(await asend(self._configuration, report), time.monotonic() - began)
        except XpanderError as failure:
            self._on_failure(failure, time.monotonic() - began)

    # --- the end ---

    def _report_end(self, make: Callable[[], Report], *, is_simple: bool) -> None:
        """Report the end of the run, or leave the report to the outbox.

        Args:
            make: Makes the report.
            is_simple: Whether no code of the user's is called for that, such as a response's own.

        Raises:
            XpanderError: It could not be reported, and the run is strict.
        """
        if _is_in_log_handler():
            # The handler's lock is taken, and who reports on another thread may have to log something.
            self.detach_end(make)
            return
        if self.has_outbox:
            # An exception from outside could get into the user's code, which may take it for an error of its own.
            is_simple = is_simple and self._configuration.redact is None
            if in_own_context(self._store_end, make) if is_simple else self._store_detached(make):
                return
        if self._is_worth_waiting(make):
            if _is_nested():
                # The code that was interrupted may hold a lock that another thread would wait for.
                in_own_context(self._send_end, make)
            else:
                self._wait_for(self.detach_end(make, by_outbox=False))

    async def _areport_end(self, make: Callable[[], Report], *, is_simple: bool) -> None:
        """Report the end of the run, or leave the report to the outbox.

        Args:
            make: Makes the report.
            is_simple: Whether no code of the user's is called for that, such as a response's own.

        Raises:
            XpanderError: It could not be reported, and the run is strict.
        """
        if self.has_outbox and await self._shielded(in_thread, self._store_end, make):
            return
        if self._is_worth_waiting(make):
            await self._shielded(self._asend_end, make, is_simple)

    def _store_detached(self, make: Callable[[], Report]) -> bool:
        """Store the report on a thread of its own, which has it once the caller has waited long enough."""
        call = DetachedCall(self._store_end, make)
        call.start()
        return not call.wait(self._configuration.record_deadline) or call.value

    def _store_end(self, make: Callable[[], Report]) -> bool:
        mark_reporting()
        stored = store_end(self._configuration, make(), at_once=self._at_once)
        if stored is None:
            self._is_known_to_be_down = is_known_to_be_down(self._configuration)
            return False
        self._is_known_to_be_down = False
        self.is_owed = False
        self._on_delivered(stored)
        return True

    def _send_end(self, make: Callable[[], Report]) -> None:
        mark_reporting()
        if self._start_call is not None:
            self._start_call.wait(self._configuration.record_deadline)  # else the start could arrive last
        began = time.monotonic()
        try:
            report = make()
            began = time.monotonic()
            self._on_delivered(send(self._configuration, report), time.monotonic() - began)
        except Exception as failure:
            self._on_failure(failure, time.monotonic() - began)
        finally:
            self.forget()

    async def _asend_end(self, make: Callable[[], Report], is_simple: bool) -> None:
        mark_reporting()
        # A large response takes its time to be read, and the loop has none.
        report = make() if is_simple else await in_thread(make)
        began = time.monotonic()
        try:
            self._on_delivered(await asend(self._configuration, report), time.monotonic() - began)
        except XpanderError as failure:
            self._on_failure(failure, time.monotonic() - began)
        finally:
            self.is_owed = False
            if self.has_outbox:
                await in_thread(self.forget)

    def forget(self) -> None:
        """Let the outbox not wait for the end of the run: it is reported otherwise, or not at all."""
        self.is_owed = False
        if self.has_outbox:
            forget(self._configuration, self._id)

    # --- on a thread of its own ---

    def detach_end(self, make: Callable[[], Report], *, by_outbox: bool = True) -> DetachedCall[None]:
        """Report the end on a thread of its own, unless one does so."""
        if self._call is None:
            self._call = DetachedCall(self._make_report, make, by_outbox)
        self._call.start()
        return self._call

    def _make_report(self, make: Callable[[], Report], by_outbox: bool) -> None:
        self.is_owed = False
        try:
            if by_outbox and self.has_outbox and self._store_end(make):
                return
        except Exception as failure:
            self._second_failure = type(failure)
            self._on_failure(failure)
            return
        self._send_end(make)

    def is_interrupt(self, error: BaseException, make: Callable[[], Report]) -> bool:
        """Whether an exception that came out of the report of the end goes on; the report is made in any case.

        It may have come from outside: a signal handler or another thread raised it. What this package raises by
        itself it raises again where the report is made a second time, and that is no more than a failed report.
        """
        if not self.is_owed or (isinstance(error, XpanderError) and self._is_strict):
            return True
        is_waiting = self._call is not None
        call = self.detach_end(make)
        if is_waiting or not isinstance(error, Exception):
            return True
        return not call.wait(_SECOND_TRY) or self._second_failure is not type(error)

    def report_unfinished(self, report: Report) -> None:
        """Report that the process ends before the run. Should the run end after all, that is reported, too."""
        if self.is_owed and not (self.has_outbox and in_own_context(self._store_unfinished, report)):
            DetachedCall(self._send_start, report).start()

    def _store_unfinished(self, report: Report) -> bool:
        mark_reporting()
        return store_end(self._configuration, report) is not None

    # --- what became of it ---

    def wait(self, timeout: float) -> DeliveryStatus | None:
        """Wait until the platform has the report, at most so many seconds, and return what became of it."""
        until = time.monotonic() + timeout
        if self._call is not None:
            self._call.wait(timeout)
        if self.delivery is DeliveryStatus.QUEUED:
            from xpander_facade.outbox._outbox import Outbox

            self.delivery = _sent(Outbox.of(self._configuration), self._id, max(until - time.monotonic(), 0.0))
        return self.delivery

    def why_no_task(self) -> str:
        """Return why there is no task of the platform."""
        if self.delivery is DeliveryStatus.QUEUED:
            return (
                f"run {self._id} has no task yet: its report waits in the outbox. Use run.id, or load the task by it "
                "after run.wait()"
            )
        if self.delivery is DeliveryStatus.FAILED:
            return f"run {self._id} has no task: its report failed, and the log of xpander_facade.recorder says why"
        if self._call is not None:
            return f"run {self._id} has no task yet: its report is on its way. Use run.id, or run.wait() first"
        return f"run {self._id} has no task yet: it is reported when its block ends. Use run.id"

    def _is_worth_waiting(self, report: Callable[[], Report] | Report) -> bool:
        """Whether the platform is to be waited for, as a strict run always does.

        To one that is slow again and again, threads send the reports. Of one that fails, a thread tries now and then
        whether it answers, by the end of a run.

        Args:
            report: The report of the start, or what makes that of the end.
        """
        circuit = circuit_of(self._configuration)
        is_down = circuit.is_open or self._is_known_to_be_down
        if not is_down or self._is_strict or self._configuration.disabled:
            return True
        if circuit.acquire():
            self._send_in_background(circuit, report)
            return False
        if not callable(report):
            return False
        if not circuit.is_slow and circuit.take_probe():
            self.detach_end(report, by_outbox=False)
            return False
        self.is_owed = False
        if has_loop():
            DetachedCall(self.forget).start()  # the file may take its time
        else:
            self.forget()
        self.delivery = DeliveryStatus.FAILED
        count_report("dropped")
        if dropped := circuit.note_drop():
            log.warning(
                "%d runs were dropped, run %s the last of them: %s %s. %s",
                dropped,
                self._id,
                self._configuration.base_url,
                f"is slow and has {MAX_IN_BACKGROUND} reports to answer" if circuit.is_slow else "does not answer",
                "Its outbox can't take them either" if self.has_outbox else "outbox=True keeps such reports",
            )
        return False

    def _send_in_background(self, circuit: Circuit, report: Callable[[], Report] | Report) -> None:
        call = DetachedCall(self._send_and_release, circuit, report)
        if callable(report):
            self._call = call
        else:
            self._start_call = call
        call.start()

    def _send_and_release(self, circuit: Circuit, report: Callable[[], Report] | Report) -> None:
        try:
            if callable(report):
                self._make_report(report, by_outbox=False)
            else:
                self._send_start(report)
        finally:
            circuit.release()

    def _wait_for(self, call: DetachedCall[None]) -> None:
        """Wait until a report is made, as long as that may take.

        Raises:
            XpanderError: It could not be made, and the run is strict.
        """
        if has_loop() and not _warned_of_loops:
            _warned_of_loops.append(True)
            log.warning(
                "run %s is recorded by `with` in an event loop, which waits while it is reported: use `async with`",
                self._id,
            )
        call.start()
        if call.wait(self._configuration.record_deadline):
            call.value  # noqa: B018 (raises what the call did)
        else:
            log.warning("run %s is still being reported, and its caller goes on meanwhile", self._id)

    async def _shielded(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Call a coroutine function to its end, whatever is cancelled meanwhile; then the cancellation goes on."""
        import asyncio

        cancellation: asyncio.CancelledError | None = None
        loop = asyncio.get_running_loop()
        first = call = loop.create_task(function(*arguments))
        while not call.done():
            try:
                with _anyio_shield():
                    await asyncio.wait([call])
            except asyncio.CancelledError as error:
                cancellation = error
            if call is first and first.cancelled():
                # A loop that shuts down cancels everything in it, once. A report may be repeated.
                call = loop.create_task(function(*arguments))
        try:
            return call.result()
        finally:
            if cancellation is not None:
                raise cancellation

    def _on_delivered(self, delivery: Delivery, seconds: float = 0.0) -> None:
        task, status = delivery.task, delivery.status
        self.task = task or self.task
        if status is None:
            return
        self.delivery = status
        count_report(status)
        if status is DeliveryStatus.REPORTED and circuit_of(self._configuration).note_success(seconds):
            self._log_circuit()

    def _on_failure(self, failure: Exception, seconds: float = 0.0) -> None:
        """Log and count that a report failed; raise that where it is wanted."""
        self.delivery = DeliveryStatus.FAILED
        count_report("failed")
        text = f"{type(failure).__name__}: {error_text(failure)}"
        hint = (
            "" if self._configuration.outbox is not None else "; outbox=True keeps reports until the platform has them"
        )
        log.warning("run %s could not be reported: %s%s", self._id, text[:MAX_LOGGED], hint)
        if circuit_of(self._configuration).note_failure(failure, seconds):
            self._log_circuit()
        if self._is_strict:
            raise failure

    def _log_circuit(self) -> None:
        """Log that the circuit has opened or closed."""
        circuit, url = circuit_of(self._configuration), self._configuration.base_url
        if circuit.is_slow:
            log.warning(
                "%s is slow, %d times in a row: runs do not wait for it until it answers within %g s, and their "
                "reports are sent in the background. outbox=True keeps them until the platform has them",
                url,
                MAX_FAILURES,
                SLOW_ANSWER,
            )
        elif circuit.is_open:
            log.warning(
                "%s has failed %d times in a row: runs do not wait for it until it answers again", url, MAX_FAILURES
            )
        else:
            log.warning("%s answers again: runs are reported again", url)

    def note_error(self) -> None:
        """Note that the run itself has raised something, which goes before what its report raises."""
        self._is_strict = False


def _sent(outbox: Outbox, id: str, timeout: float) -> DeliveryStatus:
    """Send what an outbox keeps, and return what became of the report of a run."""
    outbox.flush(timeout)
    left = outbox.show(id)
    if left is None:
        return DeliveryStatus.REPORTED
    return DeliveryStatus.FAILED if left.state == "quarantined" else DeliveryStatus.QUEUED


def _anyio_shield() -> contextlib.AbstractContextManager[object]:
    """Return what keeps a cancelled scope of anyio from cancelling an await again on every turn of the loop.

    Where a program has not imported anyio, nothing is shielded: asyncio cancels once.
    """
    scope = getattr(sys.modules.get("anyio"), "CancelScope", None)
    return contextlib.nullcontext() if scope is None else scope(shield=True)


def _is_in_log_handler() -> bool:
    """Whether a handler of the log runs the code that asks."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code is _HANDLE:
            return True
    return False


_HANDLE = logging.Handler.handle.__code__
_CALLERS = ("recorder._decorators", "recorder._continuations", "worker.", "cli.", "testing", "integrations.")


def _is_nested() -> bool:
    """Whether the code that asks was called in the midst of this package's own, as a signal handler is."""
    frame = sys._getframe()
    is_outside = False
    while frame.f_back is not None:
        frame = frame.f_back
        name = frame.f_globals.get("__name__", "")
        if not isinstance(name, str) or not name.startswith("xpander_facade."):
            is_outside = True
        elif is_outside and not name.removeprefix("xpander_facade.").startswith(_CALLERS):
            return True
    return False
