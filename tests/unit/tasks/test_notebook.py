"""What notebooks show: every value as text, no secret, no more than a page; and short reprs."""

from __future__ import annotations

import copy
import html.parser
import pickle
from datetime import UTC, datetime

import pytest

from xpander_facade import (
    AgentExecutionStatus,
    Configuration,
    FlushResult,
    MCPServerDetails,
    Task,
    TasksListItem,
    Tokens,
    Usage,
)
from xpander_facade._serialization.notebook import MAX_ROWS, MAX_TEXT
from xpander_facade.tasks._list_item import TaskHistory

HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "]]><!--",
    "a\x00b\x1b[31mred\x07",
    "\u202egnp.exe",
    "half a pair \udc80",
    "{{ 7*7 }} ${7*7} <%= 7*7 %>",
]


class Page(html.parser.HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(value: object) -> Page:
    page = Page(value._repr_html_())
    assert page.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert page.attributes == {"style"}
    assert page.open == []
    return page


def an_item(**values: object) -> TasksListItem:
    given = {"id": "t", "agent_id": "a", "organization_id": "o", "status": AgentExecutionStatus.Completed}
    return TasksListItem(**{**given, **values})


def a_task(**values: object) -> Task:
    given = {
        "id": "t",
        "agent_id": "a",
        "organization_id": "o",
        "input": {"text": "?"},
        "created_at": datetime.now(UTC),
    }
    return Task(**{**given, **values})


@pytest.mark.parametrize("text", HOSTILE)
def test_no_value_gets_out_of_its_cell(text):
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    for value in (
        a_task(id=text, title=text, result=text, used_tools=[text], input={"text": text, "files": [text]}),
        TaskHistory([an_item(id=text, title=text, result=text, status=AgentExecutionStatus(text))]),
        Usage(model=text, text=text, tools=[text], failure=text, provider=text, hint=text),
    ):
        assert page_of(value).text.count(shown) >= 4
        value._repr_html_().encode("utf-8")


def test_no_secret_is_shown():
    task = a_task(
        user_oidc_token="secret-1",
        user_tokens={"x": "secret-2"},
        mcp_servers=[MCPServerDetails(type="remote", url="https://x.example", api_key="secret-3")],
    )
    task.configuration = Configuration(api_key="secret-4")
    history = TaskHistory([an_item()._bind(task.configuration)])
    for text in (task._repr_html_(), history._repr_html_(), repr(history), str(history[0].to_dict())):
        assert "secret" not in text


def test_a_task_shows_what_matters():
    task = a_task(status="completed", tokens=Tokens(1200, 34), duration=2.5, used_tools=["ocr", "mail"], result="paid")
    text = page_of(task).text
    for part in ("Task t", "completed", "1,200 in, 34 out", "2.5", "ocr, mail", "paid"):
        assert part in text
    assert "title" not in text


def test_a_long_list_and_a_long_text_are_cut():
    history = TaskHistory(an_item(id=f"t-{n}", result="x" * 10_000) for n in range(MAX_ROWS + 7))
    text = history._repr_html_()
    assert page_of(history).text.endswith("7 more")
    assert f"t-{MAX_ROWS - 1}<" in text
    assert f"t-{MAX_ROWS}<" not in text
    assert "x" * (MAX_TEXT - 1) + "\u2026" in text
    assert "x" * MAX_TEXT not in text
    assert len(repr(history)) < 20_000
    assert repr(history).endswith("... 7 more]")


def test_a_history_is_a_list():
    items = [an_item(id="1"), an_item(id="2")]
    history = TaskHistory(items)
    assert history == items
    assert history[1] is items[1]
    assert history[-1:] == items[-1:]
    assert "1 task" in page_of(history[:1]).text
    assert "0 tasks" in page_of(history[2:]).text
    for other in (pickle.loads(pickle.dumps(history)), copy.copy(history), copy.deepcopy(history)):
        assert (type(other), other) == (TaskHistory, history)


def test_all_rows_of_a_history_have_the_same_columns():
    one = an_item(title="x", created_at=datetime(2026, 11, 28, 14, 0, tzinfo=UTC))
    other = an_item(status=AgentExecutionStatus("new-word"), extra={"later": 1})
    assert one.to_dict().keys() == other.to_dict().keys() - {"later"}
    assert one.to_dict()["created_at"] == "2026-11-28T14:00:00Z"
    assert (other.to_dict()["status"], other.to_dict()["later"]) == ("new-word", 1)
    assert all(value is None or isinstance(value, str) for value in one.to_dict().values())


def test_reprs_show_what_differs_from_the_defaults():
    assert repr(Usage()) == "Usage()"
    assert repr(Usage(tokens=Tokens(3, 4), model="m", text="y" * 100)) == (
        "Usage(tokens=Tokens(prompt_tokens=3, completion_tokens=4, cache_read_tokens=0, cache_write_tokens=0), "
        f"model='m', text='{'y' * 79}\u2026')"
    )
    assert repr(an_item(extra={"secret": 1})) == (
        "TasksListItem(id='t', agent_id='a', organization_id='o', status=<AgentExecutionStatus.Completed: 'completed'>)"
    )


def test_counts_are_shown_as_tables():
    text = page_of(FlushResult(sent=1200, waiting=0, quarantined=3)).text
    assert "sent1,200waiting0quarantined3" in text
    text = page_of(Usage(tokens=Tokens(1200, 0), is_success=False, failure="too long")).text
    for part in ("prompt tokens1,200", "completion tokens0", "is successFalse", "failuretoo long"):
        assert part in text
