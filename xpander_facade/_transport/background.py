"""Background threads for async code that must not rely on the thread pool of its event loop."""

from __future__ import annotations

import concurrent.futures
import contextvars
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


async def run_in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a blocking function in a thread of its own, with the context of the caller.

    `asyncio.to_thread` takes no more work once the main thread has ended, and its pool is joined at the end of
    `asyncio.run`; neither holds for this daemon thread. Where no thread can start any more, the function runs at once.

    Args:
        function: What to run.
        arguments: What it is called with.
    """
    import asyncio

    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def work() -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(context.run(function, *arguments))
            except StopIteration as error:
                # No future takes one: before Python 3.12.4 whoever waits for it would wait for ever.
                stopped = RuntimeError(f"{getattr(function, '__name__', 'a function')} raised StopIteration")
                stopped.__cause__ = error
                future.set_exception(stopped)
            except BaseException as error:
                future.set_exception(error)

    try:
        threading.Thread(target=work, name="xpander-background", daemon=True).start()
    except RuntimeError:  # the interpreter is ending, or there are too many threads
        return function(*arguments)
    return await asyncio.wrap_future(future)


def run_in_threads(functions: Sequence[Callable[[], None]]) -> None:
    """Run blocking functions at the same time, and return when all are done. None of them may raise.

    A pool of threads takes no more work once the main thread has ended; these are daemon threads of their own. Where
    no thread can start any more, a function runs at once.
    """
    threads: list[threading.Thread] = []
    for function in functions[1:]:
        thread = threading.Thread(target=contextvars.copy_context().run, args=(function,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            function()
        else:
            threads.append(thread)
    if functions:
        functions[0]()
    for thread in threads:
        thread.join()
