"""The threads that send reports: started when there is more to send than threads, ended when there is nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from xpander_facade._process.reporting import mark_reporting
from xpander_facade._process.signals import leave_signals_to_program

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

IDLE_SECONDS = 5.0


class SendingThreads(Generic[T]):
    """Daemon threads that take jobs from one queue.

    Args:
        do: Does a job. It raises nothing.
    """

    def __init__(self, do: Callable[[T], None]) -> None:
        self._do = do
        self.reset()

    def reset(self) -> None:
        """Forget the threads; after a fork they are not here."""
        self._jobs: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._count = 0
        self._busy = 0

    def submit(self, job: T) -> bool:
        """Give a job to a thread; False where there is none and none can be started, at the interpreter's end."""
        with self._lock:
            self._busy += 1
            try:
                # Where no thread can be started any more, one that runs still takes the job in its turn.
                can_do = self._busy <= self._count or self._start() or self._count > 0
            except BaseException:
                self._busy -= 1
                raise
            if not can_do:
                self._busy -= 1
                return False
        self._jobs.put(job)
        return True

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        with self._lock:
            for _ in range(self._count):
                self._jobs.put(None)

    def _start(self) -> bool:
        jobs = self._jobs
        try:
            threading.Thread(target=self._run, args=(jobs,), name="xpander-outbox-send", daemon=True).start()
        except RuntimeError:
            return False
        self._count += 1
        return True

    def _run(self, jobs: queue.SimpleQueue[T | None]) -> None:
        leave_signals_to_program()
        mark_reporting()
        # A thread of before a reset must take none of the jobs of after it.
        while jobs is self._jobs:
            job: T | None = None
            with contextlib.suppress(queue.Empty):
                job = jobs.get(timeout=IDLE_SECONDS)
            if job is None:
                with self._lock:
                    if jobs.empty():
                        self._count -= 1
                        return
                continue
            try:
                self._do(job)
            finally:
                with self._lock:
                    self._busy -= 1
