"""Ray Data: the rows of a dataset are reported as runs by a pool of actors."""

from __future__ import annotations

import hashlib
import importlib
import io
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._partitions import PartitionSender, Tally, make_sender
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade.backend import Backend
    from xpander_facade.batches import BatchResult

__all__ = ["report_dataset"]

_OLDEST = "2.40"
_INTEGRATION = "integrations.ray"


def report_dataset(
    dataset: object,
    backend: Backend | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    rate: float | str | None = None,
    concurrency: int = 16,
    senders: int | None = None,
    batch_id: str | None = None,
) -> BatchResult:
    """Report the rows of a dataset as runs, on a cluster, and return the counts and what failed.

    The dataset is executed once, by this call. A block whose worker dies is sent again under the same ids; a row with
    which three workers died in a row is given up, and named. Each worker reads the key from its own environment,
    XPANDER_API_KEY. Rows without an id get one from their content, that of their block, and how many equal ones came
    before in it. Ray does not say which block one is: where two are equal as a whole, the second one's rows count as
    failed, for they have the ids of the first.

    Args:
        dataset: A dataset of Ray Data, whose columns are the arguments of `report_external_task`, and `time`.
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        columns: By key of a report, the column that holds it, as for `Backend.report_many`.
        rate: Reports a second at most, of all workers together; or a text such as "90/minute".
        concurrency: How many reports of a block are on their way at the same time, up to 100.
        senders: How many actors send; by default as many as the cluster has CPUs. They take none from other work.
        batch_id: What ids of rows without one are made from, besides; by default a new one each time.

    Raises:
        BatchError: It stopped before its end, for a wrong key or a platform that is away; `result` has the counts.
        ConfigurationError: The agent is missing, or a key or the rate is none; nothing was sent.
        IntegrationError: Ray is missing or too old, or `dataset` is not one.

    Example:
        >>> report_dataset(ray.data.read_parquet("runs/"), columns={"input": "question"}, rate="90/minute")
    """
    ray: Any = require("ray", distribution="ray", oldest=_OLDEST, integration=_INTEGRATION)
    data: Any = require("ray.data", distribution="ray", oldest=_OLDEST, integration=_INTEGRATION)
    if not isinstance(dataset, data.Dataset):
        raise IntegrationError(f"dataset must be a dataset of Ray Data, not {type(dataset).__name__}")
    source: Any = dataset
    at_once = senders or max(1, int(ray.cluster_resources().get("CPU", 1)))
    sender = make_sender(
        backend,
        columns=columns,
        known=source.columns(fetch_if_missing=False),
        rate=rate,
        senders=at_once,
        concurrency=concurrency,
        batch_id=batch_id,
    )
    # It needs no CPU, so that senders, which only wait, leave all of them to what reads the data.
    deaths = ray.remote(num_cpus=0)(Deaths).remote()
    outcomes = source.map_batches(
        _Sender,
        fn_constructor_args=(sender, deaths),
        batch_format="pyarrow",  # in numpy's form a null becomes another row's value
        batch_size=None,
        zero_copy_batch=True,
        compute=data.ActorPoolStrategy(size=at_once),
        num_cpus=0,
    )
    tally = Tally()
    try:
        known: set[str] = set()
        for row in outcomes.iter_rows():
            block: str | None = row["block"]
            if block is not None and block in known:
                tally.add_equal(f"block {block[:8]}", row["outcomes"])
                continue
            known.update([block] if block is not None else [])
            for outcome in row["outcomes"]:
                tally.add(outcome)
            if tally.stopped is not None:
                break
    finally:
        ray.kill(deaths)
    return tally.result()


class Deaths:
    """Counts with which rows workers have died. An actor of its own, which outlives them."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, int, int]] = {}
        self._deaths: dict[str, list[tuple[int, int]]] = {}

    def begin(self, worker: str, block: str) -> list[tuple[int, int]]:
        """Note that a worker begins a block, and return with which rows of it, from and to, one has died.

        Ray begins a worker that died again under its id: what it had begun and not ended is what it died with. Another
        worker may have an equal block at the same time.
        """
        if (died_with := self._begun.pop(worker, None)) is not None:
            self._deaths.setdefault(died_with[0], []).append(died_with[1:])
        return self._deaths.get(block, [])

    def send(self, worker: str, block: str, start: int, end: int) -> None:
        """Note that some rows of a block are sent now."""
        self._begun[worker] = (block, start, end)

    def end(self, worker: str) -> None:
        """Note that a worker is done with its block."""
        self._begun.pop(worker, None)


class _Sender:
    """What an actor of the pool does with each block."""

    def __init__(self, sender: PartitionSender, deaths: Any) -> None:
        self._sender = sender
        self._deaths = deaths

    def __call__(self, table: Any) -> Any:
        arrow: Any = importlib.import_module("pyarrow")
        block = _digest(table)
        has_ids = "id" in self._sender.columns or "id" in table.column_names
        row = {"block": None if has_ids else block, "outcomes": self._outcomes(table, block)}
        schema = arrow.schema([("block", arrow.string()), ("outcomes", arrow.list_(arrow.string()))])
        return arrow.Table.from_pylist([row], schema=schema)

    def _outcomes(self, table: Any, block: str) -> list[str]:
        ray: Any = importlib.import_module("ray")
        worker: str = ray.get_runtime_context().get_actor_id()
        deaths: list[tuple[int, int]] = ray.get(self._deaths.begin.remote(worker, block))
        try:
            outcomes = self._sender.send_pieces(
                table,
                f"block {block[:8]}",
                block,
                deaths=deaths,
                begin=lambda start, end: ray.get(self._deaths.send.remote(worker, block, start, end)),
                take=lambda start, end: table.slice(start, end - start),
            )
            return list(outcomes)
        finally:
            ray.get(self._deaths.end.remote(worker))


def _digest(table: Any) -> str:
    """Return what tells a block from others, the same however often it is sent."""
    found = hashlib.blake2b(digest_size=16)

    class Sink(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            found.update(data)
            return len(data)

    stream: Any = importlib.import_module("pyarrow.ipc").new_stream(Sink(), table.schema)
    with stream as writer:
        writer.write_table(table.combine_chunks())
    return found.hexdigest()
