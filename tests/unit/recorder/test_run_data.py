"""A run holds what it was told, and what was recorded."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from recorded import BACKEND, RESPONSE, Watched, reported

from xpander_facade import Tokens, current_run


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
