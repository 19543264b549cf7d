"""The emulator's database file: one owner, for its owner's eyes, and what happens while others lock it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sqlite3
import stat
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = {"x-api-key": "k"}
REPORT = "/agent-execution/a/report_task"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def emulator(path: Path) -> Iterator[Emulator]:
    with Emulator(db=path, validate_answers=True, step=0) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers=KEY, timeout=20) as client:
        yield client


@pytest.fixture
def locked() -> Iterator[Callable[[Path], sqlite3.Connection]]:
    """Take the lock of writers at a file; it is free again by `rollback()`, or when the test ends."""
    with contextlib.ExitStack() as connections:

        def lock(path: Path) -> sqlite3.Connection:
            other = connections.enter_context(contextlib.closing(sqlite3.connect(path, isolation_level=None)))
            other.execute("BEGIN IMMEDIATE")
            return other

        yield lock


# --- who may use it ---


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_its_files_are_their_owners_alone(path: Path, client: httpx.Client):
    client.post(REPORT, json={"id": "x"}).raise_for_status()
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert modes == dict.fromkeys(("runs.db", "runs.db-wal", "runs.db-shm", "runs.db.lock"), 0o600)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_file_that_others_could_read_is_closed_to_them(path: Path):
    sqlite3.connect(path).close()
    path.touch()
    path.chmod(0o644)
    with Emulator(db=path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_emulator_is_refused_and_readers_are_not(path: Path, client: httpx.Client):
    client.post(REPORT, json={"id": "x"}).raise_for_status()
    with pytest.raises(OSError, match=rf"another emulator \(process {os.getpid()}\) uses"):
        Emulator(db=path)
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert reader.execute("SELECT id FROM tasks").fetchall() == [("x",)]
    reader.close()
    assert client.post(REPORT, json={"id": "y"}).status_code == 200


def test_the_next_one_is_let_in_when_the_first_has_stopped_or_was_killed(path: Path):
    with Emulator(db=path):
        pass
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=_die_with_the_file_open, args=(str(path),))
    child.start()
    child.join(30)
    assert child.exitcode == 7
    with Emulator(db=path) as emulator:
        assert emulator.tasks() == []


def _die_with_the_file_open(path: str) -> None:
    Emulator(db=path).start()
    os._exit(7)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes of this kind")
def test_what_is_not_a_file_is_left_alone(tmp_path: Path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o644)
    for wrong in (fifo, tmp_path, "/dev/null"):
        before = os.stat(wrong).st_mode
        with pytest.raises(OSError, match="is not a regular file"):
            Emulator(db=wrong)
        assert os.stat(wrong).st_mode == before


# --- while another process has locked it ---


def test_while_it_is_locked_writers_are_asked_to_come_again_and_readers_are_served(
    path: Path, emulator: Emulator, client: httpx.Client, locked: Callable[[Path], sqlite3.Connection]
):
    client.post(REPORT, json={"id": "before"}).raise_for_status()
    other = locked(path)
    answers: list[httpx.Response] = []
    writer = threading.Thread(target=lambda: answers.append(client.post(REPORT, json={"id": "x"})))
    writer.start()
    slowest = 0.0
    with httpx.Client(base_url=emulator.url, headers=KEY) as reader:
        while writer.is_alive():
            began = time.perf_counter()
            assert reader.get("/agent-execution/before/status").status_code == 200
            slowest = max(slowest, time.perf_counter() - began)
    (answer,) = answers
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "locked" in answer.json()["detail"]
    assert slowest < 1.0, "a wait on the server's loop would take all of the writer's time"
    other.rollback()
    assert client.post(REPORT, json={"id": "x"}).status_code == 200
    assert emulator.violations == []


def test_a_lock_that_is_soon_gone_costs_a_wait(
    path: Path, client: httpx.Client, locked: Callable[[Path], sqlite3.Connection]
):
    other = locked(path)
    answers: list[httpx.Response] = []
    writer = threading.Thread(target=lambda: answers.append(client.post(REPORT, json={"id": "x"})))
    writer.start()
    time.sleep(0.2)
    other.rollback()
    writer.join()
    assert [answer.status_code for answer in answers] == [200]


def test_a_script_goes_on_when_the_file_is_free_again(
    path: Path, emulator: Emulator, client: httpx.Client, locked: Callable[[Path], sqlite3.Connection]
):
    reached, go_on = threading.Event(), threading.Event()

    def script(run):
        reached.set()
        go_on.wait(10)
        run.chunk("a")
        run.use_tokens(prompt=1)
        return "done"

    emulator.agent = script
    task = client.post("/agent-execution/a", json={"input": {"text": "x"}}).json()
    assert reached.wait(10)
    other = locked(path)
    go_on.set()
    time.sleep(0.2)
    assert client.get(f"/agent-execution/{task['id']}/status").json()["status"] == "executing"
    other.rollback()
    assert emulator.wait_for_status(task["id"], "completed")["result"] == "done"


def test_what_fails_on_the_way_leaves_nothing_behind(path: Path, emulator: Emulator, client: httpx.Client):
    """A creation writes its task, events and activity; here the database fails in the middle of it."""
    breaker = sqlite3.connect(path)
    breaker.execute("CREATE TRIGGER t BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no more'); END")
    breaker.commit()
    assert client.post("/agent-execution/new", json={"input": {"text": "x"}}).status_code == 503
    assert emulator.tasks() == []
    assert client.get("/agents/list").json() == []
    breaker.execute("DROP TRIGGER t")
    breaker.commit()
    breaker.close()
    assert client.post("/agent-execution/new", json={"input": {"text": "x"}}).status_code == 200
    assert [agent["id"] for agent in client.get("/agents/list").json()] == ["new"]


# --- files of the first version ---


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path):
    old = sqlite3.connect(path)
    old.executescript(_FIRST_VERSION)
    for number in range(3):
        document = (
            f'{{"id":"t{number}","organization_id":"org-1","agent_id":"a","status":"completed","duration":1.5,'
            f'"source":"sdk","created_at":"2026-01-0{number + 1}T10:00:00Z","input":{{"text":"x"}},'
            f'"tokens":{{"total_tokens":{number}}}}}'
        )
        old.execute(
            "INSERT INTO tasks (organization_id, id, agent_id, status, document, llm_response) VALUES (?,?,?,?,?,?)",
            ("org-1", f"t{number}", "a", "completed", document, '{"n":1}'),
        )
    old.commit()
    old.close()
    with Emulator(db=path) as emulator:
        assert [task["id"] for task in emulator.tasks()] == ["t2", "t1", "t0"]
        assert emulator.llm_response("t1") == {"n": 1}
        assert emulator.totals("a")["tokens"]["total_tokens"] == 0
    with Emulator(db=path) as emulator:
        assert len(emulator.tasks(status="completed")) == 3


def test_a_file_of_a_newer_version_is_refused(path: Path):
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(OSError, match="a newer emulator wrote it"):
        Emulator(db=path)


_FIRST_VERSION = """
CREATE TABLE tasks (
    organization_id TEXT NOT NULL, id TEXT NOT NULL, agent_id TEXT NOT NULL,
    user_id TEXT, parent_task_id TEXT, triggering_agent_id TEXT, status TEXT, internal_status TEXT,
    running INTEGER NOT NULL DEFAULT 0, first_event INTEGER NOT NULL DEFAULT 1, llm_response TEXT,
    document TEXT NOT NULL, PRIMARY KEY (organization_id, id));
CREATE INDEX tasks_by_agent ON tasks (organization_id, agent_id);
CREATE INDEX tasks_by_user ON tasks (organization_id, user_id);
"""


# --- many tasks ---


def answered_during_a_list(client: httpx.Client, other: httpx.Client) -> int:
    """List all tasks; return how many other requests were answered meanwhile."""
    listed: list[httpx.Response] = []
    lister = threading.Thread(target=lambda: listed.append(client.get("/agent-execution/executions/history/a")))
    answered = 0
    lister.start()
    while lister.is_alive():
        assert other.get("/agent-execution/t1/status").status_code == 200
        answered += 1
    lister.join()
    assert [item["id"] for item in listed[0].json()] == [f"t{number}" for number in reversed(range(10_000))]
    return answered


def test_a_long_list_lets_other_requests_go_between():
    with (
        Emulator(step=0) as emulator,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=60) as client,
        httpx.Client(base_url=emulator.url, headers=KEY, timeout=60) as other,
    ):
        with emulator._store.transaction():
            for number in range(10_000):
                emulator._executions.report(None, "a", {"id": f"t{number}", "result": "x" * 200})
        other.get("/agent-execution/t1/status")
        # A machine that is busy may let one list pass before the other client has its turn.
        assert any(answered_during_a_list(client, other) > 5 for _ in range(5))


# --- the journal ---


def test_the_journal_holds_so_many_bytes():
    with Emulator(journal_bytes=200_000) as emulator, httpx.Client(base_url=emulator.url, headers=KEY) as client:
        for number in range(20):
            client.post(REPORT, json={"id": f"t{number}", "input": "x" * 50_000})
        kept = emulator.requests()
        assert [request.body["id"] for request in kept] == ["t17", "t18", "t19"]
        client.post(REPORT, json={"id": "large", "input": "x" * 300_000})
        assert (emulator.requests()[-1].status, emulator.requests()[-1].body) == (200, None)
        for _ in range(1000):
            client.get("/agents/list")
        assert 50 < len(emulator.requests()) < 200


def test_a_journal_of_no_bytes_remembers_nothing():
    with Emulator(journal_bytes=0) as emulator, httpx.Client(base_url=emulator.url, headers=KEY) as client:
        assert client.post(REPORT, json={"id": "x"}).status_code == 200
        assert emulator.requests() == []
