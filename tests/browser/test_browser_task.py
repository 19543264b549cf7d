"""A task in a browser: created by a form, followed live, stopped; workers and requests; and who gets in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import Page, expect

from xpander_facade import Configuration
from xpander_facade.emulator import Emulator, Run
from xpander_facade.worker import on_task

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_task_is_created_by_the_form_and_followed_live(
    page: Page, emulator: Emulator, screenshot: Callable[..., None]
):
    go_on = threading.Event()

    def script(run: Run) -> str:
        run.think("Where would that be written down?")
        run.wait(go_on, 30)
        run.plan(["look", "answer"])
        run.tool_call("ocr", {"file": "invoice-17.pdf"}, result="TOTAL 1,240.00")
        run.chunk("The total is ")
        return "The total is 1,240.00"

    emulator.agent = script
    page.get_by_role("button", name="New task").click()
    page.get_by_role("textbox", name="What should it do?").fill("Read invoice 17")
    page.get_by_role("combobox", name="Agent").first.fill("reader")
    page.get_by_role("button", name="Create the task").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Read invoice 17")
    expect(page.locator("#events")).to_contain_text("Where would that be written down?")
    expect(page.locator("#status")).to_have_text("executing")
    page.evaluate("window.isTheSamePage = true")
    go_on.set()
    for text in ("tool_call_result", "TOTAL 1,240.00", "task_finished"):
        expect(page.locator("#events")).to_contain_text(text)
    expect(page.locator("#status")).to_have_text("completed")
    expect(page.locator("#result")).to_have_text("The total is 1,240.00")
    expect(page.locator(".plan li")).to_have_count(2)
    expect(page.get_by_role("button", name="Stop the task")).to_have_count(0)
    numbers = [item.get_attribute("id") for item in page.locator("#events li").all()]
    assert len(numbers) == len(set(numbers)), "no event twice"
    assert page.evaluate("window.isTheSamePage") is True
    (task,) = emulator.tasks()
    assert (task["agent_id"], task["input"]["text"], task["source"]) == ("reader", "Read invoice 17", "ui")
    screenshot(page, "task")


def test_a_task_is_stopped(page: Page, emulator: Emulator, client: httpx.Client):
    emulator.agent = lambda run: run.sleep(60)
    task = client.post("/agent-execution/reader", json={"input": {"text": "Wait"}}).json()
    emulator.wait_for_status(task["id"], "executing")
    page.locator("#history tbody a").first.click()
    page.get_by_role("button", name="Stop the task").click()
    expect(page.locator("#status")).to_have_text("stopped")
    assert emulator.task(task["id"])["is_manually_stopped"] is True


def test_a_real_worker_and_what_it_does_are_seen_live(page: Page, emulator: Emulator, client: httpx.Client):
    configuration = Configuration("k", "org-1", emulator.url, "reader")
    reached, go_on = threading.Event(), threading.Event()

    @on_task(configuration=configuration)
    def handler(task):
        reached.set()
        go_on.wait(30)
        task.result = f"read: {task.input.text}"
        return task

    page.goto(f"{emulator.url}/_ui/workers")
    expect(page.locator("#workers")).to_contain_text("No worker has registered.")
    page.locator("#live.good").wait_for()
    worker = threading.Thread(target=handler.run, kwargs={"signals": False}, daemon=True)
    worker.start()
    row = page.locator("#workers tbody tr")
    expect(row).to_contain_text("listening")
    expect(row).to_contain_text("free")
    task = client.post(
        "/agent-execution/reader", json={"input": {"text": "invoice 17"}, "events_streaming": True}
    ).json()
    assert reached.wait(30)
    expect(row.get_by_role("link")).to_contain_text(task["id"][:8])
    row.get_by_role("link").click()
    expect(page.locator("#status")).to_have_text("executing")
    go_on.set()
    expect(page.locator("#status")).to_have_text("completed")
    expect(page.locator("#events")).to_contain_text("read: invoice 17")


def test_requests_are_listed_with_what_is_wrong_with_them(page: Page, emulator: Emulator, client: httpx.Client):
    client.post("/agent-execution/a/report_task", json={"id": 7})
    client.get("/nowhere")
    page.get_by_role("link", name="Requests").click()
    rows = page.locator("#requests tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("404")
    expect(rows.nth(1)).to_contain_text("body.id: 7 is not of type")
    rows.nth(1).locator("summary").click()
    expect(rows.nth(1).locator("pre")).to_contain_text('"id": 7')


def test_a_key_is_asked_for_once(open_page: Callable[..., Page]):
    with Emulator(api_key="the-key", step=0) as emulator:
        headers = {"x-api-key": "the-key"}
        httpx.post(
            f"{emulator.url}/agent-execution/a/report_task", json={"id": "x", "input": "secret run"}, headers=headers
        )
        page = open_page(f"{emulator.url}/?agent=a")
        expect(page.get_by_label("Key")).to_be_focused()
        assert "secret run" not in page.content()
        page.get_by_label("Key").fill("the-key")
        page.keyboard.press("Enter")
        expect(page.locator("#history tbody tr")).to_have_count(1)
        assert page.url.endswith("/?agent=a")
        page.locator("#history tbody a").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("secret run")
        page.goto(f"{emulator.url}/_ui/requests")
        expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
        assert "the-key" not in page.content()
        assert "the-key" not in str(page.context.cookies())


def test_a_page_of_another_origin_changes_nothing(open_page: Callable[..., Page], emulator: Emulator):
    """The other page is on another port of the same machine, which browsers give the same cookies."""
    with Emulator(step=0) as other:
        page = open_page(f"{emulator.url}/")
        page.locator("#live.good").wait_for()
        token = page.locator("#new-task input[name=token]").get_attribute("value")
        attacker = page.context.new_page()
        attacker.goto(f"{other.url}/_ui/health")
        with attacker.expect_navigation():
            attacker.evaluate(
                """([url, token]) => {
                    const form = document.createElement("form");
                    form.method = "post"; form.action = url + "/_ui/create";
                    for (const [name, value] of Object.entries({token, agent: "a", text: "evil"})) {
                        const input = document.createElement("input");
                        input.name = name; input.value = value; form.append(input);
                    }
                    document.body.append(form); form.submit();
                }""",
                [emulator.url, token],
            )
        assert "another" in attacker.content()
    assert emulator.tasks() == []
