"""Chunks that belong to one stream are told apart from those of another."""

import pytest
from usage_shapes import (
    CHAT,
    CONVERSE_EVENTS,
    INTERACTION_EVENTS,
    LAST_OF_OPENAI,
    RESPONSE,
    RESPONSE_EVENTS,
    chunk,
    part,
    usage,
)

from xpander_facade import Tokens
from xpander_facade.usage import read_usage


def test_streams_of_events_that_broke_off_stay_apart():
    for events in (RESPONSE_EVENTS, INTERACTION_EVENTS[:-1]):
        once = read_usage(events)
        assert read_usage([*events, *events]) == once  # and the text of the second is not put behind that of the first


def test_a_whole_response_between_chunks_is_a_response_of_its_own():
    assert read_usage([chunk("Hi"), CHAT, LAST_OF_OPENAI]).tokens == Tokens(1_207, 83, 1_024, 100)


def test_a_whole_response_that_tells_a_stream_again_counts_once():
    for chunks in (
        [chunk("Hi"), {**CHAT, "id": "s1"}, LAST_OF_OPENAI],
        [chunk("Hi"), LAST_OF_OPENAI, {**CHAT, "id": "s1"}],
    ):
        assert read_usage(chunks) == read_usage(CHAT), chunks


def test_two_streams_of_langchain_are_told_apart_by_their_last_chunks():
    chunks = [part("one"), part("", chunk_position="last"), part("two"), part("", chunk_position="last")]
    assert read_usage(chunks).text == "two"


def test_two_streams_of_google_are_told_apart_in_pythons_case():
    def piece(said, **rest):
        candidate = {"content": {"parts": [{"text": said}]}, "finish_reason": rest.pop("finish", None)}
        return {"candidates": [candidate], "usage_metadata": {"prompt_token_count": 8}, **rest}

    assert read_usage([piece("a", finish="STOP"), piece("b")]) == usage(16, text="b")
    assert read_usage([piece("a", response_id="x"), piece("b", response_id="y")]) == usage(16, text="b")
    assert read_usage([piece("a", response_id="x"), piece("b", response_id="x")]) == usage(8, text="ab")


def test_two_streams_of_bedrock_are_told_apart():
    assert read_usage([*CONVERSE_EVENTS, *CONVERSE_EVENTS]) == usage(
        20, 100, 180, 60, tools=["weather"], text="One moment."
    )


def test_the_id_of_a_stream_can_come_late():
    late = {"id": "", "choices": [], "prompt_filter_results": []}
    chunks = [late, chunk("one"), LAST_OF_OPENAI, chunk("two", id="s2"), {**LAST_OF_OPENAI, "id": "s2"}]
    assert read_usage(chunks) == usage(14, 6, model="m", text="two")


def test_many_events_that_say_nothing_do_not_end_the_reading():
    arguments = [{"type": "response.function_call_arguments.delta", "delta": "{"}] * 1_000
    completed = {"type": "response.completed", "response": RESPONSE}
    assert read_usage([RESPONSE_EVENTS[0], *arguments, completed]).tokens == Tokens(300, 90, 256, 9)


def test_a_stream_is_not_taken_from_its_user():
    stream = (chunk(word) for word in ("a", "b"))
    assert read_usage(stream) is None
    assert read_usage({"messages": stream}) is None
    assert read_usage(list(stream)) == usage(model="m", text="ab")


def test_a_long_stream_is_read_whole():
    told = read_usage([*[chunk("ab")] * 50_000, LAST_OF_OPENAI])
    assert told.tokens == Tokens(7, 3)
    assert len(told.text) == 100_000


AI = {
    "type": "ai", "id": "a1", "content": "Hi", "tool_calls": [], "response_metadata": {"model_name": "m"},
    "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
}  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        [{"agent": {"messages": AI}}],
        [{"agent": None}, {"agent": {"draft": AI}}],
        [{"agent": {"draft": AI}}, {"review": {"draft": AI}}],
        {"question": "What?", "answer": AI},
        {"question": {"type": "human", "id": "h", "content": "What?"}, "answer": AI},
    ],
)
def test_a_node_of_langgraph_can_return_one_message_without_a_list(told):
    assert read_usage(told) == usage(10, 5, model="m", text="Hi")


ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    "told",
    [
        [chunk("He"), chunk("llo"), {**LAST_OF_OPENAI, "usage": ZEROS}],
        [chunk("He", usage=ZEROS), chunk("llo", usage=ZEROS)],
        [chunk("He"), chunk(name="f", usage=ZEROS)],
    ],
)
def test_zeros_of_a_stream_that_said_something_are_not_counts(told):
    read = read_usage(told)
    assert read.tokens is None
    assert "include_usage" in read.hint
