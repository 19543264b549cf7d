"""Options of a batch, checked before anything is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from xpander_facade import _validation
from xpander_facade.batches._batch import BatchOptions
from xpander_facade.batches._pacing import read_rate
from xpander_facade.batches._records import check_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpander_facade.batches._result import BatchProgress, FailedRecord
    from xpander_facade.configuration._configuration import Configuration

MAX_CONCURRENCY = 100
"""So many connections a process has to a platform."""


class Table(Protocol):
    """A data frame, or any other table that Arrow can read: of pandas, polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Return the table as a stream of Arrow's C interface."""
        ...


def make_options(
    configuration: Configuration,
    *,
    concurrency: int,
    on_error: str,
    rate: float | str | None,
    checkpoint: str | os.PathLike[str] | None,
    batch_id: str | None,
    columns: Mapping[str, str] | None,
    progress: Callable[[BatchProgress], object] | None,
    on_failed: Callable[[FailedRecord], object] | None,
    dry_run: bool,
) -> BatchOptions:
    """Check how a batch is to be sent.

    Raises:
        ConfigurationError: A key or the rate is none.
        TypeError: An argument has another type.
        ValueError: `concurrency` or `on_error` is out of range.
    """
    at_once = _validation.whole_number("concurrency", concurrency, error=ValueError)
    if not 1 <= at_once <= MAX_CONCURRENCY:
        raise ValueError(f"concurrency must be between 1 and {MAX_CONCURRENCY}, not {at_once}")
    if on_error not in {"collect", "raise"}:
        raise ValueError(f'on_error must be "collect" or "raise", not {on_error!r}')
    if checkpoint is not None and not isinstance(checkpoint, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, not {type(checkpoint).__name__}")
    for name, function in (("progress", progress), ("on_failed", on_failed)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be a function, not {type(function).__name__}")
    return BatchOptions(
        configuration=configuration,
        concurrency=at_once,
        raises=on_error == "raise",
        rate=read_rate(rate),
        checkpoint=None if checkpoint is None else os.fspath(checkpoint),
        batch_id=None if batch_id is None else _validation.check_id("batch_id", batch_id),
        columns=check_keys(columns),
        progress=progress,
        on_failed=on_failed,
        dry_run=_validation.check_flag("dry_run", dry_run),
    )
