"""Spark: the rows of a data frame or RDD are reported as runs by the executors."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._partitions import PartitionSender, Tally, make_sender
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xpander_facade.backend import Backend
    from xpander_facade.batches import BatchResult

__all__ = ["report_dataframe", "report_rdd"]

_OLDEST = "3.5"
_INTEGRATION = "integrations.spark"


def report_dataframe(
    dataframe: object,
    backend: Backend | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    rate: float | str | None = None,
    concurrency: int = 16,
    senders: int | None = None,
    batch_id: str | None = None,
) -> BatchResult:
    """Report the rows of a data frame as runs, on the executors, and return the counts and what failed.

    This is one action: the data frame is computed once. A partition whose executor dies is sent again under the same
    ids, as often as `spark.task.maxFailures` says; `local[N]` never does, `local[N,4]` does. Each executor reads the
    key from its own environment (`spark.executorEnv.XPANDER_API_KEY`). Rows without an id get one from their content,
    their partition's number and how many equal ones came before in it, so that the partitions must be the same each
    time they are computed.

    Args:
        dataframe: A data frame, whose columns are the arguments of `report_external_task`, and `time`.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        columns: By key of a report, the column that holds it, as for `Backend.report_many`.
        rate: Reports a second at most, of all executors together; or a text such as "90/minute".
        concurrency: How many reports of a partition are on their way at the same time, up to 100.
        senders: How many partitions are sent at the same time, which the rate is shared by; by default
            `defaultParallelism`.
        batch_id: What ids of rows without one are made from, besides; by default a new one each time.

    Raises:
        BatchError: It stopped before its end, for a wrong key or a platform that is away; `result` has the counts.
        ConfigurationError: The agent is missing, or a key or the rate is none; nothing was sent.
        IntegrationError: Spark is missing or too old, or `dataframe` is not one.

    Example:
        >>> report_dataframe(spark.read.parquet("runs/"), columns={"input": "question"}, rate="90/minute")
    """
    sql: Any = require("pyspark.sql", distribution="pyspark", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(dataframe, sql.DataFrame):
        raise IntegrationError(f"dataframe must be a data frame of Spark, not {type(dataframe).__name__}")
    frame: Any = dataframe
    at_once = senders or frame.sparkSession.sparkContext.defaultParallelism
    sender = make_sender(
        backend,
        columns=columns,
        known=list(frame.columns),
        rate=rate,
        senders=at_once,
        concurrency=concurrency,
        batch_id=batch_id,
    )
    tally = Tally()
    # Arrow keeps zones, nulls and whole numbers, which pandas' form and that of RDDs lose.
    outcomes = frame.mapInArrow(_ArrowSender(sender), "outcome string").collect()
    return _sum(tally, [row["outcome"] for row in outcomes])


def report_rdd(
    rdd: object,
    backend: Backend | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    rate: float | str | None = None,
    concurrency: int = 16,
    senders: int | None = None,
    batch_id: str | None = None,
) -> BatchResult:
    """Report the mappings or rows of an RDD as runs. Arguments and errors as `report_dataframe`.

    Times of an RDD have no zone: give them as text, or use a data frame.

    Example:
        >>> report_rdd(spark.sparkContext.parallelize([{"id": "run-1", "input": "6 * 7?", "result": "42"}]))
    """
    pyspark: Any = require("pyspark", distribution="pyspark", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(rdd, pyspark.RDD):
        raise IntegrationError(f"rdd must be an RDD of Spark, not {type(rdd).__name__}")
    source: Any = rdd
    sender = make_sender(
        backend,
        columns=columns,
        known=None,
        rate=rate,
        senders=senders or source.context.defaultParallelism,
        concurrency=concurrency,
        batch_id=batch_id,
    )

    def send(number: int, rows: Iterator[Any]) -> Iterator[str]:
        records = (row.asDict(recursive=True) if hasattr(row, "asDict") else row for row in rows)
        yield sender.send(records, f"partition {number}", str(number))

    tally = Tally()
    return _sum(tally, source.mapPartitionsWithIndex(send).collect())


class _ArrowSender:
    """What an executor does with each partition of a data frame."""

    def __init__(self, sender: PartitionSender) -> None:
        self._sender = sender

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        from xpander_facade.batches._checkpoint import SeenIds

        arrow: Any = importlib.import_module("pyarrow")
        number: int = importlib.import_module("pyspark").TaskContext.get().partitionId()
        seen = SeenIds()
        offset = 0
        try:
            for batch in batches:
                outcome = self._sender.send(batch, f"partition {number}", str(number), seen=seen, offset=offset)
                offset += batch.num_rows
                yield arrow.RecordBatch.from_pydict({"outcome": [outcome]})
        finally:
            seen.close()


def _sum(tally: Tally, outcomes: list[str]) -> BatchResult:
    for outcome in outcomes:
        tally.add(outcome)
    return tally.result()
