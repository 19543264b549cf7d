"""Hold the order of what two processes say of a run, where its file was deleted and one of them noticed it first."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xpander_facade import OutboxSettings
from xpander_facade.outbox import _inspection
from xpander_facade.outbox._claims import Claims, Outcome, Result
from xpander_facade.outbox._database import Database
from xpander_facade.outbox._merge import JOURNAL
from xpander_facade.outbox._store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 30.0
DEAD = {"id": "run", "is_success": False, "result": "its process died", JOURNAL: {"began_at": 0.0}}
DONE = {"id": "run", "is_success": True, "result": "done"}


class Sharer:
    """One of the processes that share a file.

    Args:
        path: The file.
        owner: The name of the process.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self.database = Database(str(path))
        self.store = Store(self.database, OutboxSettings(path))
        self.store.owner = owner
        self.claims = Claims(self.store)
        self.number = self.store.destination("https://platform org-1")

    def put(self, **said: Any) -> None:
        assert self.store.put(self.number, said["id"], "a", json.dumps(said).encode())

    def settle_all(self, result: Result) -> None:
        claimed = self.claims.claim(self.number, 10, SECONDS)
        self.claims.settle([Outcome(claim, result) for claim in claimed])

    def said(self, id: str = "run") -> dict[str, Any]:
        """Return what the platform has once all was sent, in the order in which it is sent."""
        rows = self.database.query("SELECT body FROM reports WHERE id = ? ORDER BY state DESC, rowid", id)
        joined: dict[str, Any] = {}
        for (body,) in rows:
            joined |= json.loads(body)
        return joined


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def early(path: Path) -> Iterator[Sharer]:
    made = Sharer(path, "machine 1 1")
    with contextlib.closing(made.database):
        yield made


@pytest.fixture
def late(early: Sharer, path: Path) -> Iterator[Sharer]:
    made = Sharer(path, "machine 2 2")
    with contextlib.closing(made.database):
        yield made


def delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def test_a_run_that_was_taken_for_dead_and_ended_in_the_old_file_has_its_end(path: Path, early: Sharer, late: Sharer):
    early.put(**DEAD)
    delete(path)
    early.database.check_file()
    late.put(**DONE)
    late.database.check_file()
    assert early.said() == DONE


def test_the_end_comes_after_a_failure_that_is_being_sent(path: Path, early: Sharer, late: Sharer):
    for number in range(5):
        early.put(id=f"other-{number}")
    early.put(**DEAD)
    claims = early.claims.claim(early.number, 10, SECONDS)
    delete(path)
    early.database.check_file()
    early.claims.settle([Outcome(claim, Result.SENT) for claim in claims if claim.id != "run"])
    late.put(**DONE)
    late.database.check_file()
    early.claims.settle(
        [Outcome(claim, Result.RETRY, "the platform was gone") for claim in claims if claim.id == "run"]
    )
    assert early.said() == DONE


@pytest.mark.parametrize("first", [Result.SENT, Result.RETRY])
def test_the_end_stays_though_both_are_being_sent(path: Path, early: Sharer, late: Sharer, first: Result):
    early.put(**DEAD)
    failures = early.claims.claim(early.number, 10, SECONDS)
    delete(path)
    early.database.check_file()
    late.put(**DONE)
    ends = late.claims.claim(late.number, 10, SECONDS)
    late.database.check_file()
    early.claims.settle([Outcome(claim, first) for claim in failures])
    late.claims.settle([Outcome(claim, Result.RETRY, "the platform was gone") for claim in ends])
    assert early.said() == DONE


def test_the_end_comes_after_a_failure_that_was_sent_from_the_new_file(path: Path, early: Sharer, late: Sharer):
    early.put(**DEAD)
    delete(path)
    early.database.check_file()
    early.settle_all(Result.SENT)
    late.put(**DONE)
    late.database.check_file()
    assert early.said() == DONE


def test_a_run_that_ended_in_the_old_file_is_not_reported_as_dead_from_the_new_one(
    path: Path, early: Sharer, late: Sharer
):
    early.database.execute("INSERT INTO runs VALUES ('run', ?, 'a', 'machine 2 2', 0, '{}')", early.number)
    delete(path)
    early.database.check_file()
    late.put(**DONE)
    late.database.check_file()
    assert not early.database.query("SELECT 1 FROM runs")


def test_what_was_said_in_the_new_file_is_later_than_what_nobody_had_moved_from_the_old_one(
    path: Path, early: Sharer, late: Sharer
):
    for number in range(5):
        late.put(id=f"other-{number}")
    late.put(**DEAD)
    claims = late.claims.claim(late.number, 10, SECONDS)
    early.database.close()
    delete(path)
    early.put(**DONE)
    late.database.check_file()
    late.claims.settle([Outcome(claim, Result.RETRY, "the platform was gone") for claim in claims])
    assert early.said() == DONE


def test_a_report_in_quarantine_stays_there(path: Path, early: Sharer, late: Sharer):
    early.put(**DEAD)
    early.settle_all(Result.REFUSED)
    delete(path)
    early.database.check_file()
    late.put(**DONE)
    late.settle_all(Result.REFUSED)
    late.database.check_file()
    assert early.database.query("SELECT state FROM reports") == [(2,)]
    assert early.said() == DONE


def test_a_claim_of_a_report_that_was_moved_settles_no_other_one(path: Path, early: Sharer, late: Sharer):
    late.put(id="sent")
    (sent,) = late.claims.claim(late.number, 10, SECONDS)
    delete(path)
    early.database.check_file()
    late.put(**DONE)
    late.claims.claim(late.number, 10, SECONDS)
    late.claims.settle([Outcome(sent, Result.SENT)])
    late.database.check_file()
    assert early.said() == DONE


def test_reports_that_are_being_sent_keep_their_numbers(path: Path, early: Sharer, late: Sharer):
    for number in range(5):
        late.put(id=f"late-{number}")
    claims = late.claims.claim(late.number, 10, SECONDS)
    early.database.close()
    delete(path)
    for number in range(3):
        early.put(id=f"early-{number}")
    late.database.check_file()
    late.claims.settle([Outcome(claim, Result.SENT) for claim in claims[1:]])
    left = {id for (id,) in early.database.query("SELECT id FROM reports")}
    assert left == {"late-0", "early-0", "early-1", "early-2"}


def test_the_status_of_a_file_that_was_left_tells_of_no_report(path: Path, early: Sharer, late: Sharer):
    early.put(**DONE)
    delete(path)
    early.database.check_file()
    left = _inspection.status(late.store)
    assert (left.waiting, left.oldest, left.oldest_age) == (0, None, None)
    assert _inspection.status(early.store).oldest is not None
