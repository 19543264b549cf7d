"""Dask: the rows of a bag or data frame are reported as runs by the workers of a cluster."""

from __future__ import annotations

import contextlib
import importlib
import math
import queue
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.errors import ConfigurationError, IntegrationError
from xpander_facade.integrations._partitions import PartitionSender, Tally, make_sender
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpander_facade.backend import Backend
    from xpander_facade.batches import BatchResult

__all__ = ["report_bag", "report_dataframe"]

_OLDEST = "2024.8"
_INTEGRATION = "integrations.dask"
_LOOK_AGAIN = 0.5
_GATHER_SECONDS = 30.0
_STOP_SECONDS = 30.0


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
    parts = [_Part(number, part) for number, part in enumerate(collection.to_delayed())]
    # All at once lets the engine compute once what partitions share.
    window = len(parts) if rate is None and senders is None else at_once
    gathering = _Gathering(
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
    deaths = _deaths(client, key, deaths)

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


def _deaths(client: Any, key: Any, before: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return with which rows of a task, from and to, workers have died."""
    noted: dict[str, Any] | None = client.get_metadata([key], None)
    if noted is None:
        return before
    return [(start, end) for start, end in [*noted["deaths"], noted["begun"]]]


@attrs.frozen
class _Part:
    """A partition.

    Args:
        number: Its number, from 0.
        rows: What computes it.
        deaths: With which of its rows, from and to, workers have died.
    """

    number: int
    rows: Any
    deaths: list[tuple[int, int]] = attrs.field(factory=list[tuple[int, int]])


class _Gathering:
    """Partitions that workers send, and what came of them.

    Args:
        distributed: The module.
        client: The client of the cluster.
        send: Makes the task that sends a partition.
        worker_timeout: So many seconds the cluster may have no worker.
    """

    def __init__(self, distributed: Any, client: Any, send: Callable[[_Part], object], worker_timeout: float) -> None:
        self._killed: type[Exception] = distributed.KilledWorker
        self._client = client
        self._send = send
        self._worker_timeout = worker_timeout
        self._tally = Tally()
        self._running: dict[Any, _Part] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._had_workers = time.monotonic()
        self._until = math.inf

    def run(self, parts: list[_Part], window: int) -> BatchResult:
        """Let so many partitions be computed at the same time, and add up their outcomes."""
        waiting = deque(parts)
        try:
            self._begin([waiting.popleft() for _ in range(min(window, len(waiting)))])
            while self._running and time.monotonic() < self._until:
                try:
                    future = self._ended.get(timeout=_LOOK_AGAIN)
                except queue.Empty:
                    self._look_for_workers()
                    continue
                self._had_workers = time.monotonic()
                is_done = self._take(future, self._running.pop(future))
                if is_done and waiting and self._tally.stopped is None:
                    self._begin([waiting.popleft()])
        finally:
            if self._running and self._client.status == "running":
                with contextlib.suppress(OSError, TimeoutError):  # there is nobody to ask
                    self._client.cancel(list(self._running))
        return self._tally.result()

    def _begin(self, parts: list[_Part]) -> None:
        for part, future in zip(parts, self._client.compute([self._send(part) for part in parts]), strict=True):
            self._wait_for(future, part)

    def _wait_for(self, future: Any, part: _Part) -> None:
        self._running[future] = part
        future.add_done_callback(self._ended.put)

    def _take(self, future: Any, part: _Part) -> bool:
        """Take what came of a partition, and return whether it is done with."""
        name = f"partition {part.number}"
        if future.status == "error" and isinstance(error := future.exception(), self._killed):
            deaths = _deaths(self._client, future.key, part.deaths)
            if len(deaths) > len(part.deaths):  # with rows that are known now, so that the others can be sent
                self._begin([attrs.evolve(part, deaths=deaths)])
                return False
            self._tally.add_lost(name, f"each worker that had it died, Dask gave it up: {error}")
        elif future.status == "cancelled":
            self._stop(f"{name}: it was cancelled, or the cluster is gone", 0)
        elif future.status == "error":
            future.result()  # what the user's own graph raised
        else:
            try:
                outcomes: list[str] = future.result(timeout=_GATHER_SECONDS)
            except TimeoutError:  # its worker died before it could be asked: it is sent again
                self._wait_for(future, part)
                self._look_for_workers()
                return False
            for outcome in outcomes:
                self._tally.add(outcome)
            if self._tally.stopped is not None:
                self._stop(self._tally.stopped, _STOP_SECONDS)
        future.release()
        return True

    def _look_for_workers(self) -> None:
        """Stop where the cluster has had no worker for too long: Dask itself would wait without end."""
        if self._client.status != "running":
            self._stop("the cluster is gone, or its client was closed", 0)
            return
        now = time.monotonic()
        with contextlib.suppress(OSError, TimeoutError):
            if self._client.nthreads():
                self._had_workers = now
        if now - self._had_workers > self._worker_timeout:
            self._stop(f"the cluster has had no worker for {self._worker_timeout:g} s: start one", 0)

    def _stop(self, reason: str, seconds: float) -> None:
        """Begin nothing more, and wait so many seconds for what runs, since all that was sent is counted."""
        self._tally.stopped = self._tally.stopped or reason
        self._until = min(self._until, time.monotonic() + seconds)
