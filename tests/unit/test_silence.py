"""The line that names tests which take their time."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

import pytest
from silence import SilenceWatch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lines() -> Iterator[tuple[SilenceWatch, Iterator[str]]]:
    """Give a watch, and the lines that it writes."""
    reader, writer = os.pipe()
    watch = SilenceWatch(writer, interval=0.05)
    with os.fdopen(reader, encoding="utf-8") as file:
        yield watch, (line.strip() for line in file if line.strip())
        with contextlib.suppress(OSError):
            os.close(writer)


def test_tests_that_go_on_are_named_until_they_end(lines: tuple[SilenceWatch, Iterator[str]]):
    watch, written = lines
    watch.pytest_sessionstart()
    assert next(written) == "still at collecting the tests"
    watch.pytest_runtest_logstart("a.py::test_long")
    watch.pytest_runtest_logstart("a.py::test_short")
    assert any(re.search(r"test_long \(\d+ s\); a\.py::test_short \(\d+ s\)$", line) for line in written)
    watch.pytest_runtest_logfinish("a.py::test_short")
    assert any(re.fullmatch(r"still at a\.py::test_long \(\d+ s\)", line) for line in written)
    watch.pytest_runtest_logfinish("a.py::test_long")
    assert any(line == "still at cleaning up" for line in written)
    watch.pytest_unconfigure()
    assert all("a.py" not in line for line in written)


def test_nothing_is_written_while_tests_end(lines: tuple[SilenceWatch, Iterator[str]]):
    watch, written = lines
    watch._interval = 60.0
    watch.pytest_sessionstart()
    watch.pytest_runtest_logstart("a.py::test_one")
    watch.pytest_runtest_logfinish("a.py::test_one")
    watch.pytest_unconfigure()
    assert list(written) == []
