"""Processes of job runners that end right after a job, without ceremony, beside others that use the same outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calling import configured, run_python

from xpander_facade import Backend, Configuration, OutboxSettings
from xpander_facade.integrations._jobs import Jobs
from xpander_facade.outbox import Outbox, _relay_process

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from xpander_facade.emulator import Emulator

JOB = """
    import json, os, sys, time
    from xpander_facade import Backend, Configuration
    from xpander_facade.integrations._jobs import Jobs
    from xpander_facade.outbox import Outbox

    jobs = Jobs(Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=sys.argv[2])), all=True)
    jobs.begin("job-1", id="job-1", name="job", attempt=None, arguments=["x"], keywords={})
    jobs.end("job-1", "done")
    jobs.flush(20)

    # As another process stores it, which would wait for a claim of one that is gone.
    box = Outbox.of(jobs.backend.configuration)
    box._runtime.store.put(box._destination, "job-2", "agent-123", json.dumps({"id": "job-2"}).encode())
    time.sleep(1.5)
    os._exit(0)
"""


def test_a_process_that_ends_next_begins_to_send_nothing_of_others(emulator: Emulator, tmp_path: Path):
    path = tmp_path / "runs.db"
    run_python(JOB, emulator.url, str(path))
    assert [task["id"] for task in emulator.tasks()] == ["job-1"]
    outbox = Outbox.of(configured(emulator, agent_id="agent-123", outbox=path))
    try:
        assert [(entry.id, entry.state) for entry in outbox.list()] == [("job-2", "waiting")]
    finally:
        outbox.close()


def test_what_waits_is_left_to_a_relay_that_runs(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_relay_process, "CHECK_EVERY", 1e9)  # none is started where the lock is free again
    path = tmp_path / "runs.db"
    settings = OutboxSettings(path, relay="process")
    jobs = Jobs(Backend(Configuration("k", "org-1", emulator.url, "agent-123", outbox=settings)), all=True)
    with _relay_process.locked(str(path)):
        jobs.begin("job-1", id="job-1", name="job", attempt=None, arguments=["x"], keywords={})
        jobs.end("job-1", "done")
        jobs.flush(20)
        assert emulator.tasks() == []
    jobs.flush(20)
    assert [task["id"] for task in emulator.tasks()] == ["job-1"]
