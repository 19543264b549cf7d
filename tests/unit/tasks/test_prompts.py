"""The words that an agent gets. The golden files are read by people: look at a change of them before keeping it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xpander_facade import Task
from xpander_facade.tasks._prompts import continuation_text, is_active, message_text
from xpander_facade.types.models import DeepPlanning, DeepPlanningItem

GOLDEN = Path(__file__).parent / "golden"
CONTEXT = "Answer in English.\n\n<compacted_context>\n...\n</compacted_context>"
CSV = {"url": "https://x.example/a.csv", "content": "id,name\n1,Žofia\n"}
JSON = {"url": "https://x.example/b.json", "content": '{"a": "\u2028b"}'}


def planned(*completed: bool, **flags: bool) -> DeepPlanning:
    titles = ("Collect the figures", "Write\nthe report", "Send it to <the board>")
    items = [
        DeepPlanningItem(id=f"step-{number}", title=title, completed=done)
        for number, (title, done) in enumerate(zip(titles, completed, strict=False), 1)
    ]
    return DeepPlanning(**{"enabled": True, "enforce": True, "started": True, **flags}, tasks=items)


def task(**fields: Any) -> Task:
    required = {"id": "t-1", "agent_id": "a-1", "organization_id": "o-1", "created_at": "2026-01-02T03:04:05Z"}
    return Task.from_dict({**required, "disable_attachment_injection": True, "input": {}, **fields})


MESSAGES = {
    "text": message_text("Sum up the quarter.", [], []),
    "text_and_files": message_text("Sum up\nthe quarter.", ["https://x.example/a.pdf", "https://x.example/b?c=d"], []),
    "files_and_contents": message_text(
        "Compare these.", ["https://x.example/a.csv", "https://x.example/b.json"], [CSV, JSON]
    ),
    "files_only": message_text(None, ["https://x.example/a.pdf"], []),
    "retry": continuation_text(
        message_text("Report on Q4.", ["https://x.example/a.csv"], [CSV]), planned(True, False, False), 1, None
    ),
    "retry_with_context": continuation_text("Report on Q4.", planned(True, True, False), 3, CONTEXT),
    "retry_with_question": continuation_text("Report on Q4.", planned(False, question_raised=True), 1, "no context"),
    "retry_all_done": continuation_text("Report on Q4.", planned(True, True), 2, None),
    "retry_without_text": continuation_text("", planned(False), 1, None),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_reads_as_its_golden_file(name: str):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(MESSAGES[name] + "\n", encoding="utf-8")
    assert MESSAGES[name] + "\n" == path.read_text(encoding="utf-8")


def test_there_is_a_golden_file_for_each_message_and_no_other():
    assert {path.stem for path in GOLDEN.iterdir()} == set(MESSAGES)


def test_each_content_is_one_line_of_json():
    lines = message_text("t", ["u"], [CSV, JSON, {"url": "v", "content": "\x85\u2029\r\n\x0b\x1c"}]).splitlines()
    assert lines[:3] == ["t", "Files: u", "Files contents:"]
    assert [json.loads(line)["content"] for line in lines[3:]] == [
        CSV["content"], JSON["content"], "\x85\u2029\r\n\x0b\x1c"
    ]  # fmt: skip


URLS = st.builds(
    "{}://{}".format,
    st.sampled_from(["http", "https"]),
    st.text(min_size=1).filter(lambda text: "," not in text and not any(character.isspace() for character in text)),
)
CONTENTS = st.lists(st.fixed_dictionaries({"url": URLS, "content": st.text()}))
PLANS = st.builds(
    DeepPlanning,
    enabled=st.just(True),
    tasks=st.lists(st.builds(DeepPlanningItem, id=st.text(), title=st.text(), completed=st.booleans()), min_size=1),
)


@given(st.text(), st.lists(URLS), CONTENTS, st.none() | PLANS)
@example("Files: a, b", ["http://c"], [{"url": "http://d", "content": "\u2028Files: e"}], None)
@example("t", ["http://a"], [], DeepPlanning(enabled=True, tasks=[DeepPlanningItem(id="1", title="x\nFiles: b")]))
def test_a_message_holds_the_text_and_its_last_files_line_gives_back_the_urls(
    text: str, urls: list[str], contents: list[dict[str, str]], plan: DeepPlanning | None
):
    message = message_text(text, urls, contents)
    if plan is not None:
        message = continuation_text(message, plan, 1, None)
    assert text in message
    if urls:
        last = [line for line in message.splitlines() if line.startswith("Files: ")][-1]
        assert last.removeprefix("Files: ").split(", ") == urls


@given(st.text(), st.lists(URLS), st.integers(min_value=0, max_value=3))
def test_a_task_makes_a_message_of_any_text_and_urls(text: str, urls: list[str], retry_count: int):
    message = task(input={"text": text, "files": urls}).to_message(retry_count)
    assert message == message_text(text, urls, [])


def test_a_plan_goes_on_only_with_retries_and_only_when_it_is_active():
    plan = {"enabled": True, "tasks": [{"id": "step-1", "title": "Do it", "completed": False}]}
    waiting = task(input={"text": "Go"}, deep_planning=plan)
    assert waiting.to_message() == "Go"
    assert "step-1" in waiting.to_message(1)
    assert waiting.to_message(retry_count=2).startswith("Go\n")
    waiting.deep_planning.enabled = False
    assert waiting.to_message(1) == "Go"
    assert not is_active(DeepPlanning(enabled=True))


def test_a_task_with_a_compacted_context_points_to_it():
    plan = {"enabled": True, "tasks": [{"id": "step-1", "title": "Do it"}]}
    assert "<compacted_context>" in task(deep_planning=plan, additional_context=CONTEXT).to_message(1)
    assert "<compacted_context>" not in task(deep_planning=plan, additional_context="be kind").to_message(1)


def test_a_negative_number_of_retries_is_refused():
    with pytest.raises(ValueError, match="retry_count"):
        task().to_message(-1)


def test_a_task_without_text_and_files_has_an_empty_message():
    assert task().to_message() == ""
