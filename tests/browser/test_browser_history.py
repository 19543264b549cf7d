"""The history of tasks in a browser: live, filtered, sorted, paged, summed, on a small screen and by keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from xpander_facade.emulator import Emulator

ROWS = "#history tbody tr"


def report(client: httpx.Client, id: str, agent: str = "reader", **fields: Any) -> None:
    client.post(f"/agent-execution/{agent}/report_task", json={"id": id, **fields}).raise_for_status()


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(f"{ROWS} td.name").all_inner_texts()]


def next_names(page: Page) -> list[str]:
    """Go to the next page, and return the tasks on it."""
    first = page.locator(f"{ROWS} td.name").first
    before = first.inner_text()
    page.get_by_role("link", name="Next").click()
    expect(first).not_to_have_text(before)
    return names(page)


def test_an_empty_platform_says_how_to_report(page: Page):
    expect(page.locator("#history")).to_contain_text("No tasks yet.")
    expect(page.locator("#history")).to_contain_text("report_external_task")


def test_a_report_shows_up_without_reloading(page: Page, client: httpx.Client, screenshot: Callable[..., None]):
    page.evaluate("window.isTheSamePage = true")
    report(client, "a", input="Read invoice 17", result="1,240.00 EUR", duration=2.5, tokens={"prompt_tokens": 30})
    expect(page.locator(ROWS)).to_have_count(1)
    row = page.locator(ROWS).first
    for text in ("Read invoice 17", "reader", "completed", "2.5 s", "30", "1,240.00 EUR"):
        expect(row).to_contain_text(text)
    expect(page.locator("#total-tasks")).to_have_text("1")
    expect(page.locator("#total-tokens")).to_have_text("30")
    report(client, "b", input="Read invoice 18", is_success=False)
    expect(page.locator(ROWS)).to_have_count(2)
    expect(page.locator(ROWS).first).to_contain_text("failed")
    assert page.evaluate("window.isTheSamePage") is True
    screenshot(page, "history")


def test_the_plot_has_runs_and_tokens_of_each_agent(page: Page, client: httpx.Client):
    for number in range(6):
        report(client, f"r{number}", agent=f"agent-{number % 2}", tokens={"prompt_tokens": 10 * number})
    expect(page.locator("#total-tasks")).to_have_text("6")
    sums = "datasets.map(one => [one.label, one.data.reduce((a, b) => a + b)])"
    shown = f"() => Chart.getChart('chart')?.data.{sums} ?? []"
    expect(page.locator("#chart")).to_be_visible()
    page.wait_for_function(f"({shown})().length == 2")
    assert page.evaluate(shown) == [["agent-0", 3], ["agent-1", 3]]
    page.get_by_role("button", name="Tokens").click()
    assert page.evaluate(shown) == [["agent-0", 60], ["agent-1", 90]]
    expect(page.get_by_role("button", name="Tokens")).to_have_attribute("aria-pressed", "true")
    page.get_by_text("As a table").click()
    expect(page.locator("#numbers tbody tr").nth(1)).to_contain_text("90")


def test_filters_narrow_the_history_and_stay_while_it_changes(page: Page, client: httpx.Client):
    report(client, "a", input="Read invoice 17", result="Grüße aus Köln")
    report(client, "b", input="Read invoice 18", is_success=False)
    report(client, "c", agent="writer", input="Write a letter")
    user = {"input": {"text": "Ask the user", "user": {"id": "u-1", "email": "e"}}}
    client.post("/agent-execution/writer", json=user).raise_for_status()
    expect(page.locator(ROWS)).to_have_count(4)

    page.get_by_label("Search").fill("invoice")
    expect(page.locator(ROWS)).to_have_count(2)
    assert "text=invoice" in page.url
    page.get_by_label("Search").fill("koln gruss")  # without its accents, and the beginning of a word
    expect(page.locator(ROWS)).to_have_count(0)
    page.get_by_label("Search").fill("koln gru")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_label("Search").fill("invoice")
    page.locator("#filters select[name=status]").select_option("failed")
    expect(page.locator(ROWS)).to_have_count(1)
    assert names(page) == ["Read invoice 18"]
    expect(page.locator(".count")).to_contain_text("1 task match")

    report(client, "d", input="Something else")
    report(client, "e", input="Read invoice 19", is_success=False)
    expect(page.locator(ROWS)).to_have_count(2)
    assert names(page) == ["Read invoice 19", "Read invoice 18"], "the filters hold for what comes later"
    page.reload()
    expect(page.locator(ROWS)).to_have_count(2)
    expect(page.get_by_label("Search")).to_have_value("invoice")
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(ROWS)).to_have_count(6)
    page.get_by_label("User").fill("u-1")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_label("User").fill("")
    page.locator("#filters select[name=agent]").select_option("writer")
    expect(page.locator(ROWS)).to_have_count(2)


def test_columns_sort_and_say_so(page: Page, client: httpx.Client):
    for id, duration, tokens in (("a", 3, 20), ("b", 1, 30), ("c", 2, 10)):
        report(client, id, input=id, duration=duration, tokens={"prompt_tokens": tokens})
    expect(page.locator(ROWS)).to_have_count(3)
    assert names(page) == ["c", "b", "a"], "the newest first"
    for column, falling in (("Duration", ["a", "c", "b"]), ("Tokens", ["b", "a", "c"])):
        heading = page.get_by_role("columnheader", name=column)
        heading.get_by_role("link").click()
        expect(heading).to_have_attribute("aria-sort", "descending")
        assert names(page) == falling
        heading.get_by_role("link").click()
        expect(heading).to_have_attribute("aria-sort", "ascending")
        assert names(page) == falling[::-1]


def test_pages_lead_to_the_oldest_task_and_back(page: Page, emulator: Emulator, client: httpx.Client):
    with emulator._store.transaction():
        for number in range(120):
            emulator._executions.report(
                None, "reader", {"id": f"t{number}", "input": f"task {number}", "duration": number % 7}
            )
    page.reload()
    expect(page.locator(ROWS)).to_have_count(50)
    expect(page.locator(".count")).to_contain_text("120 tasks")
    seen = names(page) + next_names(page) + next_names(page)
    assert seen == [f"task {number}" for number in reversed(range(120))]
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(ROWS).first).to_contain_text("task 69")
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(20)
    page.get_by_role("link", name="First").click()
    expect(page.locator(ROWS).first).to_contain_text("task 119")

    page.get_by_role("columnheader", name="Duration").get_by_role("link").click()
    expect(page.locator(ROWS).first).to_contain_text("6.0 s")
    seen = names(page) + next_names(page) + next_names(page)
    assert sorted(seen) == sorted(f"task {number}" for number in range(120)), "each once, by any order"


def test_it_is_readable_on_a_small_screen(
    emulator: Emulator, client: httpx.Client, open_page: Callable[..., Page], screenshot: Callable[..., None]
):
    report(
        client, "a" * 200, agent="x" * 200, input="word " * 30 + "W" * 300, result="R" * 500, used_tools=["t" * 100] * 5
    )
    page = open_page(f"{emulator.url}/", width=390, height=844)
    for path in ("/", "/_ui/workers", "/_ui/requests"):
        page.goto(f"{emulator.url}{path}")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(f"{emulator.url}/")
    expect(page.locator(ROWS)).to_have_count(1)
    screenshot(page, "history-390")
    page.locator(f"{ROWS} a").first.click()
    expect(page.locator("#result")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    screenshot(page, "task-390")


def test_it_is_used_by_keyboard(page: Page, client: httpx.Client):
    report(client, "a", input="Read invoice 17")
    report(client, "b", input="Write a letter")
    expect(page.locator(ROWS)).to_have_count(2)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("invoice")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.get_by_label("Search")).to_be_focused()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('td.name') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/_ui/task\?"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Read invoice 17")


def test_dark_and_light_follow_the_system(emulator: Emulator, open_page: Callable[..., Page]):
    def background(scheme: str) -> str:
        page = open_page(f"{emulator.url}/", scheme=scheme)
        found: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return found

    assert background("dark") != background("light")


def test_it_works_without_scripts(emulator: Emulator, client: httpx.Client, open_page: Callable[..., Page]):
    report(client, "a", input="Read invoice 17")
    report(client, "b", input="Write a letter")
    page = open_page(f"{emulator.url}/", java_script_enabled=False)
    assert len(names(page)) == 2
    page.get_by_label("Search").fill("invoice")
    page.get_by_role("button", name="Filter").click()
    assert names(page) == ["Read invoice 17"]
