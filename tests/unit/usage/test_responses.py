"""What particular responses tell, and what only looks like one."""

import sys
from types import SimpleNamespace

import pytest
from usage_shapes import AGENT_RESPONSE, AGENT_RESULT, ANTHROPIC, CHAT, CONVERSE, OLLAMA, RESPONSE, as_objects, usage

from xpander_facade import Tokens
from xpander_facade.usage import Usage, read_usage


def test_the_responses_of_an_agent_of_openai_add_up():
    run = {"final_output": "Done.", "raw_responses": [{"output": RESPONSE["output"], "usage": RESPONSE["usage"]}] * 2}
    assert read_usage(run) == usage(600, 180, 512, 18, tools=["web_search", "book", "fetch"], text="Booked it.")
    assert read_usage(as_objects(run)) == read_usage(run)


def test_a_message_without_counts_tells_the_rest():
    assert read_usage({**ANTHROPIC, "usage": None}).tools == ["web_search", "weather"]
    assert read_usage({**RESPONSE, "usage": None}).text == "Booked it."
    assert read_usage({**CONVERSE, "usage": None}).tools == ["weather"]
    assert read_usage({**OLLAMA, "prompt_eval_count": None, "eval_count": None}).text == "Hi."


def test_what_the_user_said_is_no_answer():
    assert read_usage({**ANTHROPIC, "role": "user", "usage": None}) is None


@pytest.mark.parametrize("facts", [{"usage": {"input_tokens": 3}}, {"token_usage": {"prompt_tokens": 3}}])
@pytest.mark.parametrize("named", ["model", "model_name", "model_id"])
def test_what_langchain_has_in_its_metadata_is_read(facts, named):
    message = {"type": "ai", "content": "Hi.", "response_metadata": {**facts, named: "m"}}
    assert read_usage(message) == usage(3, model="m", text="Hi.")


def test_the_text_of_a_result_is_its_output_where_that_is_text():
    assert read_usage({**AGENT_RESULT, "output": "The end."}).text == "The end."


def test_what_looks_like_an_event_of_bedrock_needs_a_body_that_tells():
    assert read_usage({"metadata": {"user": "u", "delta": {"text": "no"}}}) is None
    assert read_usage({"metadata": "no", "contentBlockDelta": None}) is None


def test_a_response_is_found_within_a_few_envelopes_but_not_at_any_depth():
    shallow, deep = CHAT, CHAT
    for _ in range(4):
        shallow = {"data": shallow}
    for _ in range(50):
        deep = {"data": deep}
    assert read_usage(shallow) == read_usage(CHAT)
    assert read_usage(deep) is None


def test_only_the_parts_that_are_text_are_text():
    parts = [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "A"}, "B", {"text": "C"}, {"text": ""}, 5]
    assert read_usage({"type": "ai", "content": parts}).text == "ABC"


def test_calls_of_langchain_are_found_where_the_content_is_text():
    for place in ("tool_calls", "invalid_tool_calls", "tool_call_chunks"):
        assert read_usage({"type": "ai", "content": "", place: [{"name": "look"}]}) == usage(tools=["look"])


def test_a_message_of_langchain_without_content_is_not_taken_for_google():
    message = {"type": "human", "content": "Hi.", "usage_metadata": {"input_tokens": 3}}
    assert read_usage([message, message]) == usage(6)  # chunks of Google would count once


def test_the_output_tool_of_a_result_is_none_of_its_tools():
    result = SimpleNamespace(
        all_messages=list,
        new_messages=lambda: [as_objects(AGENT_RESPONSE)],
        usage=SimpleNamespace(input_tokens=1),
        _output_tool_name="final_result",
    )
    assert read_usage(result).tools == ["web_search"]


def test_a_usage_that_can_be_called_but_tells_its_counts_is_not_called():
    class Counts(SimpleNamespace):
        def __call__(self):
            raise AssertionError("calling it is deprecated")

    result = SimpleNamespace(all_messages=list, new_messages=list, usage=Counts(input_tokens=4))
    assert read_usage(result) == usage(4)


@pytest.mark.parametrize(
    "nothing",
    [
        *(None, "", "text", b"bytes", 5, 1.5, True, (), [], {}, [[]], [None], object(), object, print, sys, Usage),
        *({"id": "x", "text": "hi"}, {"choices": []}, {"choices": "no"}, {"usage": {}}, {"usage": None}, {"usage": 5}),
        {"model": "m", "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]},
        *({"role": "user", "content": [{"type": "text", "text": "hi"}]}, {"type": "human", "content": "hi"}),
        *({"type": "tool", "content": "20"}, {"status": "ok", "message": "done"}, {"done": True}, {"parts": [1]}),
    ],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_what_is_no_response_tells_nothing(nothing):
    assert read_usage(nothing) is None
    assert Tokens.from_response(nothing) == Tokens()


def test_a_result_of_an_agent_is_asked_for_its_own_messages_and_usage():
    class Result:
        output = "Done."

        def all_messages(self):
            raise AssertionError("those are older")

        def new_messages(self):
            return [as_objects(AGENT_RESPONSE)]

        def usage(self):
            return SimpleNamespace(input_tokens=41, output_tokens=7)

    told = usage(41, 7, model="gpt-5", tools=["web_search", "final_result"], text="Done.")
    assert read_usage(Result()) == told
    Result.usage = SimpleNamespace(input_tokens=41, output_tokens=7)
    assert read_usage(Result()) == told
