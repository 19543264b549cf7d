"""Report rows by the executors of a real Spark, one of whose workers is killed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import SparkSession
from rows import COLUMNS, backend, check_cost_of_a_death, killer_of_one, row

from xpander_facade import BatchError, ConfigurationError
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations.spark import report_dataframe, report_rdd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from counting import Platform

SCHEMA = "key string, question string, answer string, seconds double, used long"


@pytest.fixture(scope="module")
def spark(_workers: None) -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.XPANDER_API_KEY", "key-1")
        .config("spark.executorEnv.XPANDER_ALLOW_INSECURE_HTTP", "1")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    yield spark
    spark.stop()


def rows(spark: SparkSession, count: int, partitions: int) -> Any:
    return spark.sparkContext.parallelize(range(count), partitions).map(row)


def frame(spark: SparkSession, count: int, partitions: int) -> Any:
    tuples = spark.sparkContext.parallelize(range(count), partitions).map(lambda number: tuple(row(number).values()))
    return spark.createDataFrame(tuples, SCHEMA)


@pytest.mark.parametrize("form", ["data frame", "RDD"])
@pytest.mark.parametrize(
    ("count", "partitions"),
    [(3_000, 6), pytest.param(100_000, 20, marks=[pytest.mark.full, pytest.mark.timeout(3_000)])],
)
def test_a_killed_worker_costs_no_row_and_few_requests(
    spark: SparkSession, platform: Platform, tmp_path: Path, count: int, partitions: int, form: str
):
    size = count // partitions
    killing = backend(platform.url, killer_of_one(platform, tmp_path, count, size))
    if form == "RDD":
        result = report_rdd(rows(spark, count, partitions), killing, columns=COLUMNS)
    else:
        result = report_dataframe(frame(spark, count, partitions), killing, columns=COLUMNS)
    assert (result.sent, result.failed_count, result.failed) == (count, 0, [])
    assert result.elapsed > 0.5
    print(f"spark, {form}: {check_cost_of_a_death(platform, tmp_path, count, size)}, {result.elapsed:.0f} s")


def test_types_arrive_as_they_are_and_a_bad_row_is_named(spark: SparkSession, platform: Platform):
    data = [("a", {"n": 2**53 + 1}, 1.0), ("b", {"n": None}, -1.0), ("c", None, 2.0)]
    told = spark.createDataFrame(data, "id string, llm_response map<string, long>, duration double").coalesce(1)
    result = report_dataframe(told, backend(platform.url))
    assert (result.sent, result.failed_count) == (2, 1)
    assert str(result.failed[0]).startswith("partition 0, row 2: duration")
    assert platform.runs()["a"]["llm_response"] == {"n": 2**53 + 1}


def test_rows_of_an_rdd_are_taken_as_mappings(spark: SparkSession, platform: Platform):
    told = spark.createDataFrame([("a", "x")], "id string, input string").rdd
    assert report_rdd(told, backend(platform.url)).sent == 1
    assert platform.runs()["a"]["input"] == "x"


def test_equal_rows_are_runs_of_their_own_and_the_same_again(spark: SparkSession, platform: Platform):
    for _ in range(2):
        told = spark.sparkContext.parallelize([{"input": "same"}] * 10, 3)
        assert report_rdd(told, backend(platform.url), batch_id="batch-1").sent == 10
    assert (platform.requests(), len(platform.runs())) == (20, 10)


def test_a_wrong_key_stops_all(spark: SparkSession, platform: Platform):
    platform.refuse(401, after=100)
    with pytest.raises(BatchError, match=r"partition .*401") as caught:
        report_rdd(rows(spark, 2_000, 20), backend(platform.url), columns=COLUMNS)
    assert caught.value.result is not None
    assert caught.value.result.sent == 100
    assert platform.requests() < 300


def test_what_makes_no_sense_is_an_error_before_anything_is_sent(spark: SparkSession, platform: Platform):
    with pytest.raises(BatchError, match="no column 'qestion', which is mapped to input"):
        report_dataframe(frame(spark, 3, 1), backend(platform.url), columns={"input": "qestion"})
    with pytest.raises(ConfigurationError, match="is not a rate"):
        report_rdd(rows(spark, 3, 1), backend(platform.url), columns=COLUMNS, rate="fast")
    with pytest.raises(IntegrationError, match="must be a data frame of Spark"):
        report_dataframe([{"id": "a"}])
    with pytest.raises(IntegrationError, match="must be an RDD of Spark"):
        report_rdd([{"id": "a"}])
    assert platform.requests() == 0
