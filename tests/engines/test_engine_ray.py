"""Report rows by the actors of a real Ray cluster of two nodes, one of which is killed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow
import pytest
import ray
import ray.data
from ray.cluster_utils import Cluster
from rows import COLUMNS, backend, check, check_cost_of_a_death, deaths, killer, killer_of_one, row

from xpander_facade import BatchError, ConfigurationError
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations.ray import report_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from counting import Platform


@pytest.fixture(scope="module", autouse=True)
def cluster(_workers: None) -> Iterator[None]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    paths = {"PYTHONPATH": os.environ["PYTHONPATH"]}
    ray.init(address=cluster.address, runtime_env={"env_vars": paths}, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()
    cluster.shutdown()


def dataset(count: int, blocks: int) -> Any:
    return ray.data.range(count, override_num_blocks=blocks).map_batches(
        lambda batch: pyarrow.Table.from_pylist([row(int(number)) for number in batch["id"]])
    )


@pytest.mark.parametrize(
    ("count", "blocks"), [(3_000, 6), pytest.param(100_000, 20, marks=[pytest.mark.full, pytest.mark.timeout(3_000)])]
)
def test_a_killed_worker_costs_no_row_and_few_requests(platform: Platform, tmp_path: Path, count: int, blocks: int):
    size = count // blocks
    result = report_dataset(
        dataset(count, blocks), backend(platform.url, killer_of_one(platform, tmp_path, count, size)), columns=COLUMNS
    )
    assert (result.sent, result.failed_count, result.failed) == (count, 0, [])
    print(f"ray: {check_cost_of_a_death(platform, tmp_path, count, size)}, {result.elapsed:.0f} s")


@pytest.mark.parametrize("blocks", [2, 8])
def test_rows_that_kill_each_worker_are_given_up_after_three_deaths_and_named(
    platform: Platform, tmp_path: Path, blocks: int
):
    result = report_dataset(
        dataset(400, blocks),
        backend(platform.url, killer(platform, tmp_path, 150, 170)),
        columns=COLUMNS,
        concurrency=4,
    )
    assert (result.sent, result.failed_count) == (398, 2)
    first = 151 % (400 // blocks)
    named = sorted(str(failed).split(", ", 1)[1] for failed in result.failed)
    assert named == sorted(
        f"row {number}: 3 workers died with it, and it is given up: look at its value and at the workers' memory"
        for number in (first, first + 20)
    )
    check(platform, [number for number in range(400) if number not in (150, 170)])
    # The second row shares the deaths with all of the block, and with all of a piece of it.
    assert len(deaths(tmp_path)) == {2: 4, 8: 5}[blocks]


def test_types_arrive_as_they_are_and_a_bad_one_is_named(platform: Platform):
    table = pyarrow.table({
        "id": ["a", "b", "c"],
        "input": pyarrow.array(["x", None, "x"]).dictionary_encode(),
        "llm_response": [{"n": 2**53 + 1}, {"n": None}, {"n": 1}],
        "duration": [1.0, 2.0, -1.0],
    })  # fmt: skip
    result = report_dataset(ray.data.from_arrow(table), backend(platform.url))
    assert (result.sent, result.failed_count) == (2, 1)
    assert "row 3: duration" in str(result.failed[0])
    runs = platform.runs()
    assert (runs["a"]["llm_response"], runs["b"]["llm_response"]) == ({"n": 2**53 + 1}, {"n": None})
    assert (runs["a"]["input"], "input" in runs["b"]) == ("x", False)


def test_equal_rows_are_runs_of_their_own_and_the_same_again(platform: Platform):
    rows = [{"input": "same" if number % 2 else f"other {number}"} for number in range(20)]
    for _ in range(2):
        told = ray.data.from_items(rows, override_num_blocks=2)
        assert report_dataset(told, backend(platform.url), batch_id="batch-1").sent == 20
    assert (platform.requests(), len(platform.runs())) == (40, 20)


def test_equal_blocks_are_not_taken_for_one_without_a_word(platform: Platform):
    told = ray.data.from_items([{"input": "same"}] * 3, override_num_blocks=3)
    result = report_dataset(told, backend(platform.url))
    assert (result.sent, result.failed_count, len(platform.runs())) == (1, 2, 1)
    assert "is equal to another one as a whole, whose ids its 1 rows got: map id" in str(result.failed[0].error)


def test_a_wrong_key_stops_all(platform: Platform):
    platform.refuse(401, after=100)
    with pytest.raises(BatchError, match=r"block .*401") as caught:
        report_dataset(dataset(2_000, 20), backend(platform.url), columns=COLUMNS)
    assert caught.value.result is not None
    assert platform.requests() < 300


def test_what_makes_no_sense_is_an_error_before_anything_is_sent(platform: Platform):
    with pytest.raises(BatchError, match="no column 'qestion', which is mapped to input"):
        report_dataset(dataset(3, 1), backend(platform.url), columns={"input": "qestion"})
    with pytest.raises(ConfigurationError, match="is not a rate"):
        report_dataset(dataset(3, 1), backend(platform.url), columns=COLUMNS, rate="fast")
    with pytest.raises(IntegrationError, match="must be a dataset of Ray Data"):
        report_dataset([{"id": "a"}])
    assert platform.requests() == 0
