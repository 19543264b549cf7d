"""Report rows by the workers of a real Dask cluster, one of which is killed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dask
import dask.bag
import dask.dataframe
import pytest
from distributed import Client, LocalCluster
from rows import COLUMNS, Killer, arrived, backend, expected, row

from xpander_facade import BatchError, ConfigurationError, RecordError
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations.dask import report_bag, report_dataframe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from counting import Platform


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 3}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def bag(count: int, partitions: int) -> Any:
    return dask.bag.from_sequence(range(count), npartitions=partitions).map(row)


def check(platform: Platform, count: int) -> None:
    runs = platform.runs()
    assert runs.keys() == {f"run-{number}" for number in range(count)}
    assert [number for number in range(count) if arrived(runs[f"run-{number}"]) != expected(number)] == []


@pytest.mark.parametrize(("count", "partitions"), [(3_000, 6), pytest.param(100_000, 20, marks=pytest.mark.full)])
def test_a_killed_worker_costs_no_row_and_few_requests(
    client: Client, platform: Platform, tmp_path: Path, count: int, partitions: int
):
    size = count // partitions
    fatal = row((partitions // 2) * size + size * 3 // 5)  # a half of the rows are done, and most of its partition's
    killer = Killer(fatal["question"], str(tmp_path / "killed"))
    result = report_bag(bag(count, partitions), backend(platform.url, killer), columns=COLUMNS)
    assert (result.sent, result.failed_count, result.failed) == (count, 0, [])
    assert (tmp_path / "killed").exists()
    check(platform, count)
    requests = platform.requests()
    print(f"dask: {count:,} rows, {requests:,} requests, {result.elapsed:.0f} s")
    assert count + size // 2 <= requests <= 1.5 * count


def test_a_bad_row_costs_only_itself_and_is_named(client: Client, platform: Platform):
    rows = [row(number) for number in range(100)]
    rows[17]["seconds"] = "long"
    rows[83] = "no mapping"
    result = report_bag(
        dask.bag.from_sequence(rows, npartitions=4), backend(platform.url), columns=COLUMNS, rate="2000/second"
    )
    assert (result.sent, result.failed_count) == (98, 2)
    assert sorted(map(str, result.failed)) == [
        "partition 0, row 18: duration must be a number of seconds, not str",
        "partition 3, row 9: a record must be a mapping, not str",
    ]
    assert {type(failed.error) for failed in result.failed} == {RecordError}


def test_a_data_frame_is_sent_once_and_nothing_is_made_up(client: Client, platform: Platform):
    frame = dask.dataframe.from_dict(
        {"id": ["a", "b", "c"], "input": ["x", "y", "z"], "duration": [1.0, 2.0, 3.0]}, npartitions=2
    )
    result = report_dataframe(frame, backend(platform.url))
    assert result.sent == 3
    assert platform.requests() == 3
    assert {id: run["input"] for id, run in platform.runs().items()} == {"a": "x", "b": "y", "c": "z"}


def test_equal_rows_are_runs_of_their_own_and_the_same_again(client: Client, platform: Platform):
    rows = [{"input": "same"}] * 10
    for _ in range(2):
        result = report_bag(
            dask.bag.from_sequence(rows, npartitions=3), backend(platform.url), batch_id="batch-1", concurrency=4
        )
        assert result.sent == 10
    assert (platform.requests(), len(platform.runs())) == (20, 10)


def test_all_workers_together_keep_the_rate(client: Client, platform: Platform):
    began = time.monotonic()
    report_bag(bag(40, 8), backend(platform.url), columns=COLUMNS, rate="20/second")
    assert time.monotonic() - began >= 1.9


def test_a_wrong_key_stops_all(client: Client, platform: Platform):
    platform.refuse(401, after=100)
    with pytest.raises(BatchError, match=r"partition .*401") as caught:
        report_bag(bag(3_000, 30), backend(platform.url), columns=COLUMNS)
    assert caught.value.result is not None
    assert caught.value.result.sent == 100
    assert platform.requests() < 200


def test_a_row_that_kills_each_worker_is_given_up_with_its_partition(client: Client, platform: Platform):
    killer = Killer(row(150)["question"], None)
    result = report_bag(bag(400, 4), backend(platform.url, killer), columns=COLUMNS)
    assert (result.sent, result.failed_count) == (300, 1)
    assert str(result.failed[0]).startswith("partition 1: each worker that had it died, Dask gave it up")


def test_what_makes_no_sense_is_an_error_before_anything_is_sent(client: Client, platform: Platform):
    frame = dask.dataframe.from_dict({"question": ["x"]}, npartitions=1)
    with pytest.raises(BatchError, match="no column 'qestion', which is mapped to input: it has 'question'"):
        report_dataframe(frame, backend(platform.url), columns={"input": "qestion"})
    with pytest.raises(ConfigurationError, match="is not a rate"):
        report_bag(bag(3, 1), backend(platform.url), columns=COLUMNS, rate="fast")
    with pytest.raises(IntegrationError, match="must be a bag of Dask"):
        report_bag([{"id": "a"}])
    with pytest.raises(IntegrationError, match="must be a data frame of Dask"):
        report_dataframe([{"id": "a"}])
    with pytest.raises(IntegrationError, match="must be a Backend"):
        report_bag(bag(3, 1), object())
    assert platform.requests() == 0


def test_an_error_of_the_users_own_graph_comes_out(client: Client, platform: Platform):
    def fail(number: int) -> dict[str, Any]:
        raise KeyError(number)

    with pytest.raises(KeyError):
        report_bag(dask.bag.from_sequence(range(3)).map(fail), backend(platform.url), columns=COLUMNS)
