"""Tables of Arrow, data frames and Parquet files as sources of records. The only file that imports pyarrow, late."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.batches._result import BatchError, RecordError
from xpander_facade.batches._source import Source, check_columns
from xpander_facade.errors import IntegrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from xpander_facade.batches._source import Entry

ROWS = 500
"""So many rows are turned into Python's objects at a time."""
_INDEX = re.compile(r"__index_level_\d+__")
_REMEDY = "pip install 'xpander-facade[backfill]', or '.[backfill]' in the checkout"


def parquet_source(path: Path, columns: Mapping[str, str], batch_id: str) -> Source:
    """Return the rows of a Parquet file.

    Raises:
        BatchError: It can't be read, or lacks a column.
        IntegrationError: pyarrow is not installed.
    """
    parquet = _import("pyarrow.parquet")
    arrow_error: type[Exception] = _import("pyarrow").ArrowException
    # A row group is read column by column as it is needed, not at once.
    options = {"memory_map": False, "buffer_size": 1 << 20, "pre_buffer": False}
    try:
        with parquet.ParquetFile(path, **options) as file:
            _check_schema(path.name, file.schema_arrow, columns)
            total = int(file.metadata.num_rows)
    except (arrow_error, ValueError) as error:
        raise BatchError(f"{path} is not a Parquet file that can be read: {error}") from error

    def batches() -> Iterator[Any]:
        with parquet.ParquetFile(path, **options) as file:
            yield from file.iter_batches(batch_size=ROWS, use_threads=False)

    return Source(f"{path.name}, row", lambda: _entries(batches()), total, batch_id, is_strict=True, is_blocking=True)


def table_source(table: Any, columns: Mapping[str, str]) -> Source:
    """Return the rows of a data frame, or of anything else that Arrow can read.

    Raises:
        BatchError: It has no form in Arrow, or lacks a column.
        IntegrationError: pyarrow is not installed.
    """
    arrow = _import("pyarrow")
    total = None
    try:
        if hasattr(table, "to_batches"):  # a Table, RecordBatchReader or Dataset of pyarrow
            batches = cast("Iterable[Any]", table.to_batches())
        elif hasattr(table, "__arrow_c_stream__"):
            batches = cast("Iterable[Any]", arrow.RecordBatchReader.from_stream(table))
        else:
            batches = [arrow.record_batch(table)]
        schema = table.schema if isinstance(getattr(table, "schema", None), arrow.Schema) else None
        if schema is None:
            first = batches[0] if isinstance(batches, list) else batches
            schema = cast("Any", first).schema
    except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise BatchError(
            f"this {type(table).__name__} has no form in Arrow ({error}): give each column values of one type, or pass "
            "an iterable of mappings"
        ) from error
    _check_schema(f"this {type(table).__name__}", schema, columns)
    if hasattr(table, "__len__"):
        total = len(table)
    return Source("row", lambda: _entries(batches), total, is_strict=True, is_blocking=True)


def _check_schema(name: str, schema: Any, columns: Mapping[str, str]) -> None:
    names = cast("list[str]", schema.names)
    for column in names:
        if names.count(column) > 1:
            raise BatchError(f"{name} has the column {column!r} twice: rename one of them")
    check_columns(name, names, columns)


def _entries(batches: Iterable[Any]) -> Iterator[Entry]:
    position = 0
    for batch in batches:
        # The index of a data frame, which pandas stores as a column, was never one of the user's.
        kept = [name for name in batch.schema.names if not _INDEX.fullmatch(name)]
        chosen = batch.select(kept) if len(kept) < len(batch.schema.names) else batch
        for start in range(0, chosen.num_rows, ROWS):
            for record in _records(chosen.slice(start, ROWS)):
                position += 1
                yield position, record


def _records(batch: Any) -> Iterator[object]:
    try:
        yield from batch.to_pylist()
        return
    except Exception:  # one value without a form in Python, such as a time after the year 9999
        pass
    for row in range(batch.num_rows):
        record: dict[str, Any] = {}
        problem: RecordError | None = None
        for name in batch.schema.names:
            try:
                record[name] = batch.column(name)[row].as_py()
            except Exception as error:
                kind = batch.schema.field(name).type
                problem = problem or RecordError(f"{name} holds a value of {kind} that can't be read: {error}")
        yield problem or record


def _import(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise IntegrationError(f"tables, data frames and Parquet files need pyarrow ({error}): {_REMEDY}") from error
