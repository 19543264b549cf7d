"""Cancelled runs and cancelled reports: the report arrives, and the cancellation goes on."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from calling import configured
from recording import AGENT, Setting, told

from xpander_facade import Backend

if TYPE_CHECKING:
    from xpander_facade.emulator import Emulator


def test_a_cancelled_block_is_a_failure_and_the_cancellation_goes_on(setting: Setting):
    async def main() -> None:
        inside = asyncio.Event()

        async def work() -> None:
            async with setting.backend.external_task(input="in"):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert told(setting.run()) == ("failed", "in", "CancelledError")


def test_a_report_that_is_cancelled_arrives_and_the_cancellation_goes_on(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(input="in") as run:
                run.result = "out"

        task = asyncio.create_task(work())
        assert await asyncio.to_thread(hold.arrived)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        hold.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert told(run) == ("completed", "in", "out")


def test_a_report_that_the_end_of_the_loop_cancels_arrives(emulator: Emulator):
    hold = emulator.hold("report_external_task")
    reporting: list[asyncio.Task[None]] = []

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1") as run:
                run.result = "out"

        reporting.append(asyncio.create_task(work()))
        assert await asyncio.to_thread(hold.arrived)

    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(hold.arrived, 2)
        again.add_done_callback(lambda _: hold.release())
        asyncio.run(main())
        assert again.result(10), "the report was not sent again"
    (run,) = emulator.tasks()
    assert (run["result"], reporting[0].cancelled()) == ("out", True)


def test_a_start_that_is_cancelled_ends_the_run_as_failed(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(report_start=True):
                pytest.fail("the block runs though the start was cancelled")

        task = asyncio.create_task(work())
        assert await asyncio.to_thread(hold.arrived)
        task.cancel()
        hold.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert (run["status"], run["result"]) == ("failed", "CancelledError")


def test_a_report_in_a_cancelled_scope_of_anyio_waits_and_does_not_turn_the_loop(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    hold = emulator.hold("report_external_task")
    turns = 0

    async def main() -> None:
        loop = asyncio.get_running_loop()
        call_soon = loop.call_soon

        def count(*given: Any, **keywords: Any) -> asyncio.Handle:
            nonlocal turns
            turns += 1
            return call_soon(*given, **keywords)

        with anyio.CancelScope() as scope:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(input="in"):
                loop.call_later(0.3, hold.release)
                monkeypatch.setattr(loop, "call_soon", count)
                scope.cancel()
                await anyio.sleep(60)
        assert scope.cancelled_caught

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert told(run)[:2] == ("failed", "in")
    assert turns < 200


def test_a_native_cancellation_gets_through_the_shield_against_anyios(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async def work() -> None:
            with anyio.CancelScope() as scope:
                async with Backend(configured(emulator, agent_id=AGENT)).external_task(input="in") as run:
                    run.result = "out"
                    scope.cancel()

        task = asyncio.create_task(work())
        assert await asyncio.to_thread(hold.arrived)
        task.cancel()
        hold.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert told(run) == ("completed", "in", "out")
