"""A decorated generator keeps its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from recorded import BACKEND, Watched

from xpander_facade._process import threads
from xpander_facade.recorder._continuations import MAX_CHARACTERS, TextAccumulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def conversation(watch: Watched) -> Generator[str, str | None, str]:
    heard: list[str | None] = []
    watch()
    while True:
        try:
            said = yield f"heard {len(heard)}"
        except KeyError as error:
            heard.append(f"caught {error.args[0]}")
            continue
        if said == "end":
            return f"end after {heard}"
        if said == "fail":
            raise ValueError("asked to")
        heard.append(said)


def test_a_generator_takes_what_is_sent_and_thrown_and_returns(watch: Watched):
    talk = BACKEND.external_task(input="in")(conversation)(watch)
    assert next(talk) == "heard 0"
    assert talk.send("a") == "heard 1"
    assert talk.throw(KeyError("b")) == "heard 2"
    assert next(talk) == "heard 3"
    with pytest.raises(StopIteration) as stop:
        talk.send("end")
    assert stop.value.value == "end after ['a', 'caught b', None]"
    assert (watch.task.status.value, watch.task.result) == ("completed", "end after ['a', 'caught b', None]")
    with pytest.raises(StopIteration):
        next(talk)


def test_an_error_after_one_that_was_thrown_in_and_caught_has_no_context(watch: Watched):
    talk = BACKEND.external_task()(conversation)(watch)
    next(talk)
    talk.throw(KeyError("b"))
    with pytest.raises(ValueError, match="asked to") as caught:
        talk.send("fail")
    assert caught.value.__context__ is None
    assert (watch.task.status.value, watch.task.result) == ("failed", "asked to")


def test_an_error_that_is_thrown_in_and_not_caught_comes_back_itself(watch: Watched):
    talk = BACKEND.external_task()(conversation)(watch)
    next(talk)
    error = RuntimeError("mine")
    with pytest.raises(RuntimeError) as caught:
        talk.throw(error)
    assert caught.value is error
    assert error.__context__ is None
    assert watch.task.status.value == "failed"


def test_an_error_that_was_thrown_in_leaves_memory_when_its_thrower_lets_go_of_it():
    @BACKEND.external_task()
    def numbers() -> Generator[int]:
        yield 1

    class Held(Exception):
        """Can be referred to weakly."""

    def throw() -> weakref.ref[Held]:
        generator = numbers()
        next(generator)
        error = Held()
        with contextlib.suppress(Held):
            generator.throw(error)
        reference = weakref.ref(error)
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        del error, generator
        return reference

    gc.disable()
    try:
        assert throw()() is None
    finally:
        gc.enable()


def test_a_generator_that_is_closed_cleans_up_once_and_has_done_well(watch: Watched):
    cleaned: list[str] = []

    @BACKEND.external_task()
    def pieces() -> Generator[str]:
        watch()
        try:
            yield "a"
            yield "b"
        finally:
            cleaned.append("up")

    piece = pieces()
    next(piece)
    piece.close()
    piece.close()
    assert threads.join(20)
    assert cleaned == ["up"]
    assert (watch.task.status.value, watch.task.result) == ("completed", "a")


def test_a_generator_that_was_never_started_is_no_run(watch: Watched):
    BACKEND.external_task()(conversation)(watch).close()
    assert watch.runs == []


def test_a_generator_that_ignores_its_closing_is_told_so(watch: Watched):
    @BACKEND.external_task()
    def stubborn() -> Generator[str]:
        watch()
        try:
            yield "a"
        except GeneratorExit:
            yield "b"

    piece = stubborn()
    next(piece)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        piece.close()
    assert list(piece) == []
    assert watch.task.result == "ab"


def test_an_async_generator_takes_what_is_sent_and_thrown(watch: Watched):
    @BACKEND.external_task()
    async def talk() -> AsyncGenerator[str, str | None]:
        watch()
        said: str | None = None
        while said != "end":
            try:
                said = yield f"heard {said}"
            except KeyError as error:
                said = f"caught {error.args[0]}"
            if said == "fail":
                raise ValueError("asked to")

    async def main() -> None:
        talking = talk()
        assert await anext(talking) == "heard None"
        assert await talking.asend("a") == "heard a"
        assert await talking.athrow(KeyError("b")) == "heard caught b"
        with pytest.raises(StopAsyncIteration):
            await talking.asend("end")
        assert watch.task.status.value == "completed"
        watch.runs.clear()
        talking = talk()
        await anext(talking)
        await talking.athrow(KeyError("b"))
        with pytest.raises(ValueError, match="asked to") as caught:
            await talking.asend("fail")
        assert caught.value.__context__ is None
        assert watch.task.status.value == "failed"

    asyncio.run(main())


def test_an_async_generator_that_is_closed_cleans_up_once_and_has_done_well(watch: Watched):
    cleaned: list[str] = []

    @BACKEND.external_task()
    async def pieces() -> AsyncGenerator[str]:
        watch()
        try:
            yield "a"
            yield "b"
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    async def main() -> None:
        piece = pieces()
        await anext(piece)
        await piece.aclose()
        await piece.aclose()
        assert cleaned == ["up"]
        assert (watch.task.status.value, watch.task.result) == ("completed", "a")

    asyncio.run(main())


def test_an_async_generator_whose_consumer_is_cancelled_in_a_step_has_failed(watch: Watched):
    @BACKEND.external_task()
    async def pieces() -> AsyncGenerator[str]:
        watch()
        yield "a"
        await asyncio.Event().wait()

    async def main() -> None:
        piece = pieces()
        await anext(piece)
        step = asyncio.ensure_future(anext(piece))
        await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert (watch.task.status.value, watch.task.result) == ("failed", "a")  # what was streamed until then

    asyncio.run(main())


@pytest.mark.parametrize(
    ("items", "text"), [(["a", "b"], "ab"), ([], None), (["a", 1], None), ([1, "a"], None), ([""], ""), ([None], None)]
)
def test_what_is_yielded_is_the_result_where_all_of_it_is_text(items: list[Any], text: str | None):
    pieces = TextAccumulator()
    for item in items:
        pieces.add(item)
    assert pieces.text == text


def test_a_generator_that_never_ends_fills_no_memory():
    pieces = TextAccumulator()
    for _ in range(12):
        pieces.add("x" * (MAX_CHARACTERS // 10 + 1))
    assert pieces.text == "x" * MAX_CHARACTERS
