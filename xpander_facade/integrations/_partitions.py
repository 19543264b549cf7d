"""Rows on engines: a worker sends those of a partition and gives outcomes, which the caller adds up.

What the adapters of Dask, Ray and Spark share. What is sent never raises for a row, since an engine would send the
whole partition again; what makes all further reports pointless, such as a wrong key, is an outcome, too.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.backend import Backend
from xpander_facade.batches import BatchError, BatchResult, FailedRecord, RecordError
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import ConfigurationError, IntegrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xpander_facade.batches._checkpoint import SeenIds

MAX_FAILED = 1_000
MAX_DEATHS = 3
"""So often a row may kill its worker. An engine alone would try without end, or give up the whole partition."""
PIECE = 100
"""Rows of a partition that are sent one piece after another, once a worker has died with it."""
_stopped: dict[str, str] = {}
"""By run, why this process sends no more of its rows."""


@attrs.frozen
class PartitionSender:
    """What a worker needs to send rows. It can be pickled; the key is not in it, each worker reads its own.

    Args:
        configuration: What to call with.
        columns: By key of a report, the column that holds it.
        concurrency: How many reports of a partition are on their way at the same time.
        rate: Reports a second that one partition may send at most, or None.
        batch_id: What the ids of rows without one are made from, besides their content and their partition.
        run: Tells this use of the adapter from others.
    """

    configuration: Configuration
    columns: dict[str, str]
    concurrency: int
    rate: float | None
    batch_id: str
    run: str

    def send(self, records: object, name: str, key: str, *, seen: SeenIds | None = None, offset: int = 0) -> str:
        """Send rows and return their outcome as JSON: the counts, the failed rows, why no more are to be sent.

        Args:
            records: Mappings, or a table that Arrow can read.
            name: What the partition is called.
            key: What tells equal rows of different partitions apart, the same each time.
            seen: The ids of this partition so far, where it is sent in several pieces.
            offset: How many of its rows came before.
        """
        from xpander_facade.batches._drivers import send_batch
        from xpander_facade.batches._options import make_options

        if (reason := _stopped.get(self.run)) is not None:
            return json.dumps({"sent": 0, "failed_count": 0, "failed": [], "stopped": reason})
        failed: list[tuple[int, str | None, str]] = []
        stopped: str | None = None
        result: BatchResult | None = None

        def note(one: FailedRecord) -> None:
            if len(failed) < MAX_FAILED:
                failed.append((one.position + offset, one.id, str(one.error)))

        try:
            # Its connections end with it, however that is: an engine uses the process of an interrupted task again.
            with Backend(self.configuration) as backend:
                options = make_options(
                    backend.configuration,
                    concurrency=self.concurrency,
                    on_error="collect",
                    rate=self.rate,
                    checkpoint=None,
                    batch_id=f"{self.batch_id}/{key}",
                    columns=self.columns or None,
                    progress=None,
                    on_failed=note,
                    dry_run=False,
                )
                result = send_batch(options, records, seen)
        except BatchError as error:
            result, stopped = error.result, f"{name}: {error}"
        except ConfigurationError as error:
            stopped = f"{name}: {error} (where the workers run)"
        if stopped is not None:
            _stopped[self.run] = stopped
        elif self.rate is not None:
            time.sleep(1 / self.rate)  # before the first report of what is sent next
        return json.dumps({
            "sent": result.sent if result else 0,
            "failed_count": result.failed_count if result else 0,
            "failed": [(name, *one) for one in failed],
            "stopped": stopped,
        })  # fmt: skip

    def send_pieces(
        self,
        rows: Any,
        name: str,
        key: str,
        *,
        deaths: Sequence[tuple[int, int]],
        begin: Callable[[int, int], object],
        take: Callable[[int, int], object] | None = None,
    ) -> Iterator[str]:
        """Send the rows of a partition that may have killed workers, and give an outcome of each piece.

        Args:
            rows: Mappings, or a table that Arrow can read.
            name: What the partition is called.
            key: What tells equal rows of different partitions apart, the same each time.
            deaths: The rows, from and to, that were on their way whenever a worker died with this partition.
            begin: Told which rows, from and to, are sent next.
            take: Returns rows, from and to; None slices.
        """
        from xpander_facade.batches._checkpoint import SeenIds

        seen = SeenIds()
        try:
            for start, end in pieces(len(rows), deaths):
                if end - start == 1 and sum(first <= start < last for first, last in deaths) >= MAX_DEATHS:
                    yield _given_up(name, start + 1)
                    continue
                begin(start, end)
                some = rows[start:end] if take is None else take(start, end)
                yield self.send(some, name, key, seen=seen, offset=start)
        finally:
            seen.close()


def pieces(rows: int, deaths: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Give the rows of a partition, from and to: all at once, or in pieces once a worker died with it.

    The rows of a piece with which one died are given one at a time, so that the next death says which row it was.
    """
    if not deaths:
        yield 0, rows
        return
    for start in range(0, rows, PIECE):
        end = min(start + PIECE, rows)
        if any(first < end and start < last and last - first <= PIECE for first, last in deaths):
            yield from ((row, row + 1) for row in range(start, end))
        else:
            yield start, end


def _given_up(name: str, position: int) -> str:
    reason = f"{MAX_DEATHS} workers died with it, and it is given up: look at its value and at the workers' memory"
    return json.dumps({"sent": 0, "failed_count": 1, "failed": [(name, position, None, reason)], "stopped": None})


def make_sender(
    backend: Backend | None,
    *,
    columns: Mapping[str, str] | None,
    known: list[str] | None,
    rate: float | str | None,
    senders: int,
    concurrency: int,
    batch_id: str | None,
) -> PartitionSender:
    """Check how rows are to be sent, and return what sends them.

    Args:
        backend: Reports the runs; None makes one of the environment.
        columns: By key of a report, the column that holds it.
        known: The columns that there are, where that is known.
        rate: Reports a second at most, of all workers together; or a text such as "90/minute".
        senders: How many partitions are sent at the same time.
        concurrency: How many reports of each are on their way at the same time.
        batch_id: What the ids of rows without one are made from, besides their content and partition.

    Raises:
        BatchError: A column does not exist.
        ConfigurationError: A key or the rate is none, or there is no agent.
        IntegrationError: `backend` is not one.
    """
    import uuid

    from xpander_facade.batches._options import make_options
    from xpander_facade.batches._source import check_columns

    if backend is not None and not isinstance(backend, Backend):
        raise IntegrationError(f"backend must be a Backend, not {type(backend).__name__}")
    configuration = (backend or Backend()).configuration
    run = str(uuid.uuid4())
    options = make_options(
        configuration,
        concurrency=concurrency,
        on_error="collect",
        rate=rate,
        checkpoint=None,
        batch_id=batch_id,
        columns=columns,
        progress=None,
        on_failed=None,
        dry_run=False,
    )
    check_columns("the data", known, options.columns)
    if "agent_id" not in {*options.columns, *(known or [])}:
        configuration.get_agent_id()
    share = None if options.rate is None else options.rate / max(senders, 1)
    return PartitionSender(configuration, options.columns, concurrency, share, batch_id or run, run)


class Tally:
    """The sum of outcomes."""

    def __init__(self) -> None:
        self.stopped: str | None = None
        self._began = time.monotonic()
        self._sent = self._failed_count = 0
        self._failed: list[FailedRecord] = []

    def add(self, outcome: str) -> None:
        """Add what `PartitionSender.send` returned."""
        told: dict[str, Any] = json.loads(outcome)
        self._sent += told["sent"]
        self._failed_count += told["failed_count"]
        for name, position, id, reason in told["failed"]:
            self._keep(FailedRecord(position, f"{name}, row {position}", None, RecordError(reason), id))
        self.stopped = self.stopped or told["stopped"]

    def add_equal(self, name: str, outcomes: list[str]) -> None:
        """Add a partition whose rows have the ids of another one's, so that only one of each pair is kept."""
        count = sum(json.loads(outcome)["sent"] for outcome in outcomes)
        self._failed_count += count
        reason = f"it is equal to another one as a whole, whose ids its {count:,} rows got: map id to a column"
        self._keep(FailedRecord(0, name, None, RecordError(reason)))

    def add_lost(self, name: str, reason: str) -> None:
        """Add a partition that the engine gave up; how many rows it has is not known."""
        self._failed_count += 1
        self._keep(FailedRecord(0, name, None, RecordError(reason)))

    def _keep(self, failed: FailedRecord) -> None:
        if len(self._failed) < MAX_FAILED:
            self._failed.append(failed)

    def result(self) -> BatchResult:
        """Return what all came to.

        Raises:
            BatchError: It stopped before its end.
        """
        result = BatchResult(self._sent, 0, self._failed, self._failed_count, time.monotonic() - self._began)
        if self.stopped is not None:
            stopped = BatchError(f"{self.stopped}; in all {result.sent:,} were sent and {result.failed_count:,} failed")
            stopped.result = result
            raise stopped
        return result
