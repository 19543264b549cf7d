"""Where there is no /proc, as on macOS and Windows: a process whose id was given out again is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from calling import run_python
from misbehaving import task_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from misbehaving import Misbehaving

PROGRAM = """
    import logging, os, sys, time
    from xpander_facade.outbox import Outbox, _process_identity
    _process_identity._read = lambda path: ""
    _process_identity._namespace = lambda: ""
    logging.disable(logging.CRITICAL)
    os.getpid = lambda: int(sys.argv[4])
    from xpander_facade import Backend, Configuration, OutboxSettings

    settings = OutboxSettings(sys.argv[2], lease=0.5)
    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", outbox=settings))
    outbox = Outbox.of(backend.configuration)
    if sys.argv[3] == "die":
        backend.external_task(id="job-1", input="x").__enter__()
        print("begun", flush=True)
        os._exit(0)
    until = time.monotonic() + 10
    while backend.flush(0.2).waiting or (outbox.status().running and time.monotonic() < until):
        time.sleep(0.05)
    print(outbox.status().running)
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.parametrize("pid", ["999999", "4000"], ids=["another process id", "the same process id"])
def test_a_run_of_a_dead_process_is_reported_whatever_id_the_next_one_has(
    misbehave: Callable[..., Misbehaving], tmp_path: Path, pid: str
):
    server = misbehave(otherwise=task_answer())
    path = f"{tmp_path}/runs.db"
    assert run_python(PROGRAM, server.url, path, "die", "4000") == "begun\n"
    assert run_python(PROGRAM, server.url, path, "look", pid) == "0\n"
    reports = [request.json for request in server.requests if request.method == "POST"]
    assert [(report["id"], report["is_success"]) for report in reports] == [("job-1", False)]
