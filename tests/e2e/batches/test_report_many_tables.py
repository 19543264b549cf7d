"""Parquet files and tables: rows become runs, values JSON, and what has no form in JSON is named."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet
import pytest

from xpander_facade import Backend, BatchError

if TYPE_CHECKING:
    from pathlib import Path

    from calling import Caller

    from xpander_facade.emulator import Emulator

WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
TABLE = pyarrow.table(
    {
        "run": ["a", "b", "c"],
        "question": pyarrow.array(["one", None, "three"]).dictionary_encode(),
        "result": ["r", None, "t"],
        "is_success": [True, None, False],
        "duration": pyarrow.array([1.5, None, 2.5], pyarrow.float64()),
        "used_tools": [["x", "y"], None, []],
        "tokens": [
            {"prompt_tokens": 2**40, "completion_tokens": None},
            None,
            {"prompt_tokens": 1, "completion_tokens": 2},
        ],
        "time": pyarrow.array([WHEN, None, WHEN], pyarrow.timestamp("us", "UTC")),
        "llm_response.cost": pyarrow.array([Decimal("1.10"), None, None], pyarrow.decimal128(10, 2)),
        "llm_response.seen": pyarrow.array([[("k", 1)], None, None], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        "other": [b"1", b"2", b"3"],
    }
)
COLUMNS = {"id": "run", "input": "question"}


@pytest.mark.parametrize("kind", ["parquet", "table", "reader"])
def test_each_row_is_a_run_with_what_its_columns_hold(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path, kind: str
):
    records: Any = TABLE
    if kind == "parquet":
        records = tmp_path / "runs.parquet"
        pyarrow.parquet.write_table(TABLE, records, row_group_size=2)
    elif kind == "reader":
        records = TABLE.to_reader(max_chunksize=2)
    result = call(backend, "report_many", records, columns=COLUMNS)
    assert (result.sent, result.failed) == (3, [])
    a, b, c = (emulator.task(id) for id in "abc")
    assert [task["input"]["text"] for task in (a, c)] == ["one", "three"]
    assert [task["status"] for task in (a, b, c)] == ["completed", "completed", "failed"]
    assert (a["duration"], a["used_tools"], a["tokens"]["prompt_tokens"]) == (1.5, ["x", "y"], 2**40)
    assert emulator.llm_response("a") == {
        "_run": {"metadata": {"time": "2026-01-02T03:04:05+00:00"}},
        "cost": "1.10",
        "seen": {"k": 1},
    }


def test_the_same_parquet_file_gives_the_same_ids(call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"input": ["a", "a", "b"] * 400}), path, row_group_size=100)
    for _ in range(2):
        assert call(backend, "report_many", path).sent == 1200
    assert len({request.body["id"] for request in emulator.requests()}) == 1200


def test_a_value_without_a_form_costs_its_row_and_is_named(call: Caller, backend: Backend, emulator: Emulator):
    late = pyarrow.array([0, 2**60, 0], pyarrow.timestamp("us", "UTC"))
    table = pyarrow.table(
        {"id": ["a", "b", "c"], "time": late, "llm_response": pyarrow.array([None, None, b"secret"], pyarrow.binary())}
    )
    failed = call(backend, "report_many", table).failed
    assert [one.location for one in failed] == ["row 2", "row 3"]
    assert str(failed[0].error).startswith("time holds a value of timestamp[us, tz=UTC] that can't be read")
    assert str(failed[1].error) == "llm_response holds a bytes, which has no form in JSON: write it as text"


def test_a_table_that_can_not_be_used_is_refused_before_anything_is_sent(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    with pytest.raises(BatchError, match="no column 'questions', which is mapped to input"):
        call(backend, "report_many", TABLE, columns={"input": "questions"})
    twice = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["id", "id"])
    with pytest.raises(BatchError, match="column 'id' twice"):
        call(backend, "report_many", twice)
    broken = tmp_path / "runs.parquet"
    broken.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BatchError, match=r"runs\.parquet is not a Parquet file"):
        call(backend, "report_many", broken)
    assert emulator.requests() == []
