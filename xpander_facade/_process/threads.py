"""Threads of their own for calls that nothing may interrupt, and what their callers wait for.

A signal handler runs on the main thread, wherever that is, and what it raises comes out there; another thread can raise
an exception in any thread. A call that runs on a thread of its own meets neither: its caller waits, may be interrupted
in that, and the call goes on to its end. It also needs no thread pool of an event loop, which takes no work while the
interpreter ends.
"""

from __future__ import annotations

import _thread  # starting a `threading.Thread` takes a lock, which the thread that is interrupted may hold
import contextlib
import contextvars
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xpander_facade._process.ending import Step, at_end

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_LOOK_AGAIN = 0.5
EXIT_TIMEOUT = 5.0
"""Seconds that the end of the program waits for calls that nobody waits for any more."""


class AlreadyToldError(Exception):
    """What a call has raised was raised before, for another thread that waited for it."""


class DetachedCall(Generic[T]):
    """A call on a thread of its own, in a copy of the present context.

    Args:
        function: What is called.
        arguments: What it is called with.
    """

    __slots__ = ("_arguments", "_context", "_error", "_function", "_turn", "_value", "done", "on_done")

    def __init__(self, function: Callable[..., T], *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments
        self._context = contextvars.copy_context()
        self.done = _thread.allocate_lock()
        self.done.acquire()
        self._turn: list[None] = [None]
        self._value: T
        self._error: BaseException | None = None
        self.on_done: Callable[[], object] | None = None

    def start(self) -> None:
        """Begin the call, unless it has begun. Where the interpreter starts no threads any more, it is made here."""
        if self._turn:
            _unfinished[self] = self.done
            _pools_of_process()[0].submit(self.run)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the call has ended; False where that takes longer than so many seconds.

        An exception that is raised in this thread meanwhile comes out at once, and the call goes on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        # An interrupt may have left the lock taken by an earlier wait, or ended the thread as it began, so that no
        # wait for the lock is a long one.
        while not self.is_done:
            left = _LOOK_AGAIN if until is None else min(until - time.monotonic(), _LOOK_AGAIN)
            if left <= 0:
                return False
            if self.done.acquire(timeout=left):
                self.done.release()
            elif self._turn:
                self.start()
        return True

    @property
    def is_done(self) -> bool:
        """Whether the call has ended."""
        return not self._turn and self not in _unfinished

    @property
    def value(self) -> T:
        """What the call returned, once it has ended; what it raised is raised here, once.

        Raises:
            AlreadyToldError: What it raised was raised before, for another thread that waited for it.
        """
        error = self._error
        if error is not None:
            try:
                raise error
            finally:
                self._error = error = None  # its traceback holds this frame
        try:
            return self._value
        except AttributeError:
            raise AlreadyToldError from None

    def call(self) -> T:
        """Make the call and return its value. Whatever interrupts this thread does not interrupt the call."""
        try:
            self.start()
            self.wait()
        except BaseException:
            self.start()  # the interrupt may have come first
            raise
        return self.value

    def run(self) -> None:
        """Make the call, unless somebody has begun it."""
        # Both starts of a call may get here; whoever takes the one item makes the call.
        try:
            self._turn.pop()
        except IndexError:
            if not self.done.locked():
                _unfinished.pop(self, None)
            return
        try:
            self._value = self._context.run(self._function, *self._arguments)
        except BaseException as error:
            self._error = error
        finally:
            _unfinished.pop(self, None)
            self.done.release()
            if self.on_done is not None:
                self.on_done()


async def in_thread(function: Callable[..., T], *arguments: Any, thread: _Pool | None = None) -> T:
    """Call a function on a thread of this package's own and return its value.

    A cancelled caller leaves the call to go on. Where the interpreter starts no threads any more, it is made here.

    Args:
        function: The function.
        arguments: Its arguments.
        thread: The thread, as `one_thread` gives it; by default any.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    call = DetachedCall(function, *arguments)

    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    def on_done() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile, and nobody waits
            loop.call_soon_threadsafe(end)

    call.on_done = on_done
    _unfinished[call] = call.done
    (thread or _pools_of_process()[1]).submit(call.run)
    await ended
    return call.value


def one_thread() -> _Pool:
    """Return a thread for calls of `in_thread` that follow each other.

    What C libraries allocate in one thread and free in another is seldom given back: memory grows with the threads.
    """
    return _Pool(1)


class _Pool:
    """Daemon threads that take calls from a queue. Each ends when it has had nothing to do for a while.

    Args:
        max_threads: How many there are at most; None sets no bound.
    """

    IDLE_SECONDS = 10.0

    def __init__(self, max_threads: int | None) -> None:
        self._max_threads = max_threads
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._threads = 0
        self._idle = 0
        self._ends = 0
        """How many `_end` are among the calls, which no call needs a thread for."""

    def submit(self, call: Callable[[], None]) -> None:
        """Let a thread make a call."""
        self._calls.put(call)
        if not self._grow():
            self._take_all()

    def end_idle_threads(self, timeout: float) -> None:
        """Let threads that have nothing to do end now, and wait for that for so many seconds at most.

        One that makes a call ends after it: it may have made the call, and not yet said that it is idle.
        """
        until = time.monotonic() + timeout
        with self._lock:
            for _ in range(self._threads - self._ends):
                self._calls.put(_end)
                self._ends += 1
        while self._calls.qsize() and time.monotonic() < until:
            time.sleep(0.001)

    def _grow(self) -> bool:
        """Start a thread where more calls wait than threads; False where the interpreter is ending and starts none."""
        with self._lock:
            # Idle threads will take as many calls as there are of them.
            is_wanted = self._is_needed
            if self._max_threads is not None:
                is_wanted = is_wanted and self._threads < self._max_threads
            self._threads += is_wanted
        if is_wanted:
            try:
                _thread.start_new_thread(self._work, ())
            except RuntimeError:
                with self._lock:
                    self._threads -= 1
                return False
        return True

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                call = self._calls.get(timeout=self.IDLE_SECONDS)
            except queue.Empty:
                call = None
            with self._lock:
                self._idle -= 1
                self._ends -= call is _end
                # A call may have come between the end of the wait and the lock; its caller has counted on this
                # thread.
                is_over = self._calls.empty() if call is None else call is _end and not self._is_needed
                if is_over:
                    self._threads -= 1
                    return
            if call is not None:
                self._grow()  # another call may have come before the lock; its caller has counted on this thread, too
                call()

    @property
    def _is_needed(self) -> bool:
        """Whether more calls wait than there are idle threads to take them."""
        return self._calls.qsize() - self._ends > self._idle

    def _take_all(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._calls.get_nowait()()


def _end() -> None:
    """Stand for the end of the thread that takes it."""


# Calls that wait for the network have threads without a bound: one of them must not wait for another's timeout.
_MAX_THREADS = 32
_pools: dict[int, tuple[_Pool, _Pool]] = {}
"""By process id, since threads are not there after a fork: for calls that may wait for the network, and for others."""


def _pools_of_process() -> tuple[_Pool, _Pool]:
    pid = os.getpid()
    return _pools.get(pid) or _pools.setdefault(pid, (_Pool(None), _Pool(_MAX_THREADS)))


_unfinished: dict[object, _thread.LockType] = {}
"""By the call that is being made, the lock that comes free when it has ended."""


def end_idle_threads(timeout: float = 0.2) -> None:
    """Let threads that have nothing to do end now, as before a fork; wait for that for so many seconds at most."""
    for pool in _pools.get(os.getpid(), ()):
        pool.end_idle_threads(timeout)


def join(timeout: float = EXIT_TIMEOUT) -> bool:
    """Wait until all calls that are being made have ended; False where that takes longer than so many seconds."""
    until = time.monotonic() + timeout
    while waiting := list(_unfinished.values()):
        if not waiting[0].acquire(timeout=max(0.0, until - time.monotonic())):
            return False
        waiting[0].release()
    return True


def has_loop() -> bool:
    """Whether this thread runs an event loop."""
    if "asyncio" not in sys.modules:
        return False
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


at_end(Step.DETACHED_CALLS, join)
if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_unfinished.clear)  # the threads are the parent's
