"""Record parts of a job: blocks without an id of their own go into the job's run."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
from recorded import BACKEND, RESPONSE

from xpander_facade import Configuration, Tokens, current_run
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._jobs import Jobs, record
from xpander_facade.recorder import _run_data


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(BACKEND, names=["named"])


def begin(jobs: Jobs, name: str = "named", *arguments: object, marked: tuple[object, ...] = ()):
    jobs.begin("key", id="job-1", name=name, attempt=0, arguments=arguments, keywords={}, marked=marked)
    return current_run()


def test_what_parts_record_is_recorded_of_the_job(jobs: Jobs):
    run = begin(jobs, "named", "in")
    with BACKEND.external_task(input="one") as one:
        one.tokens = Tokens(prompt_tokens=3)
        one.used_tools = ["search"]
        one.metadata = {"step": 1}
    with BACKEND.external_task(input="two") as two:
        two.record(RESPONSE)
        two.used_tools.append("search")
    jobs.end("key")
    assert (one.id, two.id) == ("job-1", "job-1")
    assert one.delivery is None
    task = run.task
    assert (task.id, task.input.text, task.tokens.prompt_tokens, task.result) == ("job-1", "in", 13, "It rains.")
    assert task.used_tools == ["search", "weather"]
    assert run.metadata == {"step": 1}


def test_what_comes_in_two_parts_that_begin_at_once_counts_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch):
    run, both_begin, has_begun = begin(jobs), threading.Barrier(2), list[None]()

    class MadeAtOnce(_run_data.RunUsage):
        def __init__(self, *arguments: tuple[object, ...]):
            super().__init__(*arguments)
            both_begin.wait(30)

    def record_part() -> None:
        with BACKEND.external_task() as part:
            has_begun.append(None)
            part.record({**RESPONSE, "id": "chatcmpl-1"})

    with monkeypatch.context() as patch:
        patch.setattr(_run_data, "RunUsage", MadeAtOnce)
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(record_part,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    jobs.end("key")
    assert len(has_begun) == 2
    assert run.task.tokens.prompt_tokens == 10


def test_what_comes_again_in_another_part_counts_once(jobs: Jobs):
    run = begin(jobs)
    for _ in range(2):
        with BACKEND.external_task() as part:
            part.record({**RESPONSE, "id": "chatcmpl-1"})
    jobs.end("key")
    assert run.task.tokens.prompt_tokens == 10


def test_a_part_that_failed_and_was_caught_is_no_failure_of_the_job(jobs: Jobs):
    run = begin(jobs)
    with pytest.raises(KeyError), BACKEND.external_task():
        raise KeyError("tried")
    jobs.end("key", "done")
    assert (run.task.status.value, run.task.result) == ("completed", "done")


def test_a_part_that_says_that_it_failed_makes_the_job_fail(jobs: Jobs):
    run = begin(jobs)
    with BACKEND.external_task() as part:
        part.fail("no such invoice")
    jobs.end("key")
    assert (run.task.status.value, run.task.result) == ("failed", "no such invoice")


def test_a_block_with_an_id_or_an_agent_of_its_own_is_a_run_of_its_own(jobs: Jobs):
    run = begin(jobs)
    with BACKEND.external_task(id="own") as own, BACKEND.external_task(agent_id="other") as other:
        own.tokens = {"prompt_tokens": 7}
    jobs.end("key")
    assert (own.task.id, other.task.agent_id) == ("own", "other")
    assert run.task.tokens is None


def test_decorated_functions_generators_and_async_blocks_are_parts_too(jobs: Jobs):
    run = begin(jobs)

    @BACKEND.external_task()
    def ask(question: str) -> dict:
        return RESPONSE

    @BACKEND.external_task()
    def tokens(question: str):
        yield "It "
        yield "snows."

    async def main() -> None:
        async with BACKEND.external_task() as part:
            part.tokens = {"prompt_tokens": 5}

    ask("Rain?")
    assert "".join(tokens("Snow?")) == "It snows."
    asyncio.run(main())
    jobs.end("key")
    assert (run.task.tokens.prompt_tokens, run.task.result) == (15, "It snows.")


def test_a_job_in_which_nothing_was_recorded_is_not_reported(jobs: Jobs):
    for error in (None, ValueError("no")):
        run = begin(jobs, "quiet")
        jobs.end("key", "value", error)
        assert run.delivery is None
        assert run._made_reporter.task is None
    assert current_run() is None


@pytest.mark.parametrize("touch", ["tokens", "part", "fail"])
def test_a_job_in_which_something_was_recorded_is_reported(jobs: Jobs, touch: str):
    run = begin(jobs, "quiet")
    if touch == "tokens":
        run.tokens = {"prompt_tokens": 1}
    elif touch == "fail":
        run.fail("no")
    else:
        with BACKEND.external_task():
            pass
    jobs.end("key", "value")
    assert run.task.id == "job-1"


def test_a_job_is_not_the_run_of_other_threads(jobs: Jobs):
    begin(jobs)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(current_run()))
    thread.start()
    thread.join()
    jobs.end("key")
    assert seen == [None]


def test_marks_say_how_a_job_is_described(jobs: Jobs, caplog: pytest.LogCaptureFixture):
    @record(input=lambda text: text * 2, result=lambda value: value + 1)
    def function(text: str) -> int:
        return 1

    run = begin(jobs, "other", "a", marked=(function,))
    jobs.end("key", 1)
    assert (run.input, run.id) == ("aa", "job-1")

    @record(input=False, result=lambda value: 1 / 0)
    def broken(text: str) -> None: ...

    run = begin(jobs, "other", "a", marked=(broken,))
    jobs.end("key", "value")
    assert (run.input, run.task.result) == (None, None)
    assert "job job-1 goes on" in caplog.text


def test_what_makes_no_sense_is_an_error_that_names_it():
    for given, expected in (
        ({"names": "named"}, "in a list"),
        ({"input": "x"}, "input must be"),
        ({"result": True}, "result must be"),
    ):
        with pytest.raises(IntegrationError, match=expected):
            Jobs(BACKEND, **given)
    with pytest.raises(IntegrationError, match="must be a Backend"):
        Jobs(Configuration())
    with pytest.raises(TypeError):
        Jobs(BACKEND, all="yes")
