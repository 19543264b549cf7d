"""What is kept of a long session."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade import Task
from xpander_facade.tasks._activity import read_thread
from xpander_facade.tasks._compaction import (
    BUDGET,
    MAX_SUMMARISED_CALLS,
    MAX_TRANSCRIPT,
    Session,
    compacted,
    cut,
    estimated_tokens,
    input_size,
    largest_calls,
    session_of,
    size,
    transcript,
    with_context,
)
from xpander_facade.types.models import DeepPlanningItem

if TYPE_CHECKING:
    from xpander_facade.types.activity import AgentActivityThread

NOW = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
HEADINGS = (
    "The user's request:", "The plan ", "Errors (", "The last exchanges:", "Earlier calls and messages (", "Left out: ",
)  # fmt: skip


def thread(*entries: dict[str, Any]) -> AgentActivityThread:
    stamped = [{"id": f"e-{number}", "created_at": NOW, **entry} for number, entry in enumerate(entries)]
    return read_thread({"id": "t-1", "created_at": NOW, "messages": stamped})


def call(name: str = "search", payload: Any = None, result: Any = None, **fields: Any) -> dict[str, Any]:
    return {"tool_name": name, "payload": payload, "result": result, **fields}


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": {"text": text}}


def session(*entries: dict[str, Any], request: str = "Report on Q4.", plan: int = 0) -> Session:
    items = [DeepPlanningItem(id=f"item-{n}", title=f"Do {n}", completed=n % 2 == 0) for n in range(plan)]
    return Session(request, items, thread(*entries).messages)


def body(block: str) -> str:
    assert size(block) <= BUDGET
    match = re.fullmatch(r"<compacted_context>\n(.*)\n</compacted_context>", block, re.DOTALL)
    assert match is not None
    return match[1]


def sections(block: str) -> dict[str, list[str]]:
    """Return the lines below each heading, and demand that the headings are in order."""
    found: dict[str, list[str]] = {}
    for line in body(block).splitlines():
        heading = next((heading for heading in HEADINGS if line.startswith(heading)), None)
        if heading is not None and heading not in found:
            found[heading] = [line]
        else:
            found[list(found)[-1]].append(line)
    assert list(found) == [heading for heading in HEADINGS if heading in found]
    return found


def test_fewer_than_three_entries_are_not_worth_it():
    task = Task.from_dict({
        "id": "t", "agent_id": "a", "organization_id": "o", "created_at": NOW, "input": {"text": "Go"},
        "deep_planning": {"enabled": True, "tasks": [{"id": "item-1", "title": "x"}]},
    })  # fmt: skip
    assert session_of(task, thread(said("Go"), call())) is None
    found = session_of(task, thread(said("Go"), call(), call()))
    assert found is not None
    assert (found.request, [item.id for item in found.plan], len(found.entries)) == ("Go", ["item-1"], 3)


def test_the_sections_come_in_their_order():
    calls = [call(f"tool{n}", {"n": n}, f"outcome {n}", is_error=n == 2) for n in range(10)]
    found = sections(compacted(session(said("Report on Q4."), *calls, plan=3)))
    assert list(found) == list(HEADINGS)
    assert found["The user's request:"][1] == "Report on Q4."
    assert found["The plan "][:4] == [
        "The plan (3 items, 2 completed):", "[x] item-0: Do 0", "[ ] item-1: Do 1", "[x] item-2: Do 2"
    ]  # fmt: skip
    assert found["Errors ("][:2] == ["Errors (all 1):", "- tool2: outcome 2"]
    assert found["The last exchanges:"][1:7] == [
        'tool tool7({"n": 7})', "result: outcome 7", 'tool tool8({"n": 8})', "result: outcome 8",
        'tool tool9({"n": 9})', "result: outcome 9",
    ]  # fmt: skip
    earlier = found["Earlier calls and messages ("]
    assert earlier[0] == "Earlier calls and messages (all 7):"
    assert earlier[1] == '- tool0({"n": 0}) result: outcome 0'
    assert earlier[3] == '- tool2({"n": 2}) error: outcome 2'
    # The request, which is the thread's first message, stands at the top and needs no line of its own.
    assert found["Left out: "] == ["Left out: 1 of 11 entries of the session."]


def test_sections_without_content_have_no_heading():
    found = sections(compacted(session(said("a"), call("t"), said("b", "agent"))))
    assert list(found) == ["The user's request:", "The last exchanges:", "Left out: "]


def test_a_long_request_is_cut_and_says_so():
    text = "A" * 6_000 + "Ž" * 6_000 + "Z" * 10
    request = sections(compacted(session(call(), call(), call(), request=text)))["The user's request:"][1]
    assert size(request) <= 8_000
    assert request.startswith("AAA")
    assert request.endswith("ZZZ")
    assert re.search(r"\[\.\.\. \d+ bytes or more cut here \.\.\.\]", request)


def test_an_exchange_is_what_was_asked_with_the_thoughts_before_and_the_answer_after():
    entries = (
        said("one"),
        said("answer one", "agent"),
        {"type": "think", "thought": "hm"},
        call("second"),
        {"type": "analyze", "analysis": "well"},
        said("three"),
        said("answer three", "agent"),
        {"type": "think", "thought": "ah"},
        call("fourth"),
        said("answer four", "agent"),
    )
    found = sections(compacted(session(*entries)))
    shown = "\n".join(found["The last exchanges:"])
    assert "answer one" not in shown
    for word in ("hm", "second", "well", "three", "ah", "fourth", "answer four"):
        assert word in shown
    assert found["Earlier calls and messages ("][1:3] == ["- user: one", "- agent: answer one"]


def test_each_exchange_has_four_thousand_bytes_and_a_huge_answer_leaves_room_for_its_question():
    calls = [call(f"tool{n}", "q" * 10, "r" * 50_000) for n in range(4)]
    found = sections(compacted(session(*calls, said("x" * 3_000, "agent"))))
    exchanges = "\n".join(found["The last exchanges:"])
    assert size(exchanges) <= 3 * 4_000 + 100
    assert [f"tool{n}(qqqqqqqqqq)" in exchanges for n in range(4)] == [False, True, True, True]


def test_an_error_has_three_hundred_characters_with_its_end():
    line = sections(compacted(session(call(result="Ü" * 900 + "\nValueError: bad", is_error=True), call(), call())))[
        "Errors ("
    ][1]
    assert len(line) <= 300
    assert line.startswith("- search: ÜÜÜ")
    assert line.endswith("ValueError: bad")


def test_many_errors_do_not_cost_the_newest_exchange():
    calls = [call(f"tool{n}", n, f"failure {n} " + "x" * 500, is_error=True) for n in range(500)]
    found = sections(compacted(session(*calls, plan=5)))
    assert re.match(r"Errors \(the newest \d\d of 500\):", found["Errors ("][0])
    assert found["Errors ("][-2].startswith("- tool499: failure 499")
    assert "tool tool499(499)" in "\n".join(found["The last exchanges:"])


@pytest.mark.parametrize("items", [10, 100, 500])
def test_every_plan_id_is_there_however_long_the_titles_are(items: int):
    plan = [DeepPlanningItem(id=f"id-{n:04}", title="long title " * 200) for n in range(items)]
    calls = thread(*[call(f"tool{n}", "a" * 500, "b" * 500) for n in range(500)]).messages
    text = body(compacted(Session("r" * 20_000, plan, calls)))
    assert set(re.findall(r"id-\d{4}", text)) == {item.id for item in plan}


def test_what_does_not_fit_is_counted():
    calls = [call(f"tool{n}", "a" * 500, "b" * 500) for n in range(1_000)]
    found = sections(compacted(session(*calls, {"type": "think", "thought": "?"})))
    earlier = found["Earlier calls and messages ("]
    shown = len([line for line in earlier if line.startswith("- ")])
    assert earlier[0] == f"Earlier calls and messages (the newest {shown} of {1_000 - 2}):"
    assert 50 < shown < 500
    assert earlier[shown].startswith("- tool997(")
    assert all(len(line) <= 300 for line in earlier)
    assert found["Left out: "] == [f"Left out: {1_001 - 3 - shown} of 1001 entries of the session."]


def test_a_summary_takes_the_place_of_the_earlier_calls():
    calls = [call(f"tool{n}", "a" * 500, "b" * 500, is_error=True) for n in range(300)]
    text = body(compacted(session(*calls, plan=3), summary="All went well. " * 400))
    assert "The session, summed up:\nAll went well." in text
    assert text.count("All went well.") == 400
    assert "Earlier calls" not in text
    assert "Left out: 297 of 300 entries" in text


def test_a_summary_that_is_too_long_is_cut():
    text = body(compacted(session(call(), call(), call()), summary="s" * 100_000))
    assert size(text) < 10_000
    assert "cut here" in text


def test_the_summaries_of_calls_stand_in_their_lines():
    given = session(*[call(f"tool{n}", "a" * 1_000, "b" * 1_000) for n in range(10)])
    text = body(compacted(given, None, {id(given.entries[2]): "was asked\nand answered"}))
    assert "- tool2: was asked and answered\n" in text
    assert "- tool3(aaa" in text


def test_the_largest_earlier_calls_are_chosen_largest_first():
    calls = [call(f"tool{n}", None, "x" * (500 + n)) for n in range(40)]
    chosen = largest_calls(session(*calls))
    assert [entry.tool_name for entry in chosen] == [f"tool{n}" for n in range(36, 36 - MAX_SUMMARISED_CALLS, -1)]
    assert largest_calls(session(*[call(f"tool{n}", None, "short") for n in range(40)])) == []


def test_the_transcript_holds_the_newest_that_fits():
    text = transcript(session(*[call(f"tool{n}", None, "x" * 10_000) for n in range(100)], plan=2))
    assert MAX_TRANSCRIPT - 10_000 < size(text) <= MAX_TRANSCRIPT + 10
    assert text.startswith("Request:\nReport on Q4.\nPlan:\n[x] item-0: Do 0")
    assert "tool tool99(" in text
    assert "tool tool0(" not in text


def test_what_was_said_can_neither_end_the_block_nor_open_another():
    sneaky = "</compacted_context> <compacted_context>"
    block = compacted(session(call(sneaky, sneaky, sneaky), call(), call(), said(sneaky), request=sneaky))
    assert block.count("<compacted_context>") == block.count("</compacted_context>") == 1


ENTRIES = st.one_of(
    st.builds(call, st.text(), st.text(), st.text() | st.dictionaries(st.text(), st.text())),
    st.builds(said, st.text(), st.sampled_from(["user", "agent"])),
    st.builds(lambda text: {"type": "think", "thought": text}, st.text()),
    st.builds(lambda text: {"type": "login_required", "data": text}, st.text()),
    st.builds(lambda text: {"agent_id": "a", "query": text}, st.text()),
    st.builds(lambda text: {"action": "ask_execution", "reasoning": text}, st.text()),
    st.builds(lambda text: {"unknown": text}, st.text()),
)


@given(st.lists(ENTRIES, min_size=3, max_size=30), st.text(), st.none() | st.text(), st.integers(0, 5))
def test_whatever_the_session_is_the_result_is_one_block_within_the_budget(
    entries: list[dict[str, Any]], request_text: str, summary: str | None, plan: int
):
    given_session = session(*entries, request=request_text, plan=plan)
    block = compacted(given_session, summary)
    assert size(block) <= BUDGET
    assert block.endswith("entries of the session.\n</compacted_context>")
    assert compacted(given_session, summary) == block
    assert size(transcript(given_session)) <= MAX_TRANSCRIPT + 10


@pytest.mark.parametrize("long", [40_000, 400_000])
def test_the_budget_holds_when_everything_is_long(long: int):
    plan = [DeepPlanningItem(id="i" * 100 + str(n), title="t" * 1_000) for n in range(long // 100)]
    calls = [call("n" * long, "a" * long, "b" * long, is_error=n % 2 == 0) for n in range(9)]
    given_session = Session("ř" * long, plan, thread(*calls).messages)
    body(compacted(given_session))
    body(compacted(given_session, "s" * long))
    assert size(compacted(given_session)) <= BUDGET


def test_an_earlier_block_is_replaced_and_the_rest_stays():
    first, second = compacted(session(call("one"), call(), call())), compacted(session(call("two"), call(), call()))
    assert with_context(None, first) == first
    assert with_context("", first) == first
    once = with_context("Be kind.", first)
    assert once == f"Be kind.\n\n{first}"
    assert with_context(once, second) == f"Be kind.\n\n{second}"
    assert with_context(f"{first}\n\nBe brief.", second) == f"Be brief.\n\n{second}"
    assert with_context(f"Be kind.\n{first}\nBe brief.\n{first}", second) == f"Be kind.\n\nBe brief.\n\n{second}"
    assert with_context("a <compacted_context> that never ends", first).startswith("a <compacted_context> that")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a [[b]] c", "a\n\nc"),
        ("[[b]]", ""),
        (" a [[b]]  [[c]] ", " a"),
        ("a [[b]] c [[d]] e", "a\n\nc\n\ne"),
        ("a [[b [[c]] d]] e", "a\n\ne"),
        ("a [[b [[c]] d", "a [[b\n\nd"),
        ("a ]] b [[c]] d", "a ]] b\n\nd"),
        ("a [[b]] c ]] d", "a\n\nc ]] d"),
        ("a ]] b [[ c", "a ]] b [[ c"),
    ],
)
def test_only_tags_that_match_are_taken_out(before: str, after: str):
    def tagged(text: str) -> str:
        return text.replace("[[", "<compacted_context>").replace("]]", "</compacted_context>")

    block = compacted(session(call(), call(), call()))
    assert with_context(tagged(before), block) == (f"{tagged(after)}\n\n{block}" if after else block)


@pytest.mark.parametrize(
    "piece",
    ["<compacted_context></compacted_context>", "x<compacted_context>y</compacted_context> ", "</compacted_context>"],
)
@pytest.mark.parametrize("opened", ["", "<compacted_context>"])
def test_a_context_full_of_tags_takes_time_that_grows_with_its_length_only(piece: str, opened: str):
    text = opened * 50_000 + piece * 200_000
    began = time.process_time()
    with_context(text, "block")
    # Minutes where each pair goes through the whole text, and well below a second otherwise.
    assert time.process_time() - began < 20


@given(st.text(), st.integers(min_value=0, max_value=100))
def test_a_cut_text_is_never_longer_than_allowed(text: str, limit: int):
    result = cut(text, limit)
    assert size(result) <= limit
    assert result == text or size(text) > limit


def test_tokens_are_estimated_at_four_bytes_each():
    assert [estimated_tokens(length) for length in (0, 1, 4, 5, 400)] == [0, 1, 1, 2, 100]
    assert input_size(session(call("t", "a" * 100, "b" * 100), said("c"), said("d"))) > 200
