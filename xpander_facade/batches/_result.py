"""What a batch of reports comes to, how far it is, and its errors."""

from __future__ import annotations

import attrs

from xpander_facade.errors import XpanderError

MAX_FAILED = 1_000
"""How many failed records a result holds; `on_failed` is told of all."""


class RecordError(XpanderError, ValueError):
    """A record of a batch can't be reported; nothing of it was sent. The text names the key and the remedy.

    For example:

        try:
            backend.report_many([{"id": "run-1", "duration": "long"}], on_error="raise")
        except BatchError as error:
            if isinstance(error.__cause__, RecordError):
                print(error.__cause__)
    """


@attrs.frozen
class FailedRecord:
    """A record that was not reported.

        result = backend.report_many([{"id": "run-1", "duration": "long"}])
        failed: list[FailedRecord] = result.failed
        print([(it.location, str(it.error)) for it in failed])

    Args:
        position: Its number, from 1; in a file of lines the number of its line.
        location: The same for people: "runs.csv, line 17".
        record: The record as it came; None where it could not be read.
        error: Why: a `RecordError`, or the error of its call.
        id: The run's id, if that is known.
    """

    position: int
    location: str
    record: object = attrs.field(repr=False)
    error: Exception
    id: str | None = None

    def __str__(self) -> str:
        return f"{self.location}: {self.error}"


@attrs.frozen
class BatchResult:
    """What a batch came to.

        result: BatchResult = backend.report_many([{"id": "run-1", "result": "42"}])
        print(result.sent, [failed.location for failed in result.failed])

    Args:
        sent: How many reports the platform took; of a dry run, how many it would have been sent.
        skipped: How many were not sent, because the checkpoint knows that the platform has them.
        failed: The records that were not reported, in the order in which they failed; the first 1,000 of them.
        failed_count: How many they are.
        elapsed: Seconds that it took.
        dry_run: Whether nothing was sent.
    """

    sent: int
    skipped: int
    failed: list[FailedRecord]
    failed_count: int
    elapsed: float
    dry_run: bool = False

    def _repr_html_(self) -> str:
        """Return the counts as a table for a notebook."""
        from xpander_facade._serialization.notebook import table_of_fields

        counts = {"sent": self.sent, "skipped": self.skipped, "failed": self.failed_count, "elapsed": self.elapsed}
        return table_of_fields("Batch of reports", counts.items())


@attrs.frozen
class BatchProgress:
    """How far a batch is.

        def show(progress: BatchProgress) -> None:
            print(progress.sent, progress.total)

        backend.report_many([{"id": "run-1", "result": "42"}], progress=show)

    Args:
        sent: How many reports the platform has taken.
        skipped: How many it had already.
        failed: How many records failed.
        total: How many records there are, as far as that is known; of files of lines an estimate.
        elapsed: Seconds since the batch began.
        rate: Reports a second at present, over the last moments.
        max_rate: Reports a second that the batch may send at most; None for no limit.
    """

    sent: int
    skipped: int
    failed: int
    total: int | None
    elapsed: float
    rate: float
    max_rate: float | None = None

    @property
    def done(self) -> int:
        """How many records are done with, one way or the other."""
        return self.sent + self.skipped + self.failed

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest will take, at the present rate or, before there is one, at the highest allowed."""
        speed = self.rate or self.max_rate
        if self.total is None or not speed:
            return None
        return max(0, self.total - self.done) / speed


class BatchError(XpanderError):
    """A batch stopped before its end; `__cause__` is why. The text names the record, and how to go on.

        try:
            backend.report_many([{"id": "run-1", "result": "42"}])
        except BatchError as error:
            print(error.result)

    Attributes:
        result: What was done before, and what had failed; None where the batch had not begun.
    """

    result: BatchResult | None = None
