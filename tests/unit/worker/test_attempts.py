"""How often a task was begun on this machine, whatever became of the process."""

import contextlib
import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xpander_facade import Configuration
from xpander_facade.worker import _attempts
from xpander_facade.worker._attempts import AttemptLog

CONFIGURATION = Configuration(api_key="key-1", organization_id="org-1", base_url="http://127.0.0.1:9")


def test_beginnings_are_counted_across_processes(tmp_path: Path):
    path = tmp_path / "attempts.db"
    assert [AttemptLog(path).begin("a") for _ in range(3)] == [1, 2, 3]
    assert AttemptLog(path).begin("b") == 1


def test_an_orderly_end_takes_a_beginning_back_and_an_outcome_deletes_them(tmp_path: Path):
    log = AttemptLog(tmp_path / "attempts.db")
    log.begin("a")
    log.begin("a")
    log.retract("a")
    assert log.begin("a") == 2
    log.forget("a")
    assert log.begin("a") == 1


def test_the_file_is_nobody_elses(tmp_path: Path):
    AttemptLog(tmp_path / "attempts.db").begin("a")
    assert stat.S_IMODE((tmp_path / "attempts.db").stat().st_mode) == 0o600


def test_old_counts_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = AttemptLog(tmp_path / "attempts.db")
    log.begin("a")
    later = _attempts.time.time() + 8 * 24 * 3600
    monkeypatch.setattr(_attempts.time, "time", lambda: later)
    assert log.begin("a") == 1


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("not a database" * 100)])
def test_a_file_that_can_not_be_written_costs_only_the_count_of_others(tmp_path: Path, make, caplog):
    path = tmp_path / "attempts.db"
    make(path)
    log = AttemptLog(path)
    assert [log.begin("a") for _ in range(2)] == [1, 2]
    assert len([record for record in caplog.records if str(path) in record.message]) == 1


# 4 threads that share one log begin a task 10 times each.
BEGIN_IN_THREADS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xpander_facade.worker._attempts import AttemptLog

log = AttemptLog(Path(sys.argv[1]))
with ThreadPoolExecutor(4) as pool:
    print(json.dumps(list(pool.map(lambda _: log.begin("a"), range(40)))))
"""


def test_threads_of_several_processes_count_together(tmp_path: Path):
    command = [sys.executable, "-c", BEGIN_IN_THREADS, str(tmp_path / "attempts.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counted = [number for process in processes for number in json.loads(process.communicate()[0])]
    assert sorted(counted) == list(range(1, 81))


def test_a_beginning_takes_no_lock_off_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_attempts, "_BUSY_TIMEOUT", 0.05)
    path = tmp_path / "attempts.db"
    log = AttemptLog(path)
    log.begin("a")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log.begin("a")
        script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        intruder = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert "database is locked" in intruder.stderr


def test_a_file_that_can_be_written_again_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    monkeypatch.setattr(_attempts, "_BUSY_TIMEOUT", 0.0)
    path = tmp_path / "attempts.db"
    log = AttemptLog(path)
    assert log.begin("a") == 1
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [log.begin("b"), log.begin("b")] == [1, 2]
    monkeypatch.setattr(_attempts, "_RETRY_AFTER", 0.0)
    log._retry_at = 0.0
    log.retract("b")
    assert [log.begin("a"), log.begin("b")] == [2, 2]
    assert [AttemptLog(path).begin("a"), AttemptLog(path).begin("b")] == [3, 2]
    assert len(caplog.records) == 1


def test_each_agent_and_platform_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    for agent, configuration in (
        ("a", CONFIGURATION),
        ("b", CONFIGURATION),
        ("a", Configuration(api_key="key-1", organization_id="org-2", base_url="http://127.0.0.1:9")),
    ):
        assert AttemptLog.of(configuration, agent, None).begin("task") == 1
    assert AttemptLog.of(CONFIGURATION, "a", None).begin("task") == 2
    assert len(list((tmp_path / "state").glob("*.db"))) == 3


def test_a_link_is_not_followed(tmp_path: Path, caplog):
    sqlite3.connect(tmp_path / "elsewhere.db").close()
    (tmp_path / "attempts.db").symlink_to(tmp_path / "elsewhere.db")
    assert AttemptLog(tmp_path / "attempts.db").begin("a") == 1
    assert "counted in this process only" in caplog.text
