"""Event loop of a worker that blocks its caller. It ends soon after its work, whatever is still running in it.

`asyncio.run` waits for every task and every thread that is left, and a handler can keep both for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from xpander_facade.worker._logging import LOG
from xpander_facade.worker._timeouts import WorkerTimeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in an event loop of its own, then cancel what is left, without waiting for stubborn tasks."""
    loop = asyncio.new_event_loop()
    working = loop.create_task(work())
    try:
        loop.set_default_executor(_DaemonThreadExecutor())
        return loop.run_until_complete(working)
    finally:
        try:
            if not working.done():  # an exception that no task could take, as Ctrl-C is where signals are not heeded
                working.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    loop.run_until_complete(working)
            loop.run_until_complete(_shut_down_tasks(WorkerTimeouts().unwind))
        finally:
            loop.close()


async def end(*tasks: asyncio.Task[Any], within: float) -> None:
    """Cancel tasks, and wait at most `within` seconds for their end: some code swallows a cancellation."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=within)


async def shielded(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, however often the caller is cancelled meanwhile."""
    working = asyncio.ensure_future(work)
    was_cancelled = False
    while not working.done():
        try:
            # A cancelled `wait` leaves alone what it waits for, as a cancelled `await` of the task would not.
            await asyncio.wait({working})
        except asyncio.CancelledError:
            was_cancelled = True
    working.result()
    if was_cancelled:
        raise asyncio.CancelledError


async def _shut_down_tasks(within: float) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await end(*left, within=within)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.get_running_loop().shutdown_asyncgens(), within)
    for task in left:
        if not task.done():
            LOG.warning("task %s does not end when it is cancelled; the worker ends without it", task.get_name())


# asyncio takes nothing but a ThreadPoolExecutor as the executor of `to_thread`.
class _DaemonThreadExecutor(ThreadPoolExecutor):
    """Executor of `asyncio.to_thread`: as many threads at once as usual, but none that keeps the process alive."""

    def __init__(self) -> None:
        super().__init__()
        self._room = threading.BoundedSemaphore(self._max_workers)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def call() -> None:
            with self._room:
                if not future.set_running_or_notify_cancel():
                    return
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)

        threading.Thread(target=call, name="xpander-worker-call", daemon=True).start()
        return future
