"""Sources of records: iterables, files of lines, tables. An entry is a record, or why it can't be read."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from xpander_facade.batches._result import BatchError, RecordError
from xpander_facade.batches._source import Entry, Source, check_columns

JSON_LINES = frozenset({".jsonl", ".ndjson"})
CSV = {".csv": "excel", ".tsv": "excel-tab"}
PARQUET = frozenset({".parquet", ".pq"})
MAX_LINE_BYTES = 100_000_000
SAMPLE = 100
"""In so many records at the beginning of a file a mapped column must be found."""


def open_source(records: object, columns: Mapping[str, str]) -> Source:
    """Return where records come from.

    Args:
        records: An iterable or async iterable of mappings, a path, or a table.
        columns: By the key of a report the column that holds it.

    Raises:
        BatchError: A file can't be read, or lacks a column.
        TypeError: It is none of these.
    """
    if isinstance(records, str | os.PathLike):
        return _file_source(Path(os.fspath(cast("str", records))), columns)
    if any(hasattr(records, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "to_batches")):
        from xpander_facade.batches._arrow import table_source

        return table_source(records, columns)
    if isinstance(records, AsyncIterable):
        return Source("record", lambda: _anumbered(cast("AsyncIterable[object]", records)), is_async=True)
    if isinstance(records, Mapping | bytes | bytearray) or not isinstance(records, Iterable):
        raise TypeError(
            "records must be an iterable of mappings, a path or a table, not "
            f"{_type_name(cast('object', records))}: pass a list of dicts whose keys are the arguments of "
            "report_external_task"
        )
    values = cast("Iterable[object]", records)
    total = len(values) if isinstance(values, Sized) else None
    return Source("record", lambda: enumerate(values, 1), total)


async def _anumbered(records: AsyncIterable[object]) -> AsyncIterator[Entry]:
    position = 0
    async for record in records:
        position += 1
        yield position, record


def _file_source(path: Path, columns: Mapping[str, str]) -> Source:
    suffix = path.suffix.lower()
    try:
        if not path.is_file():
            path.open("rb").close()  # raises what is wrong
            raise BatchError(f"{path} is not a regular file: pass an iterable of records instead")
        batch_id = str(path.resolve())
        if suffix in PARQUET:
            from xpander_facade.batches._arrow import parquet_source

            return parquet_source(path, columns, batch_id)
        if suffix in JSON_LINES:
            source = Source(
                f"{path.name}, line",
                lambda: _json_lines(path),
                _count_lines(path),
                batch_id,
                is_strict=True,
                is_blocking=True,
            )
        elif suffix in CSV:
            total = max(0, _count_lines(path) - 1)
            source = Source(
                f"{path.name}, line",
                lambda: _rows(path, CSV[suffix]),
                total,
                batch_id,
                is_text=True,
                is_strict=True,
                is_blocking=True,
            )
        else:
            raise BatchError(f"{path} has none of the endings .jsonl, .ndjson, .csv, .tsv, .parquet: rename it")
        check_columns(path.name, _known_columns(source, columns), columns)
    except OSError as error:
        raise BatchError(f"{path} can't be read: {error.strerror or error}") from error
    return source


def _known_columns(source: Source, columns: Mapping[str, str]) -> set[str] | None:
    """Return the columns of the first records of a file; None where there are none.

    Raises:
        BatchError: The head of a CSV file can't be read.
    """
    if not columns and not source.is_text:
        return None
    found: set[str] = set()
    count = 0
    for _, record in cast("Iterator[Entry]", source.entries()):
        if isinstance(record, Mapping):
            found.update(cast("Mapping[str, Any]", record))
        count += 1
        if count == SAMPLE:
            break
    return found if count else None


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _json_lines(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        number = 0
        while chunk := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(chunk) == MAX_LINE_BYTES and not chunk.endswith(b"\n"):
                # The rest of the line is passed over in pieces, without being kept.
                while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                    pass
                yield number, RecordError(f"the line has more than {MAX_LINE_BYTES:,} bytes")
                continue
            if number == 1:
                chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            if chunk.strip():
                yield number, _json_record(chunk)


def _json_record(chunk: bytes) -> Any:
    try:
        return _decoder.decode(chunk.decode("utf-8"))
    except UnicodeDecodeError:
        return RecordError("the line is not UTF-8: write the file as UTF-8")
    except json.JSONDecodeError as error:
        return RecordError(f"the line is not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError) as error:
        return RecordError(f"the line is not JSON: {error}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of JSON: write null")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Python would keep the last of two, and nobody would hear of the first.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


_decoder = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)


def _rows(path: Path, dialect: str) -> Iterator[Entry]:
    """Give the rows of a CSV file: mappings of the head's names; a row's position is the line in which it begins."""
    # What is not UTF-8 costs its own row only.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(_lines(file), dialect, strict=True)
        head = _head(path, reader)
        if head is None:
            return
        while True:
            position = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield position, RecordError(f"the row is not CSV: {error}")
                continue
            if row:
                yield position, _row_record(head, row)


def _lines(file: IO[str]) -> Iterator[str]:
    """Give the lines of a file, so that a row that can't be read does not end them."""
    yield from file


def _head(path: Path, reader: Iterator[list[str]]) -> list[str] | None:
    try:
        head = next(reader, None)
    except csv.Error as error:
        raise BatchError(f"the first line of {path} is not CSV: {error}") from error
    if head is not None:
        for name in head:
            if head.count(name) > 1:
                raise BatchError(f"{path} has the column {name!r} twice: rename one of them")
    return head


def _row_record(head: list[str], row: list[str]) -> Mapping[str, str] | RecordError:
    if len(row) != len(head):
        return RecordError(f"the row has {len(row)} fields, and the first line names {len(head)} columns")
    for name, field in zip(head, row, strict=True):
        if not field.isascii() and any("\udc80" <= character <= "\udcff" for character in field):
            return RecordError(f"{name} is not UTF-8: write the file as UTF-8")
    return dict(zip(head, row, strict=True))


def _type_name(value: Any) -> str:
    return type(value).__name__
