"""Partitions of engines: which rows are sent again after a worker has died, and which one is given up."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from xpander_facade import Configuration
from xpander_facade.integrations._partitions import MAX_DEATHS, PIECE, PartitionSender, Tally, pieces
from xpander_facade.integrations.ray import Deaths


class Died(BaseException):
    """What stands for the death of a process."""


@attrs.frozen
class MortalSender(PartitionSender):
    """A sender whose process dies of some rows."""

    deadly: frozenset[int] = frozenset()

    def send(self, records: Any, name: str, key: str, *, seen: object = None, offset: int = 0) -> str:
        if self.deadly.intersection(records):
            raise Died
        return json.dumps({"sent": len(records), "failed_count": 0, "failed": [], "stopped": None})


def send_until_done(rows: int, *deadly: int) -> tuple[Tally, list[tuple[int, int]]]:
    """Return the sum of the attempt that comes to the end, and with which rows the ones before died."""
    sender = MortalSender(Configuration(api_key="key"), {}, 1, None, "batch", "run", frozenset(deadly))
    deaths: list[tuple[int, int]] = []
    begun: list[tuple[int, int]] = []
    for _ in range(100):
        try:
            outcomes = list(
                sender.send_pieces(
                    range(rows), "partition 0", "0", deaths=deaths, begin=lambda *some: begun.append(some)
                )
            )
        except Died:
            deaths.append(begun[-1])
            continue
        tally = Tally()
        for outcome in outcomes:
            tally.add(outcome)
        return tally, deaths
    raise AssertionError("it had no end")


def test_a_partition_is_sent_at_once_until_a_worker_dies_with_it():
    assert list(pieces(250, [])) == [(0, 250)]
    assert list(pieces(250, [(0, 250)])) == [(0, 100), (100, 200), (200, 250)]
    assert list(pieces(250, [(0, 250), (200, 250)])) == [
        (0, 100),
        (100, 200),
        *((row, row + 1) for row in range(200, 250)),
    ]


@pytest.mark.parametrize("rows", [1, 2, PIECE - 1, PIECE, PIECE + 1, 1_000])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_row_that_kills_its_worker_is_given_up_after_three_deaths_and_named(rows: int, where: str):
    row = {"first": 0, "middle": rows // 2, "last": rows - 1}[where]
    tally, deaths = send_until_done(rows, row)
    result = tally.result()
    assert (result.sent, result.failed_count) == (rows - 1, 1)
    assert str(result.failed[0]).startswith(f"partition 0, row {row + 1}: 3 workers died with it, and it is given up")
    assert len(deaths) == MAX_DEATHS


def test_several_such_rows_are_each_given_up():
    tally, deaths = send_until_done(1_000, 3, 4, 99, 100, 777)
    result = tally.result()
    assert (result.sent, result.failed_count) == (995, 5)
    assert [failed.position for failed in result.failed] == [4, 5, 100, 101, 778]
    assert len(deaths) <= MAX_DEATHS * 5


def test_a_death_counts_for_the_block_that_the_dead_worker_had():
    deaths = Deaths()
    assert deaths.begin("worker-1", "block-1") == []
    deaths.send("worker-1", "block-1", 0, 250)
    assert deaths.begin("worker-1", "block-2") == []
    deaths.end("worker-1")
    assert deaths.begin("worker-2", "block-1") == [(0, 250)]


def test_an_equal_block_of_another_worker_is_no_death():
    deaths = Deaths()
    for worker in ("worker-1", "worker-2", "worker-3"):
        assert deaths.begin(worker, "block-1") == []
        deaths.send(worker, "block-1", 0, 1)
    for worker in ("worker-1", "worker-2", "worker-3"):
        deaths.end(worker)
    assert deaths.begin("worker-1", "block-1") == []
