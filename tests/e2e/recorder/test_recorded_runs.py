"""Runs that are recorded as they happen: each gives one correct report, directly and through the outbox."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from calling import Caller, configured
from recording import AGENT, Setting, block, told

from xpander_facade import (
    Backend,
    ExternalTask,
    Tokens,
    current_run,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xpander_facade.emulator import Emulator


def extract(prompt: str) -> str:
    return f"Extracted 412 rows for: {prompt}"


def test_a_run_outside_of_the_platform_is_recorded(setting: Setting):
    backend = setting.backend

    with backend.external_task(id="ext-job-9921", input="Summarize Q4 earnings") as run:
        run.result = "Q4 revenue grew 22% YoY"
        run.tokens = Tokens(prompt_tokens=2_140, completion_tokens=380)
        run.used_tools = ["web_search", "fetch_pdf"]

    task = setting.runs()["ext-job-9921"]
    assert told(task) == ("completed", "Summarize Q4 earnings", "Q4 revenue grew 22% YoY")
    assert (task["tokens"]["prompt_tokens"], task["tokens"]["completion_tokens"]) == (2_140, 380)
    assert task["used_tools"] == ["web_search", "fetch_pdf"]


def test_a_run_is_marked_as_started_and_then_as_completed(setting: Setting):
    backend = setting.backend

    with backend.external_task(id="job-7842", input="Long-running data extraction", report_start=True) as run:
        assert setting.run()["result"] is None
        run.result = extract("Long-running data extraction")
        run.used_tools = ["s3_read", "snowflake_query"]

    by_hand = {"id": "job-7842", "input": "Long-running data extraction", "is_success": True, "duration": 0}
    started, completed = setting.reports()
    assert started == {**by_hand, "used_tools": []}
    assert {**completed, "duration": 0} == {
        **by_hand,
        "result": "Extracted 412 rows for: Long-running data extraction",
        "used_tools": ["s3_read", "snowflake_query"],
    }
    assert told(setting.run())[0] == "completed"


def test_a_run_that_raises_is_marked_as_failed(setting: Setting):
    backend = setting.backend

    with pytest.raises(KeyError), backend.external_task(id="job-failed-001", input="Read the invoice") as run:
        run.result = {}["no such key"]

    assert told(setting.run()) == ("failed", "Read the invoice", "'no such key'")


def test_a_block_is_timed_from_its_beginning_to_its_end(call: Caller, setting: Setting):
    block(call, setting.backend.external_task(), lambda run: threading.Event().wait(0.05))
    assert 0.05 <= setting.run()["duration"] < 20


def test_a_block_gives_one_report_with_all_that_was_set(call: Caller, setting: Setting):
    def work(run: ExternalTask) -> None:
        run.input = "in"
        run.result = "out"
        run.tokens = {"prompt_tokens": 3, "completion_tokens": 4, "cache_read_tokens": 1}
        run.used_tools = (name for name in ("a", "b"))
        run.used_tools.append("c")
        run.llm_response = {"raw": [1, None]}

    block(call, setting.backend.external_task("agent-9", id="run-1"), work)
    task = setting.run()
    assert (task["id"], task["agent_id"], *told(task)) == ("run-1", "agent-9", "completed", "in", "out")
    assert task["tokens"]["cache_read_tokens"] == 1
    assert task["used_tools"] == ["a", "b", "c"]
    assert setting.emulator.llm_response("run-1") == {"raw": [1, None]}


def test_the_task_of_the_platform_is_at_hand_after_a_direct_report(call: Caller, emulator: Emulator):
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1")
    block(call, handle, lambda run: run.fail("no answer"))
    assert handle.task is not None
    assert (handle.task.id, handle.task.status.value, handle.task.result) == ("run-1", "failed", "no answer")


def test_each_call_of_a_decorated_function_is_a_run(setting: Setting):
    @setting.backend.external_task()
    def double(number: int, times: int = 2) -> str:
        return str(number * times)

    assert [double(1), double(number=2, times=3)] == ["2", "6"]
    assert sorted(told(run) for run in setting.runs().values()) == [("completed", "1", "2"), ("completed", "2", "6")]


def test_each_call_of_a_decorated_coroutine_function_is_a_run(setting: Setting):
    @setting.backend.external_task(input="always the same")
    async def shout(text: str) -> str:
        await asyncio.sleep(0)
        return text.upper()

    async def main() -> list[str]:
        return await asyncio.gather(*(shout(text) for text in "abc"))

    assert asyncio.run(main()) == ["A", "B", "C"]
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "always the same", letter) for letter in "ABC"
    ]


def test_a_decorated_generator_is_a_run_that_ends_when_it_is_exhausted(setting: Setting):
    @setting.backend.external_task()
    def words(text: str) -> Iterator[str]:
        yield from text.split(" ")

    taken = words("a b")
    assert next(taken) == "a"
    assert setting.runs() == {}
    assert list(taken) == ["b"]
    assert told(setting.run()) == ("completed", "a b", "ab")


def test_a_decorated_async_generator_is_a_run_that_ends_when_it_is_exhausted(setting: Setting):
    @setting.backend.external_task()
    async def words(text: str) -> AsyncIterator[str]:
        for word in text.split(" "):
            await asyncio.sleep(0)
            yield word

    async def main() -> list[str]:
        return [word async for word in words("a b")]

    assert asyncio.run(main()) == ["a", "b"]
    assert told(setting.run()) == ("completed", "a b", "ab")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("boom"), "boom"),
        (ValueError(), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "3"),
    ],
)
def test_an_exception_is_reported_and_goes_on_unchanged(error: BaseException, text: str, setting: Setting):
    def work(run: ExternalTask) -> None:
        run.result = "half of it"
        raise error

    with pytest.raises(type(error)) as caught:
        block(Caller("sync"), setting.backend.external_task(input="in"), work)
    assert caught.value is error
    assert (error.__context__, error.__cause__, getattr(error, "__notes__", [])) == (None, None, [])
    assert told(setting.run()) == ("failed", "in", text)


def test_an_exception_of_each_kind_of_decorated_function_is_reported(setting: Setting):
    task = setting.backend.external_task()

    @task
    def function(name: str) -> None:
        raise ValueError(name)

    @task
    async def coroutine(name: str) -> None:
        raise ValueError(name)

    @task
    def generator(name: str) -> Iterator[str]:
        yield "a piece"
        raise ValueError(name)

    @task
    async def agenerator(name: str) -> AsyncIterator[str]:
        yield "a piece"
        raise ValueError(name)

    async def exhaust(pieces: AsyncIterator[str]) -> list[str]:
        return [piece async for piece in pieces]

    for work in (
        lambda: function("1"),
        lambda: asyncio.run(coroutine("2")),
        lambda: list(generator("3")),
        lambda: asyncio.run(exhaust(agenerator("4"))),
    ):
        with pytest.raises(ValueError) as caught:
            work()
        assert caught.value.__context__ is None
    assert sorted(told(run) for run in setting.runs().values()) == [("failed", name, name) for name in "1234"]


def test_nested_runs_and_threads_keep_apart(setting: Setting):
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        with setting.backend.external_task(id=f"outer-{number}") as outer:
            barrier.wait(10)
            with setting.backend.external_task(id=f"inner-{number}") as inner:
                assert current_run() is inner
                inner.result = f"inner {number}"
            assert current_run() is outer
            outer.result = f"outer {number}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {id: run["result"] for id, run in setting.runs().items()} == {
        f"{place}-{number}": f"{place} {number}" for place in ("inner", "outer") for number in range(8)
    }


def test_a_block_inside_of_a_loop_may_be_sync(setting: Setting):
    async def main() -> None:
        with setting.backend.external_task(input="in") as run:
            run.result = "out"

    asyncio.run(main())
    assert told(setting.run()) == ("completed", "in", "out")
