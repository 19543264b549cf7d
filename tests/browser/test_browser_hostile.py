"""Hostile texts in every part of the pages: they are seen as text, and run, load and break nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    import httpx

    from xpander_facade.emulator import Emulator

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</pre></bdi></td></table><h1>hi</h1>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "{% include 'layout.html' %}",
    "${7*7} #{7*7}",
    "&lt;b&gt;bold&lt;/b&gt; &amp;",
    "<!-- a comment",
    "]]><![CDATA[",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=https://evil.example><button>x",
    "<div hx-get='https://evil.example' hx-trigger='load'>",
    "<div hx-on:load='alert(1)' hx-sse:connect='/x'>",
    "line one\nline two\r\ndata: evil\n\nevent: task-changed",
    "tab\tbell\u0007escape\u001b[31mred\u0000null",
    "right to left \u202egnp.exe\u202c and \u2066isolate",
    "emoji 👩\u200d👩\u200d👧 and 日本語 and \u200bzero width",
    "../../etc/passwd?x=1&y=2#z%00%2e%2e",
    "'; DROP TABLE tasks; --",
    '" OR NEAR(a b) * AND NOT',
    "a" * 3_000,
    "\\u003cscript\\u003e \\x3c",
]


def seen_as(text: str) -> str:
    """Return what a page shows of the beginning of a text, on one line."""
    from xpander_facade.emulator._page_text import visible

    return " ".join(visible(text).split())[:80]


def normal(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_it_is_shown_as_text_everywhere(text: str, page: Page, emulator: Emulator, client: httpx.Client):
    from xpander_facade.emulator._json import write

    def post(path: str, body: object) -> httpx.Response:
        return client.post(path, content=write(body).encode(), headers={"content-type": "application/json"})

    agent = text.replace("\u0000", "")
    user = {"id": text, "email": text}
    body = {
        "input": {"text": text, "files": [text], "user": user},
        "title": text,
        "source": text,
        "events_streaming": True,
    }
    emulator.agent = lambda run: (
        run.tool_call(text, {text: text}, result=text),
        run.think(text),
        run.plan([text]),
        run.fail(text),
    )
    emulator.add_agent(agent)
    path = f"/agent-execution/{quote(agent, safe='')}"
    answer = post(path, body)
    assert answer.status_code == 200, answer.text
    task = emulator.wait_for_status(answer.json()["id"], "failed")
    reported = {"id": text, "input": text, "result": text, "llm_response": {text: [text]}, "used_tools": [text]}
    assert post(f"{path}/report_task", reported).status_code == 200
    emulator.publish(text, text, {text: text})

    # the history, its totals and its filters
    shown = seen_as(text)
    expect(page.locator("#history tbody tr")).to_have_count(2)
    for row in page.locator("#history tbody tr").all():
        assert shown in normal(row.inner_text())
    expect(page.locator("#numbers tbody th").first).to_contain_text(shown[:20].strip())
    for name in ("agent", "user", "text", "status", "sort", "after", "before"):
        page.goto(f"{emulator.url}/?{urlencode({name: text})}")
        expect(page.locator("#history")).to_be_visible()
    page.goto(f"{emulator.url}/?{urlencode({'agent': agent})}")
    expect(page.locator("#history tbody tr")).to_have_count(2)

    # its pages, with their events and their activity
    for id in (task["id"], text):
        page.goto(f"{emulator.url}/_ui/task?{urlencode({'organization': 'org-1', 'id': id})}")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        content = normal(page.locator("#content").inner_text())
        assert shown in content
        assert shown in normal(page.locator("#result").inner_text())
        for link in page.locator("#content a").all():
            assert (link.get_attribute("href") or "").startswith(("/", "http://", "https://"))
    emulator.publish(text, text, text)  # it comes live
    expect(page.locator("#events li")).to_have_count(2)
    assert shown[:40] in normal(page.locator("#events li").nth(1).inner_text())
    assert page.locator("#content script, #content style, #content iframe, #content img, #content base").count() == 0

    page.goto(f"{emulator.url}/_ui/requests")
    expect(page.locator("#requests tbody tr").first).to_be_visible()
