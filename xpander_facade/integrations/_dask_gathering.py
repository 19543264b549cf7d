"""Partitions of Dask: they are begun, waited for within bounds, sent again where workers died, and added up."""

from __future__ import annotations

import contextlib
import math
import queue
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.integrations._partitions import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.batches import BatchResult

_LOOK_AGAIN = 0.5
_GATHER_SECONDS = 30.0
_STOP_SECONDS = 30.0


def known_deaths(client: Any, key: Any, before: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return with which rows of a task, from and to, workers have died."""
    noted: dict[str, Any] | None = client.get_metadata([key], None)
    if noted is None:
        return before
    return [(start, end) for start, end in [*noted["deaths"], noted["begun"]]]


@attrs.frozen
class Part:
    """A partition.

    Args:
        number: Its number, from 0.
        rows: What computes it.
        deaths: With which of its rows, from and to, workers have died.
    """

    number: int
    rows: Any
    deaths: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])


class Gathering:
    """Partitions that workers send, and what came of them.

    Args:
        distributed: The module.
        client: The client of the cluster.
        send: Makes the task that sends a partition.
        worker_timeout: So many seconds the cluster may have no worker.
    """

    def __init__(self, distributed: Any, client: Any, send: Callable[[Part], object], worker_timeout: float) -> None:
        self._killed: type[Exception] = distributed.KilledWorker
        self._client = client
        self._send = send
        self._worker_timeout = worker_timeout
        self._tally = Tally()
        self._running: dict[Any, Part] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._had_workers = time.monotonic()
        self._until = math.inf

    def run(self, parts: list[Part], window: int) -> BatchResult:
        """Let so many partitions be computed at the same time, and add up their outcomes."""
        waiting = deque(parts)
        try:
            self._begin([waiting.popleft() for _ in range(min(window, len(waiting)))])
            while self._running and time.monotonic() < self._until:
                try:
                    future = self._ended.get(timeout=_LOOK_AGAIN)
                except queue.Empty:
                    self._look_for_workers()
                    continue
                self._had_workers = time.monotonic()
                is_done = self._take(future, self._running.pop(future))
                if is_done and waiting and self._tally.stopped is None:
                    self._begin([waiting.popleft()])
        finally:
            if self._running and self._client.status == "running":
                with contextlib.suppress(OSError, TimeoutError):  # there is nobody to ask
                    self._client.cancel(list(self._running))
        return self._tally.result()

    def _begin(self, parts: list[Part]) -> None:
        for part, future in zip(parts, self._client.compute([self._send(part) for part in parts]), strict=True):
            self._wait_for(future, part)

    def _wait_for(self, future: Any, part: Part) -> None:
        self._running[future] = part
        future.add_done_callback(self._ended.put)

    def _take(self, future: Any, part: Part) -> bool:
        """Take what came of a partition, and return whether it is done with."""
        name = f"partition {part.number}"
        if future.status == "error" and isinstance(error := future.exception(), self._killed):
            deaths = known_deaths(self._client, future.key, part.deaths)
            if len(deaths) > len(part.deaths):  # with rows that are known now, so that the others can be sent
                self._begin([attrs.evolve(part, deaths=deaths)])
                return False
            self._tally.add_lost(name, f"each worker that had it died, Dask gave it up: {error}")
        elif future.status == "cancelled":
            self._stop(f"{name}: it was cancelled, or the cluster is gone", 0)
        elif future.status == "error":
            future.result()  # what the user's own graph raised
        else:
            try:
                outcomes: list[str] = future.result(timeout=_GATHER_SECONDS)
            except TimeoutError:  # its worker died before it could be asked: it is sent again
                self._wait_for(future, part)
                self._look_for_workers()
                return False
            for outcome in outcomes:
                self._tally.add(outcome)
            if self._tally.stopped is not None:
                self._stop(self._tally.stopped, _STOP_SECONDS)
        future.release()
        return True

    def _look_for_workers(self) -> None:
        """Stop where the cluster has had no worker for too long: Dask itself would wait without end."""
        if self._client.status != "running":
            self._stop("the cluster is gone, or its client was closed", 0)
            return
        now = time.monotonic()
        with contextlib.suppress(OSError, TimeoutError):
            if self._client.nthreads():
                self._had_workers = now
        if now - self._had_workers > self._worker_timeout:
            self._stop(f"the cluster has had no worker for {self._worker_timeout:g} s: start one", 0)

    def _stop(self, reason: str, seconds: float) -> None:
        """Begin nothing more, and wait so many seconds for what runs, since all that was sent is counted."""
        self._tally.stopped = self._tally.stopped or reason
        self._until = min(self._until, time.monotonic() + seconds)
