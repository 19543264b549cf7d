"""The page on reliability, held against the tests that it names, and its numbers against the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from xpander_facade import Configuration
from xpander_facade._client import retry
from xpander_facade._transport import pool, routing

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", PAGE.partition("## What is tried")[0], re.MULTILINE)[2:]


def names_in(file: str) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`(tests/[\w/]+\.py)::", PAGE))))
def test_every_test_that_is_named_exists(file: str):
    named = set(re.findall(rf"`{re.escape(file)}::(\w+)`", PAGE))
    assert named
    assert named - names_in(file) == set()


def test_every_fault_of_the_table_is_proven_by_a_test():
    assert len(TABLE) > 30
    for fault, seen, proof in TABLE:
        assert seen
        assert re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`(, `tests/[\w/]+\.py::test_\w+`)*", proof), fault


def test_nothing_that_looks_like_a_test_is_written_in_another_way():
    assert len(re.findall(r"\btest_\w+\b(?!\.py)", PAGE)) == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE))


def test_the_numbers_of_the_page_are_those_of_the_code():
    bucket, given = retry.RetryTokenBucket, Configuration()
    for text in (
        f"**`max_retries`** ({given.max_retries})",
        f"**`timeout`** ({given.timeout:g} s)",
        f"**`deadline`** ({given.deadline:g} s)",
        f"nothing and {retry.BASE_WAIT} s before the first",
        f"up to {retry.MAX_WAIT:g} s",
        f"beyond {retry.MAX_RETRY_AFTER:g} s is not waited",
        f"Connecting has {routing.CONNECT_TIMEOUT:g} s",
        f"a bucket of {bucket.CAPACITY} tokens, a retry takes {bucket.COST} of them",
        f"gives {bucket.REFUND} back",
        f"after {bucket.CAPACITY // bucket.COST} retries",
        f"at most {pool.MAX_CONNECTIONS} to one platform",
        f"after {pool.MAX_IDLE:g} s of rest",
        f"({given.max_response_bytes // 1_000_000} MB)",
    ):
        assert text in re.sub(r"\s+", " ", PAGE), text


def test_the_statuses_of_the_page_are_those_that_pass():
    listed = re.search(r"^\| (408.*?) \|", PAGE, re.MULTILINE)
    assert listed is not None
    statuses = {429}
    for first, last in re.findall(r"(\d{3})(?: to (\d{3}))?", listed[1]):
        statuses |= set(range(int(first), int(last or first) + 1))
    assert statuses == retry.TRANSIENT_STATUSES
