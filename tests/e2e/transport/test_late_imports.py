"""Imports that are made when they are first needed: a fork meanwhile, and what `preload` takes in advance."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from calling import ROOT, run_python
from misbehaving import task_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from misbehaving import Misbehaving

# Python 3.12 warns of a fork in a process with threads, which is what is tried here.
FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")

FORK = """
    import importlib.abc, importlib.machinery, os, signal, sys, threading, time
    from xpander_facade import Backend, Configuration

    slow, mode = sys.argv[3:]
    begun = threading.Event()

    class SlowLoader(importlib.machinery.SourceFileLoader):
        def exec_module(self, module):
            begun.set()
            time.sleep(0.5)  # the fork comes now, while the lock of this module is held
            super().exec_module(module)

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name != slow or begun.is_set():
                return None
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            spec.loader = SlowLoader(name, spec.origin)
            return spec

    sys.meta_path.insert(0, Finder())
    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", outbox=sys.argv[2], deadline=10, max_retries=0))

    def report(id):
        if mode == "direct":
            backend.report_external_task(id=id, result="x")
        else:
            backend.enqueue_external_task(id=id, result="x")
            assert backend.flush(8).waiting == 0

    first = threading.Thread(target=report, args=["parent"])
    first.start()
    assert begun.wait(10), "the module is not imported at the first call"
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends the child where it hangs
        report("child")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    first.join()
    print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize(
    ("mode", "module"),
    [
        ("direct", "xpander_facade._requests.report"),
        ("direct", "logging"),
        ("outbox", "xpander_facade._client.sending"),
    ],
)
def test_a_child_that_is_forked_during_an_import_can_import_and_report(
    misbehave: Callable[..., Misbehaving], tmp_path: Path, mode: str, module: str
):
    server = misbehave(otherwise=task_answer())
    assert run_python(FORK, server.url, f"{tmp_path}/runs.db", module, mode, flags=FORKING) == "0\n"
    assert sorted(request.json["id"] for request in server.requests) == ["child", "parent"]


PRELOADED = """
    import asyncio, sys, threading
    import xpander_facade
    from xpander_facade import Backend, Configuration, Tasks

    OURS = ("xpander_facade", "xpander_api", "httpx", "httpcore", "h11", "anyio", "sniffio", "sqlite3", "asyncio",
            "concurrent", "ssl", "dateutil")
    threads = threading.active_count()
    xpander_facade.preload()
    assert threading.active_count() == threads
    known = set(sys.modules)
    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", outbox=sys.argv[2], max_retries=0))
    tasks = Tasks(backend.configuration)

    async def main():
        await backend.areport_external_task(id="1")
        async with backend.external_task(input="x") as run:
            run.result = "y"
            run.record({"id": "r", "object": "chat.completion", "choices": [], "usage": {"prompt_tokens": 1}})
        await tasks.aget("task_1")
        await tasks.acreate(prompt="x")
        await backend.aflush(5)

    backend.report_external_task(id="1")
    with backend.external_task(input="x") as run:
        run.result = "y"
    backend.enqueue_external_task(id="1")
    backend.flush(5)
    tasks.get("task_1")
    tasks.create(prompt="x").wait_until_done(timeout=5, poll_interval=0.01)
    list(tasks.get("task_1").events())
    asyncio.run(main())
    print(*sorted(name for name in set(sys.modules) - known if name.partition(".")[0] in OURS))
"""


def test_after_preload_no_usual_call_imports_anything(misbehave: Callable[..., Misbehaving], tmp_path: Path):
    server = misbehave(otherwise=task_answer(status="completed", events_streaming=True))
    assert run_python(PRELOADED, server.url, f"{tmp_path}/runs.db") == "\n"


FIRST = """
    import sys
    from xpander_facade import Backend, Configuration, Tokens
    from xpander_facade._process.imports import CALLS, load

    backend = Backend(Configuration("key-1", "org-1", sys.argv[1], "a", max_retries=0))
    load(CALLS)
    known = set(sys.modules)
    backend.report_external_task(id="1", input="x", result="y", tokens=Tokens(1, 2), duration=1.5, used_tools=["t"])
    print(*sorted(set(sys.modules) - known))
"""


def test_a_first_report_imports_everything_on_the_thread_that_forks_wait_for(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=task_answer(status="completed"))
    assert run_python(FIRST, server.url) == "\n"


BODIES = """
    import sys, xpander_facade
    xpander_facade.preload()
    known = set(sys.modules)
    from xpander_api import models
    for name in sys.argv[1:]:
        getattr(models, name)
    print(*sorted(set(sys.modules) - known))
"""


def test_preload_takes_every_model_that_a_request_is_built_of():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "xpander_facade" / "_requests").glob("*.py")]
    names = sorted({name for source in sources for name in re.findall(r"\bmodels\.([A-Z]\w+)\(", source)})
    assert len(names) >= 20
    assert run_python(BODIES, *names) == "\n"


AFTERWARDS = """
    import os, sys, time, xpander_facade
    xpander_facade.preload()
    from xpander_facade import Task
    from xpander_facade._serialization import codec
    made = codec._plan.cache_info().misses
    codec._plan(Task)
    print(codec._plan.cache_info().misses - made)
    import re
    from xpander_facade._client.error_mapping import one_line
    # The first answer that a job's process gets can be that its run is not known.
    re._compiler.compile = None
    one_line("not found", 100)
    # A thread of the system ends a moment after Python's; one that stayed would wait ten seconds for another call.
    until = time.monotonic() + 5
    while os.path.exists("/proc/self/task") and len(os.listdir("/proc/self/task")) > 1:
        assert time.monotonic() < until
        time.sleep(0.01)
"""


def test_preload_leaves_no_thread_and_nothing_to_make_for_a_child():
    assert run_python(AFTERWARDS) == "0\n"
