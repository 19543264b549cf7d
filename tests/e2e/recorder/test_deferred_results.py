"""Functions that return what ends later: the run goes on until that has ended. And what else they return."""

from __future__ import annotations

import asyncio
import dataclasses
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from recording import told

from xpander_facade._process import threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from recording import Setting


class Stream:
    """As the streams of providers' libraries: an iterator with attributes of its own."""

    response = "headers"

    def __init__(self, fails: bool) -> None:
        self.parts = iter("abc")
        self.fails = fails
        self.is_closed = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        part = next(self.parts)
        if part == "c" and self.fails:
            raise ConnectionError("broke")
        return part

    def close(self) -> None:
        self.is_closed = True


class AsyncStream(Stream):
    """The same for async code."""

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        try:
            return Stream.__next__(self)
        except StopIteration:
            raise StopAsyncIteration from None

    __iter__ = None


async def words(fails: bool) -> AsyncIterator[str]:
    for part in Stream(fails):
        yield part


async def answer(fails: bool) -> str:
    await asyncio.sleep(0)
    return "".join(Stream(fails))


async def taken(parts: AsyncIterator[str]) -> str:
    return "".join([part async for part in parts])


async def awaited(value: Any) -> Any:
    return await value


def in_future(fails: bool) -> Future[str]:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: "".join(Stream(fails)))


@pytest.mark.parametrize(
    ("make", "take"),
    [
        (lambda fails: (part for part in Stream(fails)), "".join),
        (Stream, "".join),
        (words, lambda parts: asyncio.run(taken(parts))),
        (AsyncStream, lambda parts: asyncio.run(taken(parts))),
        (answer, lambda value: asyncio.run(awaited(value))),
        (in_future, lambda future: future.result()),
    ],
    ids=["generator", "iterator", "async generator", "async iterator", "coroutine", "future"],
)
def test_a_run_ends_with_what_its_function_returned(setting: Setting, make: Any, take: Any):
    recorded = setting.backend.external_task()(lambda fails: make(fails))
    assert take(recorded(False)) == "abc"
    with pytest.raises(ConnectionError):
        take(recorded(True))
    assert threads.join(20)
    assert sorted(told(run)[::2] for run in setting.runs().values()) == [("completed", "abc"), ("failed", "broke")]


def test_a_coroutine_function_that_returns_a_stream_is_a_run_until_that_ends(setting: Setting):
    @setting.backend.external_task(input="in")
    async def create(fails: bool) -> AsyncStream:
        return AsyncStream(fails)

    async def main() -> None:
        assert await taken(await create(False)) == "abc"
        with pytest.raises(ConnectionError):
            await taken(await create(True))

    asyncio.run(main())
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "in", "abc"),
        ("failed", "in", "broke"),
    ]


def test_a_task_of_a_loop_that_is_returned_is_the_run(setting: Setting):
    @setting.backend.external_task(input="in")
    def begin(fails: bool) -> asyncio.Task[str]:
        return asyncio.get_running_loop().create_task(answer(fails))

    async def main() -> None:
        assert await begin(False) == "abc"
        with pytest.raises(ConnectionError):
            await begin(True)

    asyncio.run(main())
    assert threads.join(20)
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "in", "abc"),
        ("failed", "in", "broke"),
    ]


def test_a_stream_keeps_what_else_it_has_and_may_be_closed(setting: Setting):
    stream = setting.backend.external_task(input="in")(lambda: Stream(False))()
    assert (next(stream), stream.response, stream.is_closed) == ("a", "headers", False)
    stream.close()
    assert stream.is_closed
    assert threads.join(20)
    assert told(setting.run()) == ("completed", "in", "a")


@dataclasses.dataclass
class Invoice:
    number: int
    total: str


@pytest.mark.parametrize(
    ("returned", "result", "tokens"),
    [
        (Invoice(31, "12.00"), '{"number": 31, "total": "12.00"}', 0),
        ({"number": 31}, '{"number": 31}', 0),
        (["a", 1], '["a", 1]', 0),
        (31, None, 0),
        (
            {
                "object": "chat.completion",
                "choices": [{"message": {"content": "It is due."}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2},
            },
            "It is due.",
            12,
        ),
    ],
)
def test_what_is_returned_is_read_as_record_reads_it_or_is_the_result_as_json(
    setting: Setting, returned: object, result: str | None, tokens: int
):
    assert setting.backend.external_task()(lambda: returned)() is returned
    run = setting.run()
    assert (run["result"], (run.get("tokens") or {}).get("total_tokens", 0)) == (result, tokens)


def test_a_response_that_was_recorded_and_is_returned_counts_once(setting: Setting):
    response = {
        "object": "chat.completion",
        "choices": [{"message": {"content": "It is due."}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2},
    }

    def ask() -> dict[str, Any]:
        from xpander_facade import current_run

        run = current_run()
        assert run is not None
        run.record(response)
        return response

    setting.backend.external_task()(ask)()
    assert setting.run()["tokens"]["total_tokens"] == 12


def test_the_id_of_a_call_is_made_of_its_arguments(setting: Setting):
    @setting.backend.external_task(id=lambda job, **more: f"job-{job}")
    def work(job: int, *, twice: bool = False) -> str:
        return str(job)

    work(1)
    work(2, twice=True)
    assert setting.runs().keys() == {"job-1", "job-2"}
