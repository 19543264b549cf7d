"""A stream that passes through a run is recorded on the way, and nobody keeps its chunks."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from recorded import BACKEND, reported

from xpander_facade import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Chunk(dict[str, Any]):
    """A chunk that can be seen to live on."""


def chunk(content: str | None, **rest: Any) -> Chunk:
    choices = [{"index": 0, "delta": {"content": content}}]
    return Chunk({"id": "s1", "object": "chat.completion.chunk", "model": "m-1", "choices": choices, **rest})


def chunks(id: str = "s1") -> list[Chunk]:
    last = chunk(None, usage={"prompt_tokens": 7, "completion_tokens": 3})
    return [Chunk({**each, "id": id}) for each in (chunk("It "), chunk("rains."), last)]


async def delayed(items: list[Chunk]) -> AsyncIterator[Chunk]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def test_chunks_pass_and_are_recorded():
    with BACKEND.external_task() as run:
        passed = list(run.stream(iter(chunks())))
        assert run.tokens == Tokens(7, 3)
    assert passed == chunks()
    assert (reported(run).tokens, reported(run).result) == (Tokens(7, 3), "It rains.")


def test_chunks_of_an_asynchronous_stream_pass_and_are_recorded():
    async def main() -> list[Chunk]:
        async with BACKEND.external_task() as run:
            passed = [item async for item in run.stream(delayed(chunks()))]
        assert (reported(run).tokens, reported(run).result) == (Tokens(7, 3), "It rains.")
        return passed

    assert asyncio.run(main()) == chunks()


def test_a_stream_that_breaks_off_is_recorded_and_its_error_goes_on():
    def broken() -> Iterator[Chunk]:
        yield from chunks()[:2]
        raise ConnectionError("gone")

    run = BACKEND.external_task()
    with pytest.raises(ConnectionError, match="gone"), run:
        for _ in run.stream(broken()):
            pass
    assert run.llm_response["text"] == "It rains."
    assert reported(run).result == "gone"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_stream_that_is_left_is_recorded_when_its_run_ends(way: str):
    async def main() -> Any:
        async with BACKEND.external_task() as run:
            async for _ in run.stream(delayed(chunks())):
                break
        return run

    if way == "async":
        run = asyncio.run(main())
    else:
        with BACKEND.external_task() as run:
            for _ in run.stream(chunks()):
                break
    assert reported(run).result == "It "


def test_two_streams_at_once_are_kept_apart():
    with BACKEND.external_task() as run:
        for pair in zip(run.stream(chunks("a")), run.stream(chunks("b")), strict=True):
            assert len(pair) == 2
    assert reported(run).tokens == Tokens(14, 6)


def test_a_stream_that_ends_with_the_whole_counts_once_beside_it():
    whole = {
        "id": "s1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"content": "It rains."}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }
    with BACKEND.external_task() as run:
        for _ in run.stream(chunks()):
            pass
        run.record(whole)
    assert reported(run).tokens == Tokens(7, 3)


def test_no_chunk_is_kept_but_the_last():
    kept: list[weakref.ref[Any]] = []

    class Weak:
        def __init__(self, data: dict[str, Any]) -> None:
            self.__dict__ = data

    def made() -> Iterator[Weak]:
        for number in range(1_000):
            item = Weak(chunk(str(number % 10)))
            kept.append(weakref.ref(item))
            yield item

    with BACKEND.external_task() as run:
        for _ in run.stream(made()):
            pass
        gc.collect()
        assert len([ref for ref in kept if ref() is not None]) <= 1
    assert len(run.result or "") == 1_000
    assert run.llm_response["_streamed"] == 1_000


def test_what_a_stream_is_stored_as_tells_what_it_told():
    with BACKEND.external_task() as run:
        for _ in run.stream(chunks()):
            pass
        summary = run.llm_response
    assert (summary["model"], summary["text"], summary["ids"]) == ("m-1", "It rains.", ["s1"])
    assert summary["last_chunk"] == chunks()[-1]


def test_a_stream_is_closed_with_what_is_around_it():
    closed: list[str] = []

    def source() -> Iterator[Chunk]:
        try:
            yield from chunks()
        finally:
            closed.append("sync")

    async def asource() -> AsyncIterator[Chunk]:
        try:
            for item in chunks():
                yield item
        finally:
            closed.append("async")

    async def main() -> None:
        async with BACKEND.external_task() as run, run.stream(asource()) as stream:
            await anext(stream)
        assert reported(run).result == "It "

    with BACKEND.external_task() as run, run.stream(source()) as stream:
        next(stream)
    asyncio.run(main())
    assert closed == ["sync", "async"]
    assert reported(run).result == "It "


@pytest.mark.parametrize("nothing", [None, 5, object()], ids=lambda value: repr(value).split(" at 0x")[0])
def test_what_is_not_a_stream_is_an_error(nothing: Any):
    with BACKEND.external_task() as run, pytest.raises(TypeError, match="iterable"):
        run.stream(nothing)
    assert run.llm_response is None


def test_chunks_that_tell_nothing_pass():
    odd: list[Any] = [None, 5, object(), b"x"]
    with BACKEND.external_task() as run:
        assert list(run.stream(odd)) == odd
        assert list(run.stream([])) == []
    assert reported(run).tokens is None
