"""How the tests over real sockets serve a handler: in a thread of its own, impatiently, until the block ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from xpander_facade.worker._timeouts import WorkerTimeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade import Configuration, Task
    from xpander_facade.emulator import Emulator
    from xpander_facade.worker import TaskHandler

PATIENCE = 30.0
IMPATIENT = WorkerTimeouts(heartbeat=0.1, reconnect=(0.01,), retry=(0.01,), unwind=0.5, deregister=5.0)


class Serving:
    """A worker in a thread, ready when the block begins and gone when it ends.

    Attributes:
        finished: The tasks whose outcome was saved.
    """

    def __init__(
        self, handler: TaskHandler[Any, Any], emulator: Emulator, configuration: Configuration, **options: Any
    ):
        self.handler = handler.with_options(**{"configuration": configuration, "poll_interval": 0.01, **options})
        self.finished: list[Task] = []
        self.error: BaseException | None = None
        self._emulator = emulator
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        before = len(self._emulator.workers())
        self._thread.start()
        self._emulator.wait_for_workers(before + 1, timeout=PATIENCE)
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            self.end()

    def end(self) -> None:
        """Stop the worker, and wait until it is gone."""
        self.handler.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the worker does not end"
        if self.error is not None:
            raise self.error  # what the worker raised

    def _run(self) -> None:
        try:
            self.handler.run(on_finished=lambda task: self.finished.append(task))
        except BaseException as error:
            self.error = error


def wait(event: threading.Event) -> None:
    """Wait for a handshake."""
    assert event.wait(PATIENCE), "what was waited for did not come"


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true, by asking."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "what was waited for did not come"
        time.sleep(0.002)  # so that the others get to work
