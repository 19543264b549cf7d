"""Generators that nobody takes to their end: each gives one report, and holds nobody up."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs
import pytest
from recording import Setting, program, told

from xpander_facade import (
    Backend,
    current_run,
)
from xpander_facade._process import threads
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def test_a_generator_abandoned_half_way_has_done_well_so_far(setting: Setting):
    cleaned: list[str] = []

    @setting.backend.external_task()
    def letters(text: str) -> Iterator[str]:
        try:
            yield from text
        finally:
            cleaned.append("up")

    for letter in letters("abc"):
        if letter == "b":
            break
    gc.collect()
    assert threads.join(20)
    assert cleaned == ["up"]
    assert told(setting.run()) == ("completed", "abc", "ab")
    assert len(setting.reports()) == 1


def test_a_generator_that_is_collected_under_a_lock_of_ours_is_reported(setting: Setting):
    program(
        setting,
        """
    import faulthandler, gc, threading
    from xpander_facade.recorder import _counts
    from xpander_facade._transport import pool_registry
    faulthandler.dump_traceback_later(15, exit=True)
    def recorded_by_decorator(backend):
        @backend.external_task()
        def letters(text):
            yield text[0]
            yield text[1]
        return letters("abc")
    def recorded_by_block(backend):
        with backend.external_task(input="abc") as run:
            run.result = "a"
            yield
    with backend.external_task(input="first"):
        pass
    gc.disable()
    for lock in (_counts._counting, pool_registry._registry.lock, threading._active_limbo_lock):
        for begin in (recorded_by_decorator, recorded_by_block):
            generator = begin(backend)
            next(generator)
            cycle = [generator]
            cycle.append(cycle)
            del generator, cycle
            with lock:
                gc.collect()
    """,
    )
    runs = sorted(told(run) for run in setting.runs().values())
    assert runs == [("completed", "abc", "a")] * 6 + [("completed", "first", None)]
    assert len(setting.reports()) == 7


@pytest.mark.parametrize("way", ["collected", "closed"])
def test_a_generator_that_ends_in_a_loop_half_way_does_not_hold_it_up(setting: Setting, way: str):
    redacting: list[int] = []

    def redact(field: str, text: str) -> str:
        redacting.append(threading.get_ident())
        return text

    backend = Backend(attrs.evolve(setting.configuration, redact=redact))

    @backend.external_task()
    def letters(text: str) -> Iterator[str]:
        yield from text

    async def main() -> None:
        generator = letters("abc")
        assert next(generator) == "a"
        redacting.clear()
        if way == "closed":
            generator.close()
        else:
            cycle: list[object] = [generator]
            cycle.append(cycle)
            del generator, cycle
            gc.collect()

    asyncio.run(main())
    assert threads.join(20)
    assert told(setting.run()) == ("completed", "abc", "a")
    assert redacting
    assert threading.get_ident() not in redacting
    if setting.outbox is not None:
        Outbox.of(backend.configuration).close()


def test_an_async_generator_whose_loop_is_closed_is_reported(setting: Setting):
    program(
        setting,
        """
    import gc
    @backend.external_task()
    async def letters(text):
        yield text[0]
        yield text[1]
    async def by_block():
        async with backend.external_task(input="abc") as run:
            run.result = "a"
            yield
    for begin in (lambda: letters("abc"), by_block):
        loop = asyncio.new_event_loop()
        generator = begin()
        loop.run_until_complete(anext(generator))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        del generator
        gc.collect()
    """,
        flags=(),
    )
    assert [told(run) for run in setting.runs().values()] == [("completed", "abc", "a")] * 2
    assert len(setting.reports()) == 2


def test_an_async_generator_abandoned_half_way_has_done_well_so_far(setting: Setting, caplog: pytest.LogCaptureFixture):
    cleaned: list[str] = []

    @setting.backend.external_task()
    async def letters(text: str) -> AsyncIterator[str]:
        try:
            for letter in text:
                yield letter
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(text)
            closed.set()

    held: list[AsyncIterator[str]] = []
    closed = asyncio.Event()

    async def main() -> None:
        async for letter in letters("abc"):
            if letter == "b":
                break
        await closed.wait()
        held.append(letters("def"))  # still there when the loop shuts down
        await anext(held[0])

    asyncio.run(main())
    assert threads.join(20)
    assert sorted(cleaned) == ["abc", "def"]
    assert [record for record in caplog.records if record.name == "asyncio"] == []  # nothing was closed twice
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "abc", "ab"),
        ("completed", "def", "d"),
    ]
    assert len(setting.reports()) == 2


def test_a_generator_that_is_finished_in_another_context_is_one_run(setting: Setting):
    @setting.backend.external_task()
    def letters(text: str) -> Iterator[str]:
        for letter in text:
            assert (run := current_run()) is not None
            assert run.input == text
            yield letter

    first, second = letters("ab"), letters("cd")
    assert (next(first), next(second)) == ("a", "c")
    assert current_run() is None
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: (list(first), list(second), current_run())).result(10) == (["b"], ["d"], None)
    assert sorted(told(run)[2] for run in setting.runs().values()) == ["ab", "cd"]
