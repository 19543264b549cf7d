"""What a run counts of what is recorded: each call once, its own part of a sum, and failures that do not raise."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from recorded import BACKEND, RESPONSE, reported

from xpander_facade import Tokens
from xpander_facade.recorder import _earlier
from xpander_facade.usage import Usage, _reading, read_usage
from xpander_facade.usage._counts import Counts
from xpander_facade.usage._fragments import Scope, UsageFragment


@pytest.fixture(autouse=True)
def _nothing_recorded_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xpander_facade.recorder._run_usage.earlier_runs", _earlier.EarlierRuns())


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a recorded object tell what the test says: families of frameworks have tests of their own."""

    def told(response: Any, *, after: int | None = None) -> list[UsageFragment]:
        return [fragment.copy() for fragment in response]

    monkeypatch.setattr(_reading, "collect", told)
    return None


def answer(id: str, prompt: int, text: str = "It rains.") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": id,
        "object": "chat.completion",
        "model": "m-1",
        "choices": [{"index": 0, "message": message}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": 2},
    }


def test_a_response_that_comes_again_counts_once():
    with BACKEND.external_task() as run:
        first = run.record(answer("a", 10))
        again = run.record(answer("a", 10))
        assert first == again
        run.record([answer("a", 10), answer("b", 5, "It snows.")])
    assert reported(run).tokens == Tokens(15, 4)
    assert reported(run).result == "It snows."


def test_the_same_call_told_by_two_ways_counts_once(tell: Any):
    call = UsageFragment(Counts(10, 2), key="resp-1", texts=["It rains."])
    with BACKEND.external_task() as run:
        run._usage.take([call.copy()], way="client")
        run.record([UsageFragment(Counts(10, 2), key="msg-9", aliases=("resp-1",))])
    assert run.tokens is None or run.tokens == Tokens()
    with BACKEND.external_task() as run:
        run.record([call, UsageFragment(Counts(1, 1), key="resp-2")])
        change = run._usage.take([UsageFragment(Counts(10, 2), key="resp-1", chunk=True, opens=True)], way="spans")
    assert change.counts == dict.fromkeys(("prompt", "completion", "cache_read", "cache_write"), 0)
    assert run.tokens == Tokens(11, 3)


def test_calls_of_different_tools_under_one_id_are_two():
    """Local servers number their responses carelessly, and a call of a tool says nothing else."""

    def calling(tool: str, prompt: int) -> dict[str, Any]:
        told = answer("chatcmpl-7", prompt, "")
        told["choices"][0]["message"]["tool_calls"] = [
            {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": "{}"}}
        ]
        return told

    with BACKEND.external_task() as run:
        run.record(calling("look", 7))
        run.record(calling("pay", 10))
    assert (run.tokens, run.used_tools) == (Tokens(17, 4), ["look", "pay"])


def test_a_sum_stands_for_the_calls_that_it_holds(tell: Any):
    with BACKEND.external_task() as run:
        run.record([UsageFragment(Counts(10, 2), key="a")])
        run.record([UsageFragment(Counts(30, 6), holds=("a", "b"))])
        run.record([UsageFragment(Counts(20, 4), key="b")])
        assert run.tokens == Tokens(30, 6)
        run.record([UsageFragment(Counts(1, 1), key="c")])
    assert reported(run).tokens == Tokens(31, 7)


def test_a_sum_of_a_run_stands_for_its_group_since_the_last_sum(tell: Any):
    def call(count: int) -> UsageFragment:
        return UsageFragment(Counts(count, 0), group="g")

    def total(count: int) -> UsageFragment:
        return UsageFragment(Counts(count, 0), group="g", scope=Scope.RUN)

    with BACKEND.external_task() as run:
        for fragment in (call(1), call(2), total(3), call(4), total(5), UsageFragment(Counts(100, 0))):
            run.record([fragment])
    assert reported(run).tokens == Tokens(108)


def test_a_conversation_counts_only_what_no_earlier_run_has_recorded(tell: Any, caplog: pytest.LogCaptureFixture):
    def turn(number: int, prompt: int, tool: str) -> UsageFragment:
        return UsageFragment(
            Counts(prompt, 1), key=f"message {number}", tools=[tool], texts=[tool], is_kept=True, turn=number
        )

    state = [turn(0, 10, "first"), turn(1, 20, "second")]
    with BACKEND.external_task() as run:
        run.record(state[:1])
    with BACKEND.external_task() as outer:
        with BACKEND.external_task() as inner:
            inner.record(state)
        outer.record(state)
    assert reported(run).tokens == Tokens(10, 1)
    for later in (inner, outer):
        assert reported(later).tokens == Tokens(20, 1)
        assert reported(later).used_tools == ["second"]
    assert not caplog.records


def test_the_turns_of_another_process_are_counted_with_one_warning(tell: Any, caplog: pytest.LogCaptureFixture):
    state = [UsageFragment(Counts(10, 1), key=f"m{number}", is_kept=True, turn=number) for number in range(3)]
    with BACKEND.external_task(id="run-1") as run:
        run.record(state)
        run.record(state)
    assert reported(run).tokens == Tokens(30, 3)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "run-1" in record.getMessage()
    assert "after=" in record.getMessage()


def test_a_sum_that_lives_on_counts_its_difference(tell: Any, caplog: pytest.LogCaptureFixture):
    def total(count: int, *, earlier: str | None = "the crew's models") -> list[UsageFragment]:
        return [UsageFragment(Counts(count, count), key="crew-1", scope=Scope.SESSION, group="crew", earlier=earlier)]

    with BACKEND.external_task() as first:
        first.record(total(10))
    assert [record.getMessage().endswith("the crew's models") for record in caplog.records] == [True]
    with BACKEND.external_task() as second:
        second.record(total(15))
        second.record(total(18))
    with BACKEND.external_task() as third:
        third.record(total(2))  # it began to count anew
    assert [reported(run).tokens for run in (first, second, third)] == [Tokens(10, 10), Tokens(8, 8), Tokens(2, 2)]
    assert len(caplog.records) == 1


def test_after_leaves_earlier_messages_out():
    messages = [answer("a", 10), answer("b", 20), answer("c", 30)]
    with BACKEND.external_task() as run:
        run.record({"messages": messages}, after=2)
        run.record(messages, after=2)
    assert reported(run).tokens == Tokens(30, 2)


@pytest.mark.parametrize(
    ("after", "error"), [(-1, ValueError), ("2", TypeError), (True, TypeError), (1.5, TypeError)], ids=repr
)
def test_an_after_that_is_not_a_number_of_messages_is_an_error(after: Any, error: type[Exception]):
    with BACKEND.external_task() as run, pytest.raises(error, match="after"):
        run.record([answer("a", 10)], after=after)
    assert reported(run).tokens is None
    assert run.llm_response is None


def test_an_after_that_nothing_can_be_left_out_of_is_an_error():
    with BACKEND.external_task() as run, pytest.raises(ValueError, match="holds none"):
        run.record(answer("a", 10), after=1)
    assert run.tokens is None


FAILED = UsageFragment(Counts(1, 1), texts=["half"], is_success=False, failure="the model is overloaded")


def test_a_result_that_tells_of_a_failure_makes_the_run_one(tell: Any):
    with BACKEND.external_task() as run:
        usage = run.record([FAILED])
        assert usage is not None
        assert usage.failure == "the model is overloaded"
        assert not run.is_success
    assert (reported(run).status.value, reported(run).result) == ("failed", "the model is overloaded")


@pytest.mark.parametrize(
    "recovered",
    [
        UsageFragment(Counts(1, 1), is_success=True),
        UsageFragment(Counts(1, 1), texts=["All is well."]),
        UsageFragment(Counts(1, 1), texts=["All is well."], is_success=True),
    ],
    ids=["a result", "an answer", "a result with a text"],
)
def test_a_failure_that_the_run_recovered_from_does_not_fail_it(tell: Any, recovered: UsageFragment):
    with BACKEND.external_task() as run:
        run.record([FAILED])
        run.record([UsageFragment(Counts(3, 0))])  # embeddings decide nothing
        assert not run.is_success
        run.record([recovered])
    assert reported(run).status.value == "completed"
    with BACKEND.external_task() as run:
        run.record([FAILED, recovered])
    assert reported(run).status.value == "completed"


def test_the_user_decides_whether_a_recorded_result_is_a_success(tell: Any):
    with BACKEND.external_task() as run:
        run.record([FAILED], is_success=True)
        assert run.is_success
    assert (reported(run).status.value, reported(run).result) == ("completed", "half")
    with BACKEND.external_task() as run:
        run.record([UsageFragment(texts=["No idea."])], is_success=False)
    assert (reported(run).status.value, reported(run).result) == ("failed", "No idea.")
    with BACKEND.external_task() as run, pytest.raises(TypeError, match="is_success"):
        run.record([FAILED], is_success="yes")


def test_a_run_that_was_marked_as_failed_stays_failed():
    with BACKEND.external_task() as run:
        run.fail("out of money")
        run.record(RESPONSE)
    assert (reported(run).status.value, reported(run).result) == ("failed", "out of money")


def test_counts_that_are_told_only_on_request_are_none_and_one_warning_names_the_option(
    caplog: pytest.LogCaptureFixture,
):
    chunk = {"id": "s", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    with BACKEND.external_task(id="run-1") as run:
        usage = run.record([chunk])
        run.record([{**chunk, "id": "t"}])
    assert usage == Usage(None, None, [], "Hi")
    assert reported(run).tokens is None
    (record,) = caplog.records
    assert 'stream_options={"include_usage": True}' in record.getMessage()
    assert "run-1" in record.getMessage()


def test_reading_itself_warns_of_nothing(caplog: pytest.LogCaptureFixture):
    chunk = {"id": "s", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    usage = read_usage([chunk])
    assert usage is not None
    assert usage.hint == 'stream_options={"include_usage": True}'
    assert not caplog.records


def test_many_records_take_time_in_proportion():
    with BACKEND.external_task() as run:
        for number in range(3_000):
            run.record({"id": str(number), **answer(str(number), 1)})
        assert len(run._usage._credited) == 3_000
    assert reported(run).tokens == Tokens(3_000, 6_000)


@pytest.mark.parametrize("value", [5, "text", [1]], ids=repr)
def test_metadata_that_is_not_an_object_is_an_error(value: Any):
    with BACKEND.external_task() as run, pytest.raises(TypeError, match="metadata"):
        run.metadata = value
