"""The two drivers of a batch: threads and an event loop. They do the I/O that the state machine asks for."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._process.threads import in_thread, one_thread
from xpander_facade._requests.report import check_taken
from xpander_facade.batches._batch import Batch, Job
from xpander_facade.batches._sources import open_source
from xpander_facade.tasks._reporting import asend_report, send_report

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade.batches._batch import BatchOptions
    from xpander_facade.batches._checkpoint import SeenIds
    from xpander_facade.batches._result import BatchResult
    from xpander_facade.batches._source import Entry
    from xpander_facade.configuration._configuration import Configuration

_LOOK_AGAIN = 0.1
_END_SECONDS = 5.0


def send_batch(options: BatchOptions, records: object, seen: SeenIds | None = None) -> BatchResult:
    """Report records, as many at the same time as the options say.

    Args:
        options: How they are sent.
        records: The records.
        seen: The ids so far, where these records are a part of a batch; stays open.

    Raises:
        BatchError: It stopped before its end.
        TypeError: The records are not an iterable, path or table.
    """
    return _run_batch(options, records, seen)


async def asend_batch(options: BatchOptions, records: object, seen: SeenIds | None = None) -> BatchResult:
    """Report records, as many at the same time as the options say.

    Args:
        options: How they are sent.
        records: The records.
        seen: The ids so far, where these records are a part of a batch; stays open.

    Raises:
        BatchError: It stopped before its end.
        TypeError: The records are not an iterable, path or table.
    """
    return await _arun_batch(options, records, seen)


def _run_batch(options: BatchOptions, records: object, seen: SeenIds | None) -> BatchResult:
    """Let as many threads send as may be on their way; the caller's thread reads the records, and is told."""
    source = open_source(records, options.columns)
    if source.is_async:
        raise TypeError("records is an async iterable: await areport_many, or pass an iterable")
    batch = Batch(options, source, time.monotonic(), seen)
    try:
        return _ThreadedBatch(batch).run()
    finally:
        batch.close()


async def _arun_batch(options: BatchOptions, records: object, seen: SeenIds | None) -> BatchResult:
    """Let as many tasks of the event loop send as may be on their way."""
    source = await in_thread(open_source, records, options.columns)
    batch = await in_thread(Batch, options, source, time.monotonic(), seen)
    try:
        return await _AsyncBatch(batch).run()
    finally:
        await in_thread(batch.close)


def _single_attempts(configuration: Configuration) -> Configuration:
    """Return a configuration whose calls are not repeated: a batch knows better when to."""
    return attrs.evolve(configuration, max_retries=0)


class _ThreadedBatch:
    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._configuration = _single_attempts(batch.options.configuration)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._failures: queue.SimpleQueue[tuple[Job, Exception] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        """Held by whoever changes the state machine or what is below, and never for long by a thread that sends."""
        self._in_flight = 0
        self._is_called = False

    def run(self) -> BatchResult:
        batch = self._batch
        try:
            batch.show(time.monotonic(), at_once=True)
            self._run(cast("Iterator[Entry]", batch.source.entries()))
        except BaseException as error:
            # Not raised here: what is on its way counts, and is waited for first.
            batch.abort(error)
        finally:
            self._end()
        try:
            self._write(at_once=True)
            batch.show(time.monotonic(), at_once=True)
        except Exception as error:
            batch.abort(error)
        return batch.result(time.monotonic())

    def _run(self, entries: Iterator[Entry]) -> None:
        batch = self._batch
        while True:
            if batch.wants_records:
                self._read(entries)
            with self._lock:
                wait = self._fill()
            if wait is None:
                return batch.end()
            self._take_failures(wait)
            self._write()
            batch.show(time.monotonic())

    def _fill(self) -> float | None:
        """Let reports leave that no thread takes by itself; return the seconds until the next look, None at the end."""
        batch = self._batch
        while self._in_flight < batch.options.concurrency:
            step = batch.next(time.monotonic())
            if isinstance(step, Job):
                self._submit(step)
                continue
            if batch.wants_records:
                return 0.0
            if step is None:
                return _LOOK_AGAIN if self._in_flight else None
            return min(step, _LOOK_AGAIN)
        return 0.0 if batch.wants_records else _LOOK_AGAIN

    def _write(self, *, at_once: bool = False) -> None:
        with self._lock:
            taken = self._batch.takes_note(time.monotonic(), at_once=at_once)
        self._batch.write(taken)

    def _read(self, entries: Iterator[Entry]) -> None:
        batch = self._batch
        began = time.monotonic()
        chunk, is_last, problem = _read_chunk(entries, batch.chunk_size)
        batch.note_chunk(time.monotonic() - began, is_last=is_last, problem=problem)
        prepared = batch.prepare(chunk)
        with self._lock:
            batch.accept(prepared)

    def _submit(self, job: Job) -> None:
        self._in_flight += 1
        if len(self._threads) < min(self._in_flight, self._batch.options.concurrency):
            # Tracers and loggers find what is current for the caller.
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(self._work,), name="xpander-batch", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            following: Job | None = job
            while following is not None:
                job = following
                try:
                    send_report(self._configuration, job.report, check_taken)
                except Exception as error:
                    # Told on the caller's thread.
                    self._failures.put((job, error))
                    break
                following = self._next_after(job)

    def _next_after(self, job: Job) -> Job | None:
        """Take note of a report that was taken, and return the one to send next; wake the caller where it is needed."""
        batch = self._batch
        now = time.monotonic()
        with self._lock:
            batch.settle(job, None, now)
            step = batch.next(now)
            following = step if isinstance(step, Job) else None
            if following is None:
                self._in_flight -= 1
            calls = (following is None or batch.wants_records) and not self._is_called
            self._is_called = self._is_called or calls
        if calls:
            self._failures.put(None)
        return following

    def _take_failures(self, wait: float) -> None:
        """Take what has failed, and wait so many seconds for that or for a thread that has nothing left to send."""
        try:
            failure = self._failures.get(timeout=wait) if wait > 0 else self._failures.get_nowait()
            while True:
                with self._lock:
                    if failure is None:
                        self._is_called = False
                    else:
                        self._in_flight -= 1
                        self._batch.settle(*failure, time.monotonic())
                failure = self._failures.get_nowait()
        except queue.Empty:
            pass

    def _end(self) -> None:
        """Wait for what is on its way, which counts, and let the threads end."""
        # Whoever presses Ctrl-C does not wait as long as a call may take.
        is_interrupted = self._batch.cause is not None and not isinstance(self._batch.cause, Exception)
        until = time.monotonic() + (_END_SECONDS if is_interrupted else self._configuration.deadline + _END_SECONDS)
        try:
            while self._in_flight and time.monotonic() < until:
                self._take_failures(_LOOK_AGAIN)
        finally:
            for _ in self._threads:
                self._jobs.put(None)
        if not self._in_flight:
            for thread in self._threads:
                thread.join(_END_SECONDS)


class _AsyncBatch:
    def __init__(self, batch: Batch) -> None:
        import asyncio

        self._batch = batch
        self._configuration = _single_attempts(batch.options.configuration)
        self._thread = one_thread()
        self._tasks: set[asyncio.Task[None]] = set()
        self._background: asyncio.Task[None] | None = None
        self._is_waiting = False
        self._changed = asyncio.Event()

    async def run(self) -> BatchResult:
        batch = self._batch
        try:
            batch.show(time.monotonic(), at_once=True)
            await self._run(batch.source.entries())
        except BaseException as error:
            batch.abort(error)
        finally:
            await self._end()
        try:
            await in_thread(batch.write, batch.takes_note(time.monotonic(), at_once=True), thread=self._thread)
            batch.show(time.monotonic(), at_once=True)
        except Exception as error:
            batch.abort(error)
        return batch.result(time.monotonic())

    async def _run(self, entries: Iterator[Entry] | AsyncIterator[Entry]) -> None:
        import asyncio

        batch = self._batch
        concurrency = batch.options.concurrency
        while True:
            self._changed.clear()
            now = time.monotonic()
            self._work_in_background(entries, now)
            wait = _LOOK_AGAIN
            while len(self._tasks) < concurrency:
                step = batch.next(now)
                if isinstance(step, Job):
                    task = asyncio.create_task(self._send(step))
                    self._tasks.add(task)
                    continue
                if step is None and not self._tasks and self._background is None and not batch.wants_records:
                    return batch.end()
                wait = wait if step is None else min(wait, step)
                break
            batch.show(now)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _send(self, job: Job) -> None:
        """Send a report, and after it whatever may leave next."""
        import asyncio

        batch = self._batch
        following: Job | None = job
        try:
            while following is not None:
                job = following
                error: Exception | None = None
                try:
                    await asend_report(self._configuration, job.report, check_taken)
                except Exception as caught:
                    error = caught
                try:
                    batch.settle(job, error, time.monotonic())
                except Exception as caught:  # what a function of the user raised
                    batch.abort(caught)
                if self._configuration.disabled:
                    await asyncio.sleep(0)  # nothing else has let the loop go on
                step = batch.next(time.monotonic())
                following = step if isinstance(step, Job) else None
                if batch.wants_records and self._background is None:
                    self._changed.set()
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.discard(task)
            self._changed.set()

    def _work_in_background(self, entries: Iterator[Entry] | AsyncIterator[Entry], now: float) -> None:
        """Let records be read, and the checkpoint be written, one at a time."""
        import asyncio

        if self._background is not None:
            if not self._background.done():
                return
            task, self._background = self._background, None
            task.result()
        batch = self._batch
        taken = batch.takes_note(now)
        if taken or batch.wants_records:
            self._background = asyncio.create_task(self._read(entries, taken))
            self._background.add_done_callback(lambda task: self._changed.set())

    async def _read(self, entries: Iterator[Entry] | AsyncIterator[Entry], taken: list[bytes]) -> None:
        batch = self._batch
        if taken:
            await in_thread(batch.write, taken, thread=self._thread)
        if not batch.wants_records:
            return
        began = time.monotonic()
        if batch.source.is_blocking:
            chunk, is_last, problem = await in_thread(
                _read_chunk, cast("Iterator[Entry]", entries), batch.chunk_size, thread=self._thread
            )
        elif batch.source.is_async:
            self._is_waiting = True
            try:
                chunk, is_last, problem = await _await_chunk(cast("AsyncIterator[Entry]", entries), batch.chunk_size)
            finally:
                self._is_waiting = False
        else:
            # A user's iterable is read on the thread of its caller, to which it may be bound.
            chunk, is_last, problem = _read_chunk(cast("Iterator[Entry]", entries), batch.chunk_size)
        batch.note_chunk(time.monotonic() - began, is_last=is_last, problem=problem)
        batch.accept(await in_thread(batch.prepare, chunk, thread=self._thread))

    async def _end(self) -> None:
        """Wait for what is on its way, which counts; a cancelled batch cancels it."""
        import asyncio

        is_cancelled = isinstance(self._batch.cause, asyncio.CancelledError)
        if self._background is not None and self._is_waiting:
            self._background.cancel()
        for task in self._tasks:
            if is_cancelled:
                task.cancel()
        waiting: list[asyncio.Task[Any]] = [*self._tasks]
        if self._background is not None:
            waiting.append(self._background)
        if waiting:
            await asyncio.gather(*waiting, return_exceptions=True)


def _read_chunk(entries: Iterator[Entry], size: int) -> tuple[list[Entry], bool, Exception | None]:
    """Return the next records, whether they are the last, and what the iterable raised."""
    chunk: list[Entry] = []
    try:
        for entry in entries:
            chunk.append(entry)
            if len(chunk) >= size:
                return chunk, False, None
    except Exception as error:
        return chunk, True, error
    return chunk, True, None


async def _await_chunk(entries: AsyncIterator[Entry], size: int) -> tuple[list[Entry], bool, Exception | None]:
    """Return the next records, whether they are the last, and what the iterable raised."""
    chunk: list[Entry] = []
    try:
        async for entry in entries:
            chunk.append(entry)
            if len(chunk) >= size:
                return chunk, False, None
    except Exception as error:
        return chunk, True, error
    return chunk, True, None
