"""A session compacted before a retry, against the emulator."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from xpander_facade import CompactRetryResult, Configuration, NotFoundError, ServerError, Task, Tasks

if TYPE_CHECKING:
    from calling import Caller

    from xpander_facade.emulator import Emulator

HEADINGS = [
    "The user's request:",
    "The plan (",
    "Errors (",
    "The last exchanges:",
    "Earlier calls and messages (",
    "Left out: ",
]
PLAN = {
    "enabled": True,
    "enforce": True,
    "started": True,
    "tasks": [{"id": f"step-{n:02}", "title": f"Step {n} of the work", "completed": n < 5} for n in range(40)],
}


class Stopping:
    """What is asked for a summary, and has none left."""

    def __call__(self, text: str) -> str:
        raise StopIteration("no line begins so")


stopping = Stopping()


def called(emulator: Emulator, task: Task, number: int, size: int, *, is_error: bool = False) -> None:
    data = {
        "tool_call_id": f"call-{number}",
        "tool_name": f"tool_{number}",
        "payload": {"number": number},
        "result": f"outcome {number} " + "x" * size,
        "is_error": is_error,
    }
    emulator.publish(task.id, "tool_call_result", data)


@pytest.fixture
def quiet(configuration: Configuration) -> Configuration:
    return attrs.evolve(configuration, max_retries=0)


@pytest.fixture
def task(emulator: Emulator, quiet: Configuration) -> Task:
    """A task that was created, with a plan, and nothing in its thread but the request."""
    emulator.agent = lambda run: None
    task = Tasks(quiet).create("agent-123", prompt="Compare the offers.", additional_context="Be kind.")
    task.wait_until_done(timeout=10, poll_interval=0.01)
    for name, value in PLAN.items():
        if name != "tasks":
            setattr(task.deep_planning, name, value)
    fresh = Task.from_dict({**task.to_dict(), "deep_planning": PLAN}, quiet)
    fresh.save(with_deep_plan_update=True)
    fresh.reload()
    assert len(fresh.deep_planning.tasks) == 40
    return fresh


def saves(emulator: Emulator) -> int:
    return len(emulator.requests("update_task"))


def test_a_long_session_stays_within_its_budget(call: Caller, emulator: Emulator, task: Task):
    already = len(task.get_activity_log().messages)
    assert already in {1, 2}  # the request, perhaps with the answer of the emulator's agent
    for number in range(500 - already):
        called(emulator, task, number, 4_100, is_error=number % 50 == 0)
    last = 499 - already
    assert len(task.get_activity_log().messages) == 500
    before = saves(emulator)

    result = call(task, "compact_session_for_retry")

    assert saves(emulator) == before + 1
    assert isinstance(result, CompactRetryResult)
    assert result.compacted
    assert result.input_tokens > 500_000
    assert result.output_tokens <= 8_000
    assert result.total_tokens == result.input_tokens + result.output_tokens
    context = emulator.task(task.id)["additional_context"]
    assert task.additional_context == context
    assert context.startswith("Be kind.\n\n<compacted_context>\n")
    block = context.removeprefix("Be kind.\n\n")
    assert len(block.encode()) <= 32_000
    places = [block.index(f"\n{heading}") for heading in HEADINGS]
    assert places == sorted(places)
    assert set(re.findall(r"step-\d\d", block)) == {f"step-{n:02}" for n in range(40)}
    assert "Compare the offers." in block
    assert "- tool_450: outcome 450" in block
    for number in range(last - 2, last + 1):
        assert f'tool tool_{number}({{"number": {number}}})\nresult: outcome {number}' in block
    assert f'- tool_{last - 3}({{"number": {last - 3}}}) result: outcome {last - 3}' in block
    # Each entry has its place: in full, as a line, or in the count.
    shown = len(re.findall(r"^- (?:tool_\d+\(|agent: )", block, re.MULTILINE))
    assert f"Left out: {500 - 3 - shown} of 500 entries of the session." in block


def test_it_is_the_same_again_and_replaces_the_earlier_one(call: Caller, emulator: Emulator, task: Task):
    for number in range(10):
        called(emulator, task, number, 10)
    call(task, "compact_session_for_retry")
    first = task.additional_context
    call(task, "compact_session_for_retry")
    assert task.additional_context == first
    called(emulator, task, 10, 10)
    call(task, "compact_session_for_retry")
    assert task.additional_context is not None
    assert task.additional_context.count("<compacted_context>") == 1
    assert "tool_10" in task.additional_context
    assert task.additional_context.startswith("Be kind.")


def test_the_next_message_points_to_it(call: Caller, emulator: Emulator, task: Task):
    for number in range(3):
        called(emulator, task, number, 10)
    assert "<compacted_context>" not in call(task, "to_message", 1)
    call(task, "compact_session_for_retry")
    message = call(task, "to_message", 1)
    assert message.startswith("Compare the offers.\n\n")
    assert "<compacted_context>" in message
    assert "[ ] Step 5 of the work (id: step-05)  <-- next" in message


def test_a_short_session_is_left_alone(call: Caller, emulator: Emulator, task: Task):
    assert len(task.get_activity_log().messages) < 3
    before = saves(emulator)
    assert call(task, "compact_session_for_retry") == CompactRetryResult(compacted=False)
    assert saves(emulator) == before
    assert task.additional_context == "Be kind."


def test_what_happened_on_the_platform_meanwhile_is_not_undone(call: Caller, emulator: Emulator, task: Task):
    for number in range(3):
        called(emulator, task, number, 10)
    Tasks(task.configuration).update(task.id, result="changed elsewhere")
    assert call(task, "compact_session_for_retry").compacted
    assert emulator.task(task.id)["result"] == "changed elsewhere"


def test_a_function_sums_the_session_up(call: Caller, emulator: Emulator, task: Task):
    for number in range(10):
        called(emulator, task, number, 10)
    given: list[tuple[str, str]] = []

    def summarize(text: str) -> str:
        given.append((text, threading.current_thread().name))
        return "Tools were called."

    assert call(task, "compact_session_for_retry", summarize=summarize).compacted
    ((text, thread),) = given
    assert "Compare the offers." in text
    assert "outcome 0" in text
    assert "outcome 9" in text
    # An event loop goes on while a plain function thinks.
    assert (thread == threading.current_thread().name) == (call.way == "sync")
    assert task.additional_context is not None
    assert "The session, summed up:\nTools were called." in task.additional_context


def test_an_async_function_sums_the_session_up(emulator: Emulator, task: Task):
    for number in range(10):
        called(emulator, task, number, 10)

    async def summarize(text: str) -> str:
        await asyncio.sleep(0)
        return "Async words."

    asyncio.run(task.acompact_session_for_retry(summarize=summarize))
    assert "Async words." in (task.additional_context or "")
    asyncio.run(task.acompact_session_for_retry(summarize=lambda text: summarize(text)))
    before = saves(emulator)
    for function in (summarize, lambda text: summarize(text)):
        with pytest.raises(TypeError, match="acompact_session_for_retry"):
            task.compact_session_for_retry(summarize=function)
    assert saves(emulator) == before


@pytest.mark.parametrize(
    "broken", [lambda text: 1 / 0, lambda text: None, lambda text: " ", lambda text: next(iter("")), stopping]
)
def test_a_function_that_fails_costs_only_its_summary(
    call: Caller, emulator: Emulator, task: Task, broken: Any, caplog: pytest.LogCaptureFixture
):
    for number in range(10):
        called(emulator, task, number, 10)
    with caplog.at_level(logging.WARNING, "xpander_facade"):
        assert call(task, "compact_session_for_retry", summarize=broken).compacted
    assert "- tool_5(" in (task.additional_context or "")
    assert "compacted without it" in caplog.text


def test_the_platform_sums_up_the_largest_calls(call: Caller, emulator: Emulator, task: Task):
    for number in range(40):
        called(emulator, task, number, 500 + number)
    assert call(task, "compact_session_for_retry", summarize="platform").compacted
    asked = emulator.requests("summarize_tool_call")
    assert [request.body["payload"]["tool_name"] for request in asked] == [f"tool_{n}" for n in range(36, 16, -1)]
    assert asked[0].body["preset"] == "tool_call_analysis"
    assert asked[0].body["payload"]["request"] == {"number": 36}
    assert task.additional_context is not None
    assert '- tool_36: tool_36 was asked: {"number": 36} tool_36 answered: outcome 36' in task.additional_context
    assert '- tool_16({"number": 16}) result: outcome 16' in task.additional_context


def test_without_the_platforms_summaries_the_calls_are_shortened_here(
    call: Caller, emulator: Emulator, task: Task, caplog: pytest.LogCaptureFixture
):
    for number in range(40):
        called(emulator, task, number, 500)
    emulator.fail(503, times=100, operation="summarize_tool_call")
    with caplog.at_level(logging.WARNING, "xpander_facade"):
        assert call(task, "compact_session_for_retry", summarize="platform").compacted
    assert len(emulator.requests("summarize_tool_call")) == 1
    assert '- tool_36({"number": 36}) result: outcome 36' in (task.additional_context or "")
    assert "summariser failed" in caplog.text


@pytest.mark.parametrize("body", [{"result": None}, {"result": {}}, {"result": {"request_summary": None}}, {}])
def test_a_summariser_that_says_nothing_is_no_harm(call: Caller, emulator: Emulator, task: Task, body: Any):
    for number in range(5):
        called(emulator, task, number, 500)
    emulator.fail(200, times=100, operation="summarize_tool_call", body=body)
    assert call(task, "compact_session_for_retry", summarize="platform").compacted
    assert '- tool_1({"number": 1}) result: outcome 1' in (task.additional_context or "")


def test_what_is_no_way_to_sum_up_is_refused_before_anything_is_sent(call: Caller, emulator: Emulator, task: Task):
    before = len(emulator.requests())
    with pytest.raises(ValueError, match="platform"):
        call(task, "compact_session_for_retry", summarize="my-model")
    with pytest.raises(TypeError, match="summarize"):
        call(task, "compact_session_for_retry", summarize=42)
    assert len(emulator.requests()) == before


def test_a_session_that_can_not_be_loaded_or_saved_is_an_error(call: Caller, emulator: Emulator, task: Task):
    for number in range(5):
        called(emulator, task, number, 10)
    emulator.fail(404, operation="get_activity_log")
    with pytest.raises(NotFoundError):
        call(task, "compact_session_for_retry")
    emulator.fail(500, operation="update_task")
    with pytest.raises(ServerError):
        call(task, "compact_session_for_retry")
