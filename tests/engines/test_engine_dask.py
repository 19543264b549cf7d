"""Report rows by the workers of a real Dask cluster, one of which is killed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dask
import dask.bag
import dask.dataframe
import pytest
from distributed import Client, LocalCluster
from rows import COLUMNS, backend, check, check_cost_of_a_death, deaths, killer, killer_of_one, row

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
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def bag(count: int, partitions: int) -> Any:
    return dask.bag.from_sequence(range(count), npartitions=partitions).map(row)


@pytest.mark.parametrize(
    ("count", "partitions"),
    [(3_000, 6), pytest.param(100_000, 20, marks=[pytest.mark.full, pytest.mark.timeout(3_000)])],
)
def test_a_killed_worker_costs_no_row_and_few_requests(
    client: Client, platform: Platform, tmp_path: Path, count: int, partitions: int
):
    size = count // partitions
    result = report_bag(
        bag(count, partitions), backend(platform.url, killer_of_one(platform, tmp_path, count, size)), columns=COLUMNS
    )
    assert (result.sent, result.failed_count, result.failed) == (count, 0, [])
    print(f"dask: {check_cost_of_a_death(platform, tmp_path, count, size)}, {result.elapsed:.0f} s")


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


@pytest.mark.long
def test_rows_that_kill_each_worker_are_given_up_after_three_deaths_and_named(platform: Platform, tmp_path: Path):
    # Dask does not start a worker again that dies too early for its nanny: more of them than will die.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 3}),
        LocalCluster(n_workers=6, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        result = report_bag(
            bag(400, 2),
            backend(platform.url, killer(platform, tmp_path, 150, 170)),
            columns=COLUMNS,
            client=client,
        )
    assert (result.sent, result.failed_count) == (398, 2)
    assert sorted(map(str, result.failed)) == [
        f"partition 0, row {number}: 3 workers died with it, and it is given up: look at its value and at the "
        "workers' memory"
        for number in (151, 171)
    ]
    check(platform, [number for number in range(400) if number not in (150, 170)])
    assert len(deaths(tmp_path)) == 4  # the second row's first two deaths are those of the first


def test_a_cluster_without_workers_is_not_waited_for_without_end(platform: Platform):
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
        pytest.raises(BatchError, match=r"the cluster has had no worker for 1 s: start one; in all 0 were sent"),
    ):
        report_bag(bag(10, 2), backend(platform.url), columns=COLUMNS, client=client, worker_timeout=1)
    assert platform.requests() == 0


def test_a_cluster_that_goes_away_is_an_error(platform: Platform):
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):

        def close() -> None:
            while not cluster.scheduler.tasks:
                time.sleep(0.02)
            client.close()

        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        with pytest.raises(BatchError, match=r"the cluster is gone.*; in all 0 were sent"):
            report_bag(bag(10, 2), backend(platform.url), columns=COLUMNS, client=client)
        closing.join()


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
    with pytest.raises(ConfigurationError, match="worker_timeout must be seconds above 0, not 0"):
        report_bag(bag(3, 1), backend(platform.url), columns=COLUMNS, worker_timeout=0)
    with pytest.raises(IntegrationError, match="must be a Backend"):
        report_bag(bag(3, 1), object())
    assert platform.requests() == 0


def test_an_error_of_the_users_own_graph_comes_out(client: Client, platform: Platform):
    def fail(number: int) -> dict[str, Any]:
        raise KeyError(number)

    with pytest.raises(KeyError):
        report_bag(dask.bag.from_sequence(range(3)).map(fail), backend(platform.url), columns=COLUMNS)
