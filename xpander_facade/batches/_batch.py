"""A batch as a state machine: which report leaves next and when, and what an outcome means. No network, no clock."""

from __future__ import annotations

import heapq
import logging
import math
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from xpander_facade._client import retry
from xpander_facade._requests.report import Report
from xpander_facade.batches._checkpoint import Checkpoint, SeenIds, digest
from xpander_facade.batches._pacing import Pacer
from xpander_facade.batches._records import RecordReader
from xpander_facade.batches._result import (
    MAX_FAILED,
    BatchError,
    BatchProgress,
    BatchResult,
    FailedRecord,
    RecordError,
)
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import APIConnectionError, APIStatusError, APITimeoutError, ConfigurationError, XpanderError
from xpander_facade.outbox._classification import Disposition, classify

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xpander_facade.batches._source import Entry, Source

CHUNK = 100
"""So many records are read and made ready at a time."""
CHUNK_SECONDS = 0.05
"""Of an iterable that takes longer one record is read at a time, so that none waits for the next one."""
FLUSH_SECONDS = 0.1
PROGRESS_SECONDS = 0.2
_MIN_UNTAKEN = 100
"""After so many failed calls in a row without one that the platform took, a batch stops."""
_OUTAGE = 3
"""After so many failed calls in a row the platform is away."""
_REFUSED = frozenset({400, 409, 413, 422})
"""Statuses that are about the report alone."""
_log = logging.getLogger("xpander_facade")


@attrs.frozen
class BatchOptions:
    """How a batch is sent.

    Args:
        configuration: What to call with.
        concurrency: How many reports are on their way at the same time.
        raises: Whether the first failed record stops the batch.
        rate: Reports a second at most, or None.
        checkpoint: The path of the file that remembers what was taken, or None.
        batch_id: What ids of records without one are made from, besides the content.
        columns: By key, the column that holds it.
        progress: Told how far the batch is.
        on_failed: Told of each record that failed.
        dry_run: Whether nothing is sent.
    """

    configuration: Configuration
    concurrency: int
    raises: bool
    rate: float | None
    checkpoint: str | None
    batch_id: str | None
    columns: dict[str, str]
    progress: Callable[[BatchProgress], object] | None
    on_failed: Callable[[FailedRecord], object] | None
    dry_run: bool


@attrs.define(eq=False)
class Job:
    """A report on its way.

    Args:
        position: Where its record stands.
        record: The record, for who is told that it failed.
        report: What is sent.
        key: What the checkpoint knows it by.
        retries: How often it was tried again.
    """

    position: int
    record: object
    report: Report
    key: bytes
    retries: int = 0


@attrs.frozen
class Prepared:
    """A chunk of records, ready.

    Args:
        jobs: What is to be sent.
        failed: The records that can't be.
        skipped: How many the platform has already.
    """

    jobs: list[Job]
    failed: list[FailedRecord]
    skipped: int


class Batch:
    """What is known of a batch while it is sent. One thread at a time may call it.

    Args:
        options: How it is sent.
        source: Where its records come from.
        now: The time; monotonic seconds.
        seen: The ids so far, where the records are a part of a batch; None where they are all of it.
    """

    def __init__(self, options: BatchOptions, source: Source, now: float, seen: SeenIds | None = None) -> None:
        self.options = options
        self.source = source
        self.cause: BaseException | None = None
        self.is_exhausted = False
        self.chunk_size = 1
        self._problem: Exception | None = None
        self._jobs: deque[Job] = deque()
        self._retries: list[tuple[float, int, Job]] = []
        self._retry_number = 0
        self._taken: list[bytes] = []
        self._began = now
        self._pacer = Pacer(None if options.dry_run else options.rate)
        self._sent = self._skipped = self._failed_count = 0
        self._failed: list[FailedRecord] = []
        self._untaken = 0
        self._last_success = now
        self._outages = 0
        self._flushed_at = now
        self._shown_at = -math.inf
        self._rate = 0.0
        self._rate_from = (now, 0)
        configuration = options.configuration
        if not (configuration.disabled or options.dry_run):
            configuration.get_api_key()  # raises what is missing before anything is read
        has_checkpoint = options.checkpoint is not None and not (
            options.dry_run and not os.path.exists(options.checkpoint)
        )
        self._checkpoint = Checkpoint(options.checkpoint) if options.checkpoint and has_checkpoint else None
        try:
            self._seen = seen or SeenIds()
            self._owns_seen = seen is None
        except BaseException:
            if self._checkpoint is not None:
                self._checkpoint.close()
            raise
        # One checkpoint may serve batches to several platforms.
        self._destination = digest(configuration.base_url, configuration.organization_id or "")
        batch_id = options.batch_id or source.batch_id
        # Without a checkpoint nothing has to give the same ids a second time.
        if batch_id is None and options.checkpoint is None:
            import uuid

            batch_id = str(uuid.uuid4())
        self._reader = RecordReader(configuration, source, options.columns, batch_id, self._seen)

    # --- reading ---

    @property
    def wants_records(self) -> bool:
        """Whether there is room for more records."""
        return not self.is_exhausted and self.cause is None and len(self._jobs) < self.options.concurrency

    def note_chunk(self, seconds: float, *, is_last: bool, problem: Exception | None) -> None:
        """Note how long a chunk took, and that it was the last: what an iterable raised comes after what it gave."""
        self.chunk_size = min(2 * self.chunk_size, CHUNK) if seconds < CHUNK_SECONDS else 1
        self.is_exhausted, self._problem = is_last, problem

    def end(self) -> None:
        """Note that all records are done with."""
        if self._problem is not None:
            self.abort(self._problem)

    def prepare(self, entries: Sequence[Entry]) -> Prepared:
        """Return a chunk of records as reports. May run on another thread than the rest, but not beside a flush.

        Raises:
            ConfigurationError: There is no agent, or no id can be made.
            BatchError: The checkpoint can't be read.
        """
        jobs: list[Job] = []
        failed: list[FailedRecord] = []
        for position, record in entries:
            try:
                report = self._reader.report(position, record)
            except RecordError as error:
                location = self.source.location(position)
                shown = None if isinstance(record, RecordError) else record
                failed.append(FailedRecord(position, location, shown, error))
                continue
            key = digest(self._destination, report.agent_id, report.id)
            jobs.append(Job(position, record, report, key))
        if self._checkpoint is None or not jobs:
            return Prepared(jobs, failed, 0)
        known = self._checkpoint.known([job.key for job in jobs])
        return Prepared([job for job in jobs if job.key not in known], failed, sum(job.key in known for job in jobs))

    def accept(self, prepared: Prepared) -> None:
        """Take records that were prepared."""
        self._jobs.extend(prepared.jobs)
        self._skipped += prepared.skipped
        for failed in prepared.failed:
            self._fail(failed)
        if self.options.dry_run:
            self._sent += len(self._jobs)
            self._jobs.clear()

    # --- sending ---

    def next(self, now: float) -> Job | float | None:
        """Return what leaves now, or the seconds until it may be asked again, or None where nothing is left.

        What is on its way is not counted: it may come back.
        """
        if self.cause is not None:
            return None
        is_due = bool(self._retries) and self._retries[0][0] <= now
        if not is_due and not self._jobs:
            if self._retries:
                # Not zero, which would say that something may leave at once.
                return max(0.001, self._retries[0][0] - now)
            return None
        delay = self._pacer.delay(now)
        if delay > 0:
            return delay
        self._pacer.take(now)
        return heapq.heappop(self._retries)[2] if is_due else self._jobs.popleft()

    def settle(self, job: Job, error: Exception | None, now: float) -> None:
        """Take what became of a report."""
        if error is None:
            self._sent += 1
            self._untaken = self._outages = 0
            self._last_success = now
            self._pacer.succeed()
            if self._checkpoint is not None and not self.options.configuration.disabled:
                self._taken.append(job.key)
            return
        found = classify(error)
        if found.disposition is Disposition.UNAUTHORIZED:
            self.abort(error)
        elif found.throttled:
            self._pacer.throttle(found.retry_after, now, self._rate)
            # The platform may ask twice for the longest wait that is heeded.
            patience = max(self.options.configuration.deadline, 2 * retry.MAX_RETRY_AFTER)
            self._wait_for_platform(job, error, now, patience)
        elif isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
            # All share a platform that is not there: it is waited for, and no record is to blame. A connection that
            # breaks alone holds up nobody else.
            if self._outages >= _OUTAGE:
                self._pacer.hold(None, now)
            self._wait_for_platform(job, error, now, self.options.configuration.deadline)
        elif found.disposition is Disposition.RETRY and job.retries < self.options.configuration.max_retries:
            if found.retry_after:
                self._pacer.hold(min(found.retry_after, retry.MAX_RETRY_AFTER), now)
            self._try_again(job, now, retry.MAX_WAIT)
        else:
            self._count_untaken(error)
            location = self.source.location(job.position)
            self._fail(FailedRecord(job.position, location, job.record, error, job.report.id))

    def abort(self, cause: BaseException) -> None:
        """Let nothing more leave."""
        self.cause = self.cause or cause

    def _wait_for_platform(self, job: Job, error: Exception, now: float, patience: float) -> None:
        """Try a report again without blaming it, unless the platform has taken nothing for too many seconds."""
        if now - max(self._last_success, self._began) > patience:
            self.abort(error)
            return
        if self._outages == _OUTAGE:
            _log.warning("batch of %s: waiting for the platform, which took no report: %s", self.source.name, error)
        self._outages += 1
        self._try_again(job, now, 0.0)

    def _try_again(self, job: Job, now: float, max_wait: float) -> None:
        # For its growing waits alone: that the report is tried again is decided here.
        reason = retry.RetryReason("", transient=True, not_processed=True)
        wait = retry.backoff(
            reason, idempotent=True, retries=min(job.retries, 5), max_retries=10, elapsed=0, deadline=math.inf
        )
        job.retries += max_wait > 0
        self._retry_number += 1
        heapq.heappush(self._retries, (now + min(wait or 0.0, max_wait), self._retry_number, job))

    def _count_untaken(self, error: Exception) -> None:
        if isinstance(error, APIStatusError) and error.status_code in _REFUSED:
            return
        self._untaken += 1
        if self._untaken >= max(_MIN_UNTAKEN, 2 * self.options.concurrency):
            self.abort(error)

    def _fail(self, failed: FailedRecord) -> None:
        self._failed_count += 1
        if len(self._failed) < MAX_FAILED:
            self._failed.append(failed)
        if self.options.on_failed is not None:
            self.options.on_failed(failed)
        if self.options.raises:
            self.abort(failed.error)

    # --- the checkpoint, progress and the end ---

    def takes_note(self, now: float, *, at_once: bool = False) -> list[bytes]:
        """Return what is to be written to the checkpoint now."""
        if not self._taken or (not at_once and now - self._flushed_at < FLUSH_SECONDS):
            return []
        taken, self._taken, self._flushed_at = self._taken, [], now
        return taken

    def write(self, taken: Iterable[bytes]) -> None:
        """Write to the checkpoint. May run on another thread than the rest.

        Raises:
            BatchError: It can't be written.
        """
        if self._checkpoint is not None and (keys := list(taken)):
            self._checkpoint.write(keys)

    def show(self, now: float, *, at_once: bool = False) -> None:
        """Tell how far the batch is, if it is time for that."""
        if not at_once and now - self._shown_at < PROGRESS_SECONDS:
            return
        self._shown_at = now
        since, before = self._rate_from
        if now - since >= 1:
            recent = (self._sent - before) / (now - since)
            # Smoothed, so that the time that is left does not jump with each second.
            self._rate = recent if not self._rate else 0.7 * self._rate + 0.3 * recent
            self._rate_from = (now, self._sent)
        if self.options.progress is not None:
            self.options.progress(
                BatchProgress(
                    self._sent,
                    self._skipped,
                    self._failed_count,
                    self.source.total,
                    now - self._began,
                    self._rate or (self._sent / (now - self._began) if now - self._began > 1 else 0.0),
                    self.options.rate,
                )
            )

    def close(self) -> None:
        """Close the files."""
        if self._owns_seen:
            self._seen.close()
        if self._checkpoint is not None:
            self._checkpoint.close()

    def result(self, now: float) -> BatchResult:
        """Return what the batch came to.

        Raises:
            BatchError: It stopped before its end.
            BaseException: What an iterable or a function of the user raised.
        """
        result = BatchResult(
            self._sent, self._skipped, self._failed, self._failed_count, now - self._began, self.options.dry_run
        )
        cause = self.cause
        if cause is None:
            return result
        counts = f"{result.sent:,} sent, {result.skipped:,} skipped and {result.failed_count:,} failed before"
        if not isinstance(cause, XpanderError):
            # What the user's own code has raised, or Ctrl-C, stays what it is.
            cause.add_note(f"the batch of reports stopped: {counts}")
            raise cause
        if isinstance(cause, ConfigurationError) and not result.sent:
            raise cause
        location = next((f"{failed.location}: " for failed in self._failed if failed.error is cause), "")
        go_on = (
            "begin again, and what was sent is sent a second time under the same ids"
            if self._checkpoint is None
            else "begin again with the same checkpoint, and what was sent is skipped"
        )
        stopped = BatchError(f"the batch stopped ({counts}): {location}{cause}; {go_on}")
        stopped.result = result
        raise stopped from cause
