"""Which run is current."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING

from recorded import BACKEND, reported

from xpander_facade import ExternalTask, current_run

if TYPE_CHECKING:
    from collections.abc import Generator


def test_there_is_no_current_run_outside_of_one():
    assert current_run() is None
    with BACKEND.external_task() as outer:
        with BACKEND.external_task() as inner:
            assert current_run() is inner
        assert current_run() is outer
    assert current_run() is None


def test_runs_that_end_in_another_order_leave_the_right_one_current():
    first, second = BACKEND.external_task(), BACKEND.external_task()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert current_run() is second
    second.__exit__(None, None, None)
    assert current_run() is None


def test_a_run_that_ends_in_another_context_is_reported():
    run = BACKEND.external_task()
    contextvars.copy_context().run(run.__enter__)
    run.__exit__(None, None, None)
    assert reported(run).status.value == "completed"
    assert current_run() is None


def test_a_run_that_ends_in_a_copy_of_its_context_is_reported():
    run = BACKEND.external_task()
    run.__enter__()
    contextvars.copy_context().run(run.__exit__, None, None, None)
    assert reported(run).status.value == "completed"
    assert current_run() is None


def test_a_task_that_outlives_the_run_around_it_has_none():
    async def main() -> None:
        left = asyncio.Event()

        async def straggler() -> ExternalTask | None:
            assert current_run() is not None
            await left.wait()
            return current_run()

        async with BACKEND.external_task():
            task = asyncio.create_task(straggler())
            await asyncio.sleep(0)
        left.set()
        assert await task is None

    asyncio.run(main())


def test_tasks_have_runs_of_their_own():
    async def work(number: int, together: asyncio.Barrier) -> None:
        async with BACKEND.external_task(id=str(number)) as run:
            await together.wait()
            assert current_run() is run
            await together.wait()

    async def main() -> None:
        together = asyncio.Barrier(10)
        await asyncio.gather(*(work(number, together) for number in range(10)))

    asyncio.run(main())


def test_a_thread_begins_without_a_run():
    found: list[ExternalTask | None] = []
    with BACKEND.external_task():
        thread = threading.Thread(target=lambda: found.append(current_run()))
        thread.start()
        thread.join(10)
    assert found == [None]


def test_a_current_generator_is_so_in_its_steps_alone():
    @BACKEND.external_task()
    def steps() -> Generator[ExternalTask | None]:
        yield current_run()
        yield current_run()

    taken = steps()
    with BACKEND.external_task() as outer:
        first = next(taken)
        assert first is not outer
        assert current_run() is outer
    assert next(taken) is first
    assert current_run() is None
    assert list(taken) == []
    assert reported(first).result is None
