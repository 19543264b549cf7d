"""Reports that the platform has and that are compared with its record later: what the file does with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from xpander_facade import Configuration, OutboxSettings
from xpander_facade.outbox import Outbox, _inspection
from xpander_facade.outbox._ages import Ages
from xpander_facade.outbox._claims import Claim, Claims, Outcome, Result
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._store import CONFIRM_AFTER, CONFIRMING, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class File:
    """An outbox's file, in which one report was sent and is to be compared."""

    def __init__(self, path: Path) -> None:
        self.now = 1_000_000.0
        chosen = OutboxSettings(path, max_reports=2, when_full="drop_oldest", max_age=60)
        self.store = Store(Database(chosen.path), chosen, self.clock, lambda: 1.0)
        self.store.ages = Ages(self.clock)
        self.destination = self.store.destination("https://platform org-1")
        self.put("run-1", result="first")
        self.settle(self.claim(), Result.CONFIRMING)

    def clock(self) -> float:
        return self.now

    def put(self, id: str, **body: object) -> bool:
        return self.store.put(self.destination, id, "agent-1", json.dumps({"id": id, **body}).encode())

    def claim(self) -> Claim:
        (claim,) = Claims(self.store).claim(self.destination, 1, 10.0)
        return claim

    def settle(self, claim: Claim, result: Result, reason: str = "") -> None:
        Claims(self.store).settle([Outcome(claim, result, reason)])

    @property
    def rows(self) -> list[tuple[str, str, str | None]]:
        return [(one.id, one.state, one.reason) for one in _inspection.entries(self.store, None, 10)]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        status = _inspection.status(self.store)
        return status.waiting, status.sending, status.confirming, status.sent


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    made = File(tmp_path / "runs.db")
    yield made
    made.store.database.close()


def test_it_counts_as_sent_once_and_waits_for_its_time(file: File):
    assert file.counts == (0, 0, 1, 1)
    assert file.store.unsent_states(file.destination) == (False, False)
    assert Claims(file.store).claim(file.destination, 1, 10.0) == []
    file.now += 1.5 * CONFIRM_AFTER
    again = file.claim()
    assert again.is_sent
    assert file.counts == (0, 0, 1, 1)
    file.settle(again, Result.SENT)
    assert file.rows == []
    assert file.counts == (0, 0, 0, 1)


def test_a_flush_does_not_hurry_it(file: File):
    file.store.retry_now(file.destination)
    assert Claims(file.store).claim(file.destination, 1, 10.0) == []


@pytest.mark.parametrize("has_sent", [False, True])
def test_a_flush_retries_what_an_outage_has_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_sent: bool):
    outbox = Outbox.of(
        Configuration(
            api_key="k", base_url="http://127.0.0.1:9", organization_id="o", agent_id="a", outbox=tmp_path / "runs.db"
        )
    )
    runtime, store, number = outbox._runtime, outbox._runtime.store, outbox._destination
    starts: list[bool] = []
    monkeypatch.setattr(runtime, "start", lambda: starts.append(True))
    monkeypatch.setattr(runtime.sender, "wait_for_claimed", lambda timeout: has_sent)
    later = store.clock() + 250
    store.put(number, "run-1", "a", b'{"id":"run-1"}')
    store.take_in()
    runtime.database.execute("UPDATE reports SET due = ?, attempts = 5, reason = ?", later, CONFIRMING)
    runtime.database.execute("UPDATE destinations SET open_until = ?", later)
    assert outbox.flush(0).waiting == 0
    assert runtime.database.query("SELECT due <= ?, reason FROM reports", store.clock()) == [(1, CONFIRMING)]
    assert store.limits(number).breaker.open_until == 0
    # A process that ends next needs no threads: whoever is there then compares it.
    assert len(starts) == (not has_sent)
    outbox.close()


def test_a_clock_that_was_put_back_does_not_hold_it(file: File):
    file.now -= 3_600
    file.store.retry_now(file.destination)
    assert file.claim().is_sent


def test_what_comes_of_the_run_is_sent_at_once(file: File):
    file.put("run-1", result="second")
    assert file.rows == [("run-1", "waiting", None)]
    claim = file.claim()
    assert not claim.is_sent
    assert json.loads(claim.body)["result"] == "second"


@pytest.mark.parametrize("result", [Result.RETRY, Result.UNTRIED, Result.CONFIRMING])
def test_what_comes_of_the_run_while_it_is_compared_is_sent(file: File, result: Result):
    file.now += 1.5 * CONFIRM_AFTER
    claim = file.claim()
    file.put("run-1", result="second")
    file.settle(claim, result, "503")
    assert len(file.rows) == 1
    file.now += 60
    again = file.claim()
    assert not again.is_sent
    assert json.loads(again.body)["result"] == "second"


@pytest.mark.parametrize("result", [Result.RETRY, Result.UNTRIED])
def test_it_stays_one_that_was_sent_where_it_could_not_be_compared(file: File, result: Result):
    file.now += 1.5 * CONFIRM_AFTER
    file.settle(file.claim(), result, "503")
    assert file.rows == [("run-1", "waiting", CONFIRMING)]


def test_it_is_dropped_without_a_word_where_there_is_no_room(file: File):
    for number in (2, 3):
        assert file.put(f"run-{number}")
    assert [row[0] for row in file.rows] == ["run-2", "run-3"]
    assert _inspection.status(file.store).dropped == 0


def test_it_is_dropped_without_a_word_when_it_is_old(file: File):
    file.now += 61
    file.store.drop_expired()
    assert file.rows == []
    assert _inspection.status(file.store).dropped == 0
