"""Programs whose tests freeze the clock with freezegun: a first call, and reports that are left to the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from calling import run_python
from misbehaving import task_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from misbehaving import Misbehaving

FIRST_CALL = """
    import asyncio, sys
    from freezegun import freeze_time
    from xpander_facade import Backend, Configuration, Tasks

    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", max_retries=0))
    tasks = Tasks(backend.configuration)
    call = sys.argv[2]

    def made():
        if call == "report":
            return backend.report_external_task(id="x", result="y")
        if call == "areport":
            return asyncio.run(backend.areport_external_task(id="x", result="y"))
        return tasks.get("x")

    for moment in ("2026-01-01", "1999-12-31T23:59:59"):
        with freeze_time(moment, **({"real_asyncio": True} if call == "areport" else {})):
            print(made().created_at.year, end=" ")
    print(made().created_at.year, type(made().created_at).__module__, end=" ")
    with freeze_time("2026-01-01", **({"real_asyncio": True} if call == "areport" else {})):
        print(made().created_at.year)
"""


@pytest.mark.parametrize("call", ["report", "areport", "get"])
def test_a_first_call_under_freezegun_spoils_no_later_one(misbehave: Callable[..., Misbehaving], call: str):
    server = misbehave(otherwise=task_answer(created_at="2025-01-02T03:04:05Z"))
    assert run_python(FIRST_CALL, server.url, call, flags=()) == "2025 2025 2025 datetime 2025\n"


LEFT = """
    import sys
    from freezegun import freeze_time
    from xpander_facade import Backend, Configuration, OutboxSettings

    dropped = []
    settings = OutboxSettings(sys.argv[2], max_age=3600, on_drop=lambda entry: dropped.append(entry.reason))
    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", outbox=settings))
    if sys.argv[4] == "before":
        backend.enqueue_external_task(id="before")
        backend.flush(10)
    with freeze_time(sys.argv[3]):
        backend.enqueue_external_task(id="frozen", result="y")
        with backend.external_task(id="recorded", input="x") as run:
            run.result = "y"
    result = backend.flush(10)
    print(result.waiting, result.quarantined, dropped)
"""


@pytest.mark.parametrize("begun", ["before", "under it"])
@pytest.mark.parametrize("moment", ["2001-01-01", "1970-01-02", "2060-01-01"])
def test_a_report_that_is_left_under_freezegun_is_never_dropped(
    misbehave: Callable[..., Misbehaving], tmp_path: Path, moment: str, begun: str
):
    server = misbehave(otherwise=task_answer())
    assert run_python(LEFT, server.url, f"{tmp_path}/runs.db", moment, begun, flags=()) == "0 0 []\n"
    assert {request.json["id"] for request in server.requests} - {"before"} == {"frozen", "recorded"}
