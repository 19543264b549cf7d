"""Faults that a test injects: a wrong status, a delay, a cut-off answer, a dropped stream, a held request.

Faults are added from any thread, and taken on the server's loop.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


@dataclass(slots=True)
class Fault:
    """Something to go wrong `times` times more, for one operation or (None) for any."""

    operation: str | None
    times: int


@dataclass(slots=True)
class Fail(Fault):
    """Answer a status instead of the real answer; `after` executes the operation first."""

    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    after: bool = False


@dataclass(slots=True)
class Delay(Fault):
    """Wait before the operation."""

    seconds: float = 0.0


@dataclass(slots=True)
class Cut(Fault):
    """Execute the operation, promise the whole answer, send so many bytes of its body (None: nothing at all)."""

    after_bytes: int | None = None


@dataclass(slots=True)
class Drop(Fault):
    """Close the connection of an event stream after so many events."""

    events: int = 0


class Hold:
    """Requests that wait until a test lets them go on; as a block, until the block ends.

    For example:

        hold = emulator.hold("report_external_task")
        assert isinstance(hold, Hold)
        hold.release()
    """

    def __init__(self, operation: str | None) -> None:
        self.operation = operation
        self._condition = threading.Condition()
        self._arrived = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._released = False

    def arrived(self, count: int = 1, timeout: float = 5.0) -> bool:
        """Wait until so many requests have come; False when the time (seconds) is over.

        For example:

            hold = emulator.hold("report_external_task")
            backend.enqueue_external_task(id="run-1")
            assert hold.arrived(timeout=5)
            hold.release()
        """
        with self._condition:
            return self._condition.wait_for(lambda: self._arrived >= count, timeout)

    def release(self) -> None:
        """Let all requests go on, those to come as well.

        For example:

            hold = emulator.hold("report_external_task")
            hold.release()
        """
        with self._condition:
            self._released = True
            for loop, event in self._waiting:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)
            self._waiting.clear()

    async def pass_through(self) -> None:
        """Wait here as a request.

        For example:

            hold = emulator.hold()
            hold.release()
            await hold.pass_through()
        """
        event = asyncio.Event()
        with self._condition:
            if self._released:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
            self._arrived += 1
            self._condition.notify_all()
        await event.wait()

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_F = TypeVar("_F", bound=Fault)


class Faults:
    """What is still to go wrong, oldest request first; a request takes at most one fault of each kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._holds: list[Hold] = []

    def add(self, fault: Fault) -> None:
        """Let something go wrong."""
        if fault.times < 1:
            raise ValueError(f"times must be at least 1, not {fault.times}")
        with self._lock:
            self._faults.append(fault)

    def hold(self, operation: str | None) -> Hold:
        """Let requests wait."""
        hold = Hold(operation)
        with self._lock:
            self._holds.append(hold)
        return hold

    def clear(self) -> None:
        """Forget all faults and let held requests go on."""
        with self._lock:
            self._faults.clear()
        self.release()

    def release(self) -> None:
        """Let held requests go on."""
        with self._lock:
            holds = list(self._holds)
            self._holds.clear()
        for hold in holds:
            hold.release()

    def take(self, kind: type[_F], operation: str | None) -> _F | None:
        """Take the next fault of a kind that is meant for an operation; None when there is none."""
        # Most emulators have none, and every request asks several times.
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if isinstance(fault, kind) and fault.operation in (None, operation):
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def held(self, operation: str | None) -> list[Hold]:
        """Return the holds that a request of an operation must pass."""
        if not self._holds:
            return []
        with self._lock:
            return [hold for hold in self._holds if hold.operation in (None, operation)]
