"""Runs of several processes, loops and interrupted programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from calling import run_python
from recording import FORKING, Setting, program, told

if TYPE_CHECKING:
    from xpander_facade.emulator import Emulator


def test_three_successive_loops_record_a_run_each(setting: Setting):
    program(
        setting,
        """
    async def main(number):
        async with backend.external_task(id=f"run-{number}") as run:
            run.result = str(number)
    for number in range(3):
        asyncio.run(main(number))
    """,
    )
    assert {id: run["result"] for id, run in setting.runs().items()} == {f"run-{n}": str(n) for n in range(3)}
    assert len(setting.reports()) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_workers_that_are_forked_record_a_run_each(setting: Setting):
    program(
        setting,
        """
    with backend.external_task(id="parent-1") as run:
        run.result = "parent"
    if outbox:
        backend.flush(10)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            with backend.external_task(id=f"child-{number}") as run:
                run.result = "child"
            counts = report_counts()
            assert (counts.reported + counts.queued, counts.failed) == (1, 0), counts
            sys.exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    with backend.external_task(id="parent-2") as run:
        run.result = "parent"
    """,
        flags=FORKING,
    )
    assert {id: (run["status"], run["result"]) for id, run in setting.runs().items()} == {
        **{f"parent-{n}": ("completed", "parent") for n in (1, 2)},
        **{f"child-{n}": ("completed", "child") for n in range(4)},
    }
    assert len(setting.reports()) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_run_is_reported_by_the_process_that_began_it(setting: Setting):
    program(
        setting,
        """
    with backend.external_task(id="run-1") as run:
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        run.result = "parent"
    """,
        flags=FORKING,
    )
    assert told(setting.run())[0::2] == ("completed", "parent")
    assert len(setting.reports()) == 1


def test_a_keyboard_interrupt_in_the_block_gives_one_report_and_goes_on(setting: Setting):
    out = program(
        setting,
        """
    import signal
    try:
        with backend.external_task(id="run-1"):
            signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
    async def main():
        async with backend.external_task(id="run-2"):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(30)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted")
    """,
    )
    assert out == "interrupted\ninterrupted\n"
    assert {id: told(run)[0::2] for id, run in setting.runs().items()} == {
        "run-1": ("failed", "KeyboardInterrupt"),
        "run-2": ("failed", "CancelledError"),
    }
    assert len(setting.reports()) == 2


def test_a_generator_abandoned_half_way_by_a_process_that_ends_gives_one_report(setting: Setting):
    program(
        setting,
        """
    @backend.external_task(input="in")
    def letters():
        yield "a"
        yield "b"
    @backend.external_task(input="in")
    async def aletters():
        yield "a"
        yield "b"
    async def main():
        async for letter in aletters():
            break
    for letter in letters():
        break
    asyncio.run(main())
    """,
    )
    assert [told(run) for run in setting.runs().values()] == [("completed", "in", "a")] * 2
    assert len(setting.reports()) == 2


def test_a_report_without_a_recorder_loads_none(emulator: Emulator):
    out = run_python(
        """
    import sys
    from xpander_facade import Backend, Configuration
    backend = Backend(Configuration(api_key="k", base_url=sys.argv[1], agent_id="agent-123"))
    backend.report_external_task(id="run-1")
    print(sorted({"asyncio", "sqlite3", "xpander_facade.recorder", "xpander_facade.outbox"} & set(sys.modules)))
    with backend.external_task(id="run-2"):
        pass
    print(sorted({"asyncio", "sqlite3", "xpander_facade.outbox"} & set(sys.modules)))
    """,
        emulator.url,
    )
    assert out == "[]\n[]\n"
