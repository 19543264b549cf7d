"""Dask: the rows of a bag or data frame are reported as runs by the workers of a cluster."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError, IntegrationError
from xpander_facade.integrations._dask_gathering import Gathering, Part, known_deaths
from xpander_facade.integrations._partitions import PartitionSender, make_sender
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade.backend import Backend
    from xpander_facade.batches import BatchResult

__all__ = ["report_bag", "report_dataframe"]

_OLDEST = "2024.8"
_INTEGRATION = "integrations.dask"


def report_bag(
    bag: object,
    backend: Backend | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    rate: float | str | None = None,
    concurrency: int = 16,
    senders: int | None = None,
    batch_id: str | None = None,
    client: object = None,
    worker_timeout: float = 300.0,
) -> BatchResult:
    """Report the mappings of a bag as runs, on the workers of a cluster, and return the counts and what failed.

    The bag is computed once. A partition whose worker dies is sent again under the same ids; a row with which three
    workers died is given up, and named. Each worker reads the key from its own environment, XPANDER_API_KEY. Rows
    without an id get one from their content, their partition's number and how many equal ones came before in it.

    With `rate` or `senders`, partitions begin as others end, so that Dask computes anew for each of them what they
    share, such as a shuffle: call `persist()` on such a bag first.

    Args:
        bag: A bag of mappings, whose keys are the arguments of `report_external_task`, and `time`.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        columns: By key of a report, the key of the mappings that holds it, as for `Backend.report_many`.
        rate: Reports a second at most, of all workers together; or a text such as "90/minute".
        concurrency: How many reports of a partition are on their way at the same time, up to 100.
        senders: How many partitions are sent at the same time; by default as many as the cluster has threads, now
            where there is a rate.
        batch_id: What ids of rows without one are made from, besides; by default a new one each time.
        client: The client of the cluster; by default the current one.
        worker_timeout: So many seconds the cluster may have no worker at all before the call stops.

    Raises:
        BatchError: It stopped before its end, for a wrong key, a platform that is away or a cluster that has no
            workers; `result` has the counts.
        ConfigurationError: The agent is missing, or a key or the rate is none; nothing was sent.
        IntegrationError: Dask is missing or too old, there is no client, or `bag` is not one.

    Example:
        >>> client = Client(n_workers=4)
        >>> report_bag(dask.bag.from_sequence(runs), columns={"input": "question"}, rate="90/minute")
    """
    dask_bag: Any = require("dask.bag", distribution="dask", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(bag, dask_bag.Bag):
        raise IntegrationError(f"bag must be a bag of Dask, not {type(bag).__name__}: make one by dask.bag")
    return _report(bag, None, backend, columns, rate, concurrency, senders, batch_id, client, worker_timeout)


def report_dataframe(
    dataframe: object,
    backend: Backend | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    rate: float | str | None = None,
    concurrency: int = 16,
    senders: int | None = None,
    batch_id: str | None = None,
    client: object = None,
    worker_timeout: float = 300.0,
) -> BatchResult:
    """Report the rows of a data frame as runs. Arguments and errors as `report_bag`.

    Dask turns columns of objects into text, and integers with nulls into floats, when it makes a data frame; a bag
    keeps what it is given.

    Example:
        >>> report_dataframe(dask.dataframe.read_parquet("runs/"), columns={"input": "question"})
    """
    frames: Any = require("dask.dataframe", distribution="dask", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(dataframe, frames.DataFrame):
        raise IntegrationError(f"dataframe must be a data frame of Dask, not {type(dataframe).__name__}")
    frame: Any = dataframe
    known = [str(name) for name in frame.columns]
    return _report(frame, known, backend, columns, rate, concurrency, senders, batch_id, client, worker_timeout)


def _report(
    collection: Any,
    known: list[str] | None,
    backend: Backend | None,
    columns: Mapping[str, str] | None,
    rate: float | str | None,
    concurrency: int,
    senders: int | None,
    batch_id: str | None,
    client: Any,
    worker_timeout: float,
) -> BatchResult:
    distributed: Any = require("distributed", distribution="distributed", oldest=_OLDEST, integration=_INTEGRATION)
    dask: Any = require("dask", distribution="dask", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(worker_timeout, int | float) or not worker_timeout > 0:
        raise ConfigurationError(f"worker_timeout must be seconds above 0, not {worker_timeout!r}")
    try:
        client = client or distributed.default_client()
    except ValueError as error:
        raise IntegrationError("there is no client of a Dask cluster: make one by distributed.Client(...)") from error
    at_once = senders or max(1, sum(client.nthreads().values()))
    sender = make_sender(
        backend,
        columns=columns,
        known=known,
        rate=rate,
        senders=at_once,
        concurrency=concurrency,
        batch_id=batch_id,
    )
    send = dask.delayed(_send, pure=False)
    parts = [Part(number, part) for number, part in enumerate(collection.to_delayed())]
    # All at once lets the engine compute once what partitions share.
    window = len(parts) if rate is None and senders is None else at_once
    gathering = Gathering(
        distributed, client, lambda part: send(sender, part.rows, part.number, part.deaths), worker_timeout
    )
    return gathering.run(parts, window)


def _send(sender: PartitionSender, part: Any, number: int, deaths: list[tuple[int, int]]) -> list[str]:
    """Send a partition, on a worker."""
    distributed: Any = importlib.import_module("distributed")
    client, key = distributed.get_client(), distributed.get_worker().get_current_task()
    is_table = hasattr(part, "__arrow_c_stream__")
    rows: Any = part if is_table else list(part)
    # The scheduler, which outlives workers, keeps which rows are sent, and forgets it with the task.
    deaths = known_deaths(client, key, deaths)

    def begin(start: int, end: int) -> None:
        client.set_metadata([key], {"deaths": deaths, "begun": [start, end]})

    outcomes = list(
        sender.send_pieces(
            rows,
            f"partition {number}",
            str(number),
            deaths=deaths,
            begin=begin,
            take=(lambda start, end: rows.iloc[start:end]) if is_table else None,
        )
    )
    client.set_metadata([key], None)
    return outcomes
