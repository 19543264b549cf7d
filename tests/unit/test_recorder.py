"""A recorded function stays what it was; a run holds what it was told. Nothing is sent: sending is disabled."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import logging
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from xpander_facade import Agent, Backend, Configuration, ExternalTask, Task, Tokens, current_run
from xpander_facade._serialization.jsonable import plain_text
from xpander_facade.recorder._decorators import MOST_CHARACTERS, Pieces
from xpander_facade.recorder._external_task import Terms

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

CONFIGURATION = Configuration(disabled=True, agent_id="agent-1")
BACKEND = Backend(CONFIGURATION)
RESPONSE = {
    "object": "chat.completion",
    "choices": [
        {"message": {"content": "It rains.", "tool_calls": [{"type": "function", "function": {"name": "weather"}}]}}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2},
}


def reported(run: ExternalTask | None) -> Task:
    """Return what the run told the platform, or would have."""
    assert run is not None
    assert run.task is not None
    return run.task


class Watched:
    """Keep the runs of decorated functions: each calls this."""

    def __init__(self) -> None:
        self.runs: list[ExternalTask | None] = []

    def __call__(self) -> None:
        self.runs.append(current_run())

    @property
    def task(self) -> Task:
        (run,) = self.runs
        return reported(run)


@pytest.fixture
def watch() -> Watched:
    return Watched()


# --- a decorated function is what it was ---


def plain_function(a: int, /, b: str = "b", *c: int, d: bool, **e: float) -> str:
    """Say something."""
    return f"{a}{b}{c}{d}{e}"


async def coroutine_function(a: int) -> str:
    """Say something."""
    return str(a)


def generator_function(a: int) -> Generator[str, int, bool]:
    """Say something."""
    yield str(a)
    return True


async def async_generator_function(a: int) -> AsyncGenerator[str, int]:
    """Say something."""
    yield str(a)


FUNCTIONS = (plain_function, coroutine_function, generator_function, async_generator_function)
KINDS = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    asyncio.iscoroutinefunction if sys.version_info < (3, 14) else inspect.iscoroutinefunction,
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_decorated_function_looks_as_before(function: Any):
    recorded = BACKEND.external_task()(function)
    assert recorded is not function
    assert [is_kind(recorded) for is_kind in KINDS] == [is_kind(function) for is_kind in KINDS]
    assert inspect.signature(recorded) == inspect.signature(function)
    assert (recorded.__name__, recorded.__qualname__, recorded.__doc__, recorded.__module__) == (
        function.__name__,
        function.__qualname__,
        function.__doc__,
        function.__module__,
    )


def test_a_decorated_function_takes_and_gives_what_it_did():
    recorded = BACKEND.external_task()(plain_function)
    assert recorded(1, "x", 2, 3, d=True, e=1.5) == plain_function(1, "x", 2, 3, d=True, e=1.5)
    with pytest.raises(TypeError):
        recorded()


@pytest.mark.parametrize(
    "wrong", [int, print and 5, staticmethod(plain_function), classmethod(plain_function), object()]
)
def test_what_is_no_function_can_not_be_decorated(wrong: Any):
    with pytest.raises(TypeError, match="right above the function"):
        BACKEND.external_task()(wrong)


def test_a_decorator_without_its_parentheses_is_told_so():
    with pytest.raises(TypeError, match=r"@backend\.external_task\(\)"):
        BACKEND.external_task(plain_function)


def test_several_runs_can_not_share_an_id():
    with pytest.raises(ValueError, match="id of its own"):
        BACKEND.external_task(id="run-1")(plain_function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_wrong_arguments_are_an_error_as_ever(function: Any):
    recorded = BACKEND.external_task()(function)

    async def use() -> None:
        called = recorded(unknown=1)
        if inspect.isgenerator(called):
            next(called)
        await (called if inspect.iscoroutine(called) else anext(called))

    with pytest.raises(TypeError, match=r"unexpected keyword|missing"):
        asyncio.run(use())


# --- generators keep their protocol ---


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
        assert (watch.task.status.value, watch.task.result) == ("failed", "CancelledError")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("items", "text"), [(["a", "b"], "ab"), ([], None), (["a", 1], None), ([1, "a"], None), ([""], ""), ([None], None)]
)
def test_what_is_yielded_is_the_result_where_all_of_it_is_text(items: list[Any], text: str | None):
    pieces = Pieces()
    for item in items:
        pieces.add(item)
    assert pieces.text == text


def test_a_generator_that_never_ends_fills_no_memory():
    pieces = Pieces()
    for _ in range(12):
        pieces.add("x" * (MOST_CHARACTERS // 10 + 1))
    assert pieces.text == "x" * MOST_CHARACTERS


# --- the input ---


@attrs.define
class Question:
    text: str
    at: complex = 1j


class Asked:
    @BACKEND.external_task()
    def method(self, question: object = "a default") -> str | None:
        return _input()

    @classmethod
    @BACKEND.external_task()
    def class_method(cls, question: object) -> str | None:
        return _input()

    @staticmethod
    @BACKEND.external_task()
    def static_method(question: object) -> str | None:
        return _input()


def _input() -> str | None:
    run = current_run()
    assert run is not None
    return run.input


@BACKEND.external_task()
def keywords_only(*, question: object) -> str | None:
    return _input()


@BACKEND.external_task()
def any_arguments(*questions: object, **more: object) -> str | None:
    return _input()


@BACKEND.external_task()
def no_arguments() -> str | None:
    return _input()


@BACKEND.external_task(input="given")
def given(question: object) -> str | None:
    return _input()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Asked().method("q"), "q"),
        (lambda: Asked().method(question="q"), "q"),
        (lambda: Asked().method(), "a default"),
        (lambda: Asked.class_method("q"), "q"),
        (lambda: Asked.static_method("q"), "q"),
        (lambda: keywords_only(question="q"), "q"),
        (lambda: any_arguments("q", 2), "q"),
        (lambda: any_arguments(question="q"), None),
        (lambda: no_arguments(), None),
        (lambda: given("q"), "given"),
        (lambda: Asked().method(None), None),
    ],
)
def test_the_input_is_the_first_argument_unless_it_is_given(call: Any, text: str | None):
    assert call() == text


def test_a_partial_function_can_be_decorated():
    def add(a: str, b: str) -> str | None:
        return _input()

    assert BACKEND.external_task()(functools.partial(add, b="b"))("a") == "a"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (5, "5"),
        ({"ä": [1, None, True]}, '{"ä": [1, null, true]}'),
        ([], "[]"),
        (Question("why?"), '{"text": "why?", "at": "1j"}'),
        (b"bytes", "bytes"),
        (list(range(10_001)), "<list of 10001>"),
        (float("nan"), "null"),
    ],
)
def test_an_input_that_is_no_text_is_json(value: object, text: str):
    assert plain_text(value) == text


def test_an_input_that_can_not_even_be_printed_costs_no_call():
    class Broken:
        def __len__(self) -> int:
            raise RuntimeError("no length")

        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    assert given(Broken()) == "given"
    assert Asked.static_method(Broken()) == "<Broken>"


# --- the result ---


def test_a_returned_text_is_the_result_unless_one_is_set(watch: Watched):
    @BACKEND.external_task()
    def answer(result: object, returned: object) -> object:
        watch()
        run = current_run()
        assert run is not None
        run.record(RESPONSE)
        if result != "nothing":
            run.result = result
        return returned

    for result, returned, told in (
        ("set", "returned", "set"),
        ("nothing", "returned", "returned"),
        ("nothing", 5, "It rains."),
        (None, "returned", None),
    ):
        assert answer(result, returned) == returned
        assert watch.task.result == told
        watch.runs.clear()


def test_an_exception_goes_before_a_result_that_was_set():
    run = BACKEND.external_task()

    def work() -> None:
        with run:
            run.result = "half of it"
            raise ValueError("boom")

    with pytest.raises(ValueError):
        work()
    assert (reported(run).result, run.result, run.is_success) == ("boom", "half of it", False)


def test_an_exception_without_a_readable_text_is_named():
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    run = BACKEND.external_task()
    with pytest.raises(Broken), run:
        raise Broken
    assert reported(run).result == "Broken"


def test_a_run_can_be_marked_as_failed_without_an_exception():
    with BACKEND.external_task() as run:
        run.fail("the model refused")
        assert not run.is_success
    assert (reported(run).status.value, reported(run).result) == ("failed", "the model refused")


# --- what is recorded ---


def test_several_responses_add_up():
    with BACKEND.external_task() as run:
        usage = run.record(RESPONSE)
        assert usage is not None
        assert (run.tokens, run.used_tools, run.result) == (Tokens(10, 2), ["weather"], "It rains.")
        assert run.llm_response is RESPONSE
        run.record({"message": {"role": "assistant", "content": "No."}, "prompt_eval_count": 5, "eval_count": 1})
        run.record({"unknown": 1})
        assert run.record(None) is None
        run.used_tools.append("by hand")
        run.record(RESPONSE)
    task = reported(run)
    assert task.tokens == Tokens(25, 5)
    assert task.used_tools == ["weather", "by hand"]
    assert task.result == "It rains."
    assert [*map(type, run.llm_response)] == [dict] * 4
    assert run.llm_response[2] == {"unknown": 1}


def test_a_response_without_a_text_leaves_the_last_text():
    with BACKEND.external_task() as run:
        run.record(RESPONSE)
        run.record({**RESPONSE, "choices": [{"message": {"content": None}}]})
    assert reported(run).result == "It rains."


def test_what_is_set_goes_before_what_is_recorded():
    with BACKEND.external_task() as run:
        run.record(RESPONSE)
        run.result = None
        run.llm_response = "mine"
        run.tokens = {"prompt_tokens": 1}
        run.record(RESPONSE)
    assert (run.result, run.llm_response, run.tokens) == (None, "mine", Tokens(11, 2))


def test_threads_record_into_one_run():
    with BACKEND.external_task() as run, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run.record(RESPONSE), range(400)))
    assert reported(run).tokens == Tokens(4_000, 800)
    assert len(run.llm_response) == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [("result", 5), ("input", b"b"), ("tokens", 5), ("used_tools", "search"), ("used_tools", [1])],
)
def test_a_value_of_a_wrong_type_is_an_error_where_it_is_set(name: str, value: object):
    with BACKEND.external_task() as run, pytest.raises(TypeError, match=name):
        setattr(run, name, value)
    assert reported(run).status.value == "completed"


@pytest.mark.parametrize("name", ["reslut", "id", "task", "is_success"])
def test_a_name_that_can_not_be_set_is_an_error_where_it_is_set(name: str):
    with pytest.raises(AttributeError):
        setattr(BACKEND.external_task(), name, "x")


def test_a_tool_that_is_no_text_costs_no_report():
    with BACKEND.external_task() as run:
        run.used_tools.append(5)
    assert reported(run).used_tools == ["5"]


def test_what_comes_too_late_is_said_in_the_log(caplog: pytest.LogCaptureFixture):
    with BACKEND.external_task(id="run-1") as run:
        pass
    run.result = "a secret"
    run.record(RESPONSE)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "run-1" in caplog.text
    assert "secret" not in caplog.text


# --- the handle ---


def test_the_clock_runs_from_the_beginning_of_the_block_to_its_end():
    times = iter([0.0, 100.0, 107.5])
    run = ExternalTask(Terms(configure=lambda: CONFIGURATION, clock=lambda: next(times)))
    with run:
        pass
    assert reported(run).duration == 7.5


def test_one_handle_records_one_run():
    with BACKEND.external_task(id="run-1") as run, pytest.raises(RuntimeError, match="call external_task"), run:
        pytest.fail("it ran twice")
    with pytest.raises(RuntimeError, match="run-1"), run:
        pytest.fail("it ran twice")
    assert reported(run).status.value == "completed"


def test_a_handle_tells_its_id_from_the_beginning_on():
    run = BACKEND.external_task()
    with pytest.raises(RuntimeError, match="before it begins"):
        print(run.id)
    assert BACKEND.external_task(id="run-1").id == "run-1"
    with run:
        assert run.id.startswith("ext-")
        assert run.task is None
    assert reported(run).id == run.id


def test_a_handle_shows_its_state_and_no_content():
    run = BACKEND.external_task(id="run-1", input="a secret")
    assert repr(run) == "<ExternalTask run-1: new>"
    with run:
        assert repr(run) == "<ExternalTask run-1: running>"
    assert repr(run) == "<ExternalTask run-1: ended>"
    assert repr(BACKEND.external_task()) == "<ExternalTask (no id yet): new>"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"agent_id": 5}, TypeError),
        ({"agent_id": " "}, ValueError),
        ({"agent": "agent-1"}, TypeError),
        ({"id": ""}, ValueError),
        ({"input": 5}, TypeError),
        ({"report_start": 1}, TypeError),
        ({"strict": "no"}, TypeError),
    ],
)
def test_a_wrong_argument_is_an_error_at_once(wrong: dict[str, Any], error: type[Exception]):
    with pytest.raises(error):
        BACKEND.external_task(**wrong)


def test_the_agent_is_the_loaded_one_or_the_environments_when_the_run_begins(monkeypatch: pytest.MonkeyPatch):
    with BACKEND.external_task("another", Agent(id="loaded")) as run:
        pass
    assert reported(run).agent_id == "loaded"
    run = Backend(Configuration(disabled=True)).external_task()
    monkeypatch.setenv("XPANDER_AGENT_ID", "of the environment")
    with run:
        monkeypatch.setenv("XPANDER_AGENT_ID", "of later")
    assert reported(run).agent_id == "of the environment"


def test_another_configuration_can_be_used():
    with BACKEND.external_task(configuration=attrs.evolve(CONFIGURATION, agent_id="agent-2")) as run:
        pass
    assert reported(run).agent_id == "agent-2"


# --- which run is current ---


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
