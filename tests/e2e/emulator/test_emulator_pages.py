"""The pages as HTTP: who gets in, what a form needs, which headers keep other pages out, and what is live."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"x-api-key": "k"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(step=0) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def browser(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client that keeps cookies, as a browser does."""
    with httpx.Client(base_url=emulator.url, timeout=20) as client:
        client.get("/")
        yield client


def token(browser: httpx.Client) -> str:
    found = re.search(r'name="token" value="(\w+)"', browser.get("/").text)
    assert found is not None
    return found[1]


def report(emulator: Emulator, **fields: object) -> None:
    httpx.post(f"{emulator.url}/agent-execution/a/report_task", json=fields, headers=KEY).raise_for_status()


# --- forms ---


def test_a_form_creates_a_task_and_leads_to_it(emulator: Emulator, browser: httpx.Client):
    form = {"token": token(browser), "agent": " reader ", "text": "Read invoice 17 & <b>18</b>"}
    answer = browser.post("/_ui/create", data=form)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"])
    assert "Read invoice 17 &amp; &lt;b&gt;18&lt;/b&gt;" in page.text
    assert emulator.tasks()[0]["agent_id"] == "reader"
    by_htmx = browser.post("/_ui/create", data=form, headers={"hx-request": "true"})
    assert (by_htmx.status_code, by_htmx.headers["hx-redirect"][:10]) == (200, "/_ui/task?")


@pytest.mark.parametrize("given", ["", "wrong", "é", "a" * 10_000])
def test_a_form_without_the_sessions_token_changes_nothing(emulator: Emulator, browser: httpx.Client, given: str):
    answer = browser.post("/_ui/create", data={"token": given, "agent": "a", "text": "x"})
    assert answer.status_code == 403
    assert "reload the page" in answer.text
    assert emulator.tasks() == []


def test_a_token_belongs_to_one_session(emulator: Emulator, browser: httpx.Client):
    with httpx.Client(base_url=emulator.url) as other:
        other.get("/")
        assert token(other) != token(browser)
        assert other.post("/_ui/create", data={"token": token(browser), "agent": "a", "text": "x"}).status_code == 403
    without = httpx.post(f"{emulator.url}/_ui/create", data={"token": token(browser), "agent": "a", "text": "x"})
    assert without.status_code == 403
    assert emulator.tasks() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/_ui/create", "/_ui/task/stop"])
def test_a_form_of_another_origin_is_refused_with_the_right_token(
    emulator: Emulator, browser: httpx.Client, path: str, headers: dict[str, str]
):
    report(emulator, id="x")
    form = {"token": token(browser), "agent": "a", "text": "x", "organization": "org-1", "id": "x"}
    assert browser.post(path, data=form, headers=headers).status_code == 403
    assert len(emulator.tasks()) == 1


def test_a_form_of_the_page_itself_is_taken(emulator: Emulator, browser: httpx.Client):
    headers = {"origin": emulator.url, "sec-fetch-site": "same-origin"}
    form = {"token": token(browser), "agent": "a", "text": "x"}
    assert browser.post("/_ui/create", data=form, headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"agent": "", "text": "x"}, 422),
        ({"agent": "a", "text": " "}, 422),
        ({"agent": "a"}, 422),
        ({"agent": "a", "text": "x" * 1_100_000}, 413),
    ],
)
def test_a_form_that_makes_no_task_says_so(
    emulator: Emulator, browser: httpx.Client, form: dict[str, str], status: int
):
    answer = browser.post("/_ui/create", data={"token": token(browser), **form})
    assert answer.status_code == status
    assert emulator.tasks() == []


def test_nothing_is_changed_by_get(emulator: Emulator, browser: httpx.Client):
    for path in ("/_ui/create", "/_ui/task/stop"):
        assert browser.get(path, params={"token": token(browser), "agent": "a", "text": "x"}).status_code == 405
    assert emulator.tasks() == []


# --- headers and names ---


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/_ui/tasks",
        "/_ui/totals",
        "/_ui/workers",
        "/_ui/requests",
        "/_ui/login",
        "/_ui/task?id=no",
        "/_ui/static/app.js",
    ],
)
def test_each_page_keeps_scripts_and_frames_of_others_out(emulator: Emulator, browser: httpx.Client, path: str):
    answer = browser.get(path)
    policy = answer.headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self';",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    if "static" not in path:
        assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers.get("set-cookie", "").lower()
    assert cookie == "" or ("httponly" in cookie and "samesite=lax" in cookie)


def test_the_page_is_for_allowed_names_alone(emulator: Emulator):
    for path in ("/", "/_ui/tasks", "/_ui/health", "/_ui/static/app.js"):
        assert httpx.get(f"{emulator.url}{path}", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "name",
    ["../_app.py", "..%2f_app.py", "vendor/../../_app.py", "/etc/passwd", "vendor", "", "app.js%00", "manifest.json"],
)
def test_only_the_pages_own_files_are_served(emulator: Emulator, name: str):
    assert httpx.get(f"{emulator.url}/_ui/static/{name}").status_code == 404


def test_files_are_kept_by_the_browser_under_their_hash(emulator: Emulator, browser: httpx.Client):
    url = re.search(r"/_ui/static/app\.js\?v=\w+", browser.get("/").text)
    assert url is not None
    assert "immutable" in browser.get(url[0]).headers["cache-control"]
    assert browser.get("/_ui/static/app.js?v=old").headers["cache-control"] == "no-cache"


def test_requests_of_the_page_are_not_those_of_the_api(emulator: Emulator, browser: httpx.Client):
    browser.get("/_ui/requests")
    assert emulator.requests() == []


def test_its_health_needs_neither_key_nor_session():
    with Emulator(api_key="k") as emulator:
        assert httpx.get(f"{emulator.url}/_ui/health").json() == {"status": "ok"}


# --- the key ---


PARTS = [
    "/",
    "/_ui/tasks",
    "/_ui/totals",
    "/_ui/task?id=x",
    "/_ui/task/main?id=x",
    "/_ui/task/events?id=x",
    "/_ui/workers",
    "/_ui/requests",
    "/_ui/live",
]


def test_with_a_key_nothing_is_seen_without_it():
    with Emulator(api_key="the-key", step=0) as emulator, httpx.Client(base_url=emulator.url) as browser:
        httpx.post(f"{emulator.url}/agent-execution/a/report_task", json={"id": "x"}, headers={"x-api-key": "the-key"})
        for path in PARTS:
            answer = browser.get(path)
            assert (answer.status_code, answer.headers["location"][:11]) == (303, "/_ui/login?")
            assert browser.get(path, headers={"hx-request": "true"}).status_code == 401
        assert browser.post("/_ui/create", data={"agent": "a", "text": "x"}).status_code == 401
        for key in ("", "wrong", "the-key "):
            assert browser.post("/_ui/login", data={"key": key}).status_code == 403
        forged = {f"xpander_emulator_{emulator.port}": "a.b"}
        assert httpx.get(f"{emulator.url}/", cookies=forged).status_code == 303
        foreign = browser.post("/_ui/login", data={"key": "the-key"}, headers={"origin": "http://localhost:1"})
        assert foreign.status_code == 403
        right = browser.post("/_ui/login?next=/_ui/workers", data={"key": "the-key"})
        assert (right.status_code, right.headers["location"]) == (303, "/_ui/workers")
        assert "the-key" not in right.headers["set-cookie"]
        assert browser.get("/").status_code == 200
        assert browser.post("/_ui/create", data={"token": token(browser), "agent": "a", "text": "x"}).status_code == 303


@pytest.mark.parametrize(
    "following", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_the_key_leads_nowhere_else(following: str):
    with Emulator(api_key="k") as emulator:
        answer = httpx.post(f"{emulator.url}/_ui/login", params={"next": following}, data={"key": "k"})
        assert answer.headers["location"] == "/"


# --- what is live ---


def lines_of(browser: httpx.Client, path: str, found: list[str], ready: threading.Event) -> None:
    with browser.stream("GET", path) as answer:
        for line in answer.iter_lines():
            found.append(line)
            ready.set()


def test_changes_are_told_and_the_streams_end_with_the_server():
    emulator = Emulator(step=0)
    emulator.start()
    found: list[str] = []
    ready = threading.Event()
    with httpx.Client(base_url=emulator.url, timeout=30) as browser:
        browser.get("/")
        listener = threading.Thread(target=lines_of, args=(browser, "/_ui/live", found, ready))
        listener.start()
        assert ready.wait(20)
        report(emulator, id="x")
        end = time.monotonic() + 20
        while "event: tasks-changed" not in found and time.monotonic() < end:
            time.sleep(0.05)
        assert "event: tasks-changed" in found
        began = time.monotonic()
        emulator.stop()
        assert time.monotonic() - began < 5
        listener.join(10)
        assert not listener.is_alive()


def test_events_go_on_where_the_page_has_them(emulator: Emulator, browser: httpx.Client):
    report(emulator, id="x")
    numbers = [
        emulator.publish("x", "think", {"thought": f"thought {n}\r\ndata: not a line of its own"}) for n in range(3)
    ]
    found: list[str] = []
    with browser.stream("GET", f"/_ui/task/events?organization=org-1&id=x&after={numbers[1]}") as answer:
        for line in answer.iter_lines():
            found.append(line)
            if "thought 2" in line:
                break
    assert not any("thought 0" in line or "thought 1" in line for line in found)
    assert f"id: {numbers[2]}" in found


def first_events(browser: httpx.Client, path: str) -> list[str]:
    """Return the named events that a stream begins with, until its first other line that says something."""
    found: list[str] = []
    with browser.stream("GET", path) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                found.append(line.removeprefix("event: "))
            if "the end" in line or line == "event: workers-changed":
                return found
    return found


def test_what_changed_while_the_page_was_on_its_way_is_told(emulator: Emulator, browser: httpx.Client):
    report(emulator, id="x", result="first")
    page = browser.get("/_ui/task?organization=org-1&id=x").text
    stream = re.search(r'hx-sse:connect="(/_ui/task/events[^"]+)"', page)
    live = re.search(r'hx-sse:connect="(/_ui/live[^"]+)"', page)
    assert stream is not None
    assert live is not None
    path = stream[1].replace("&amp;", "&")
    assert first_events(browser, live[1]) == ["workers-changed"]
    report(emulator, id="x", result="second")
    assert first_events(browser, live[1]) == ["tasks-changed", "workers-changed"]
    emulator.publish("x", "think", {"thought": "the end"})
    with browser.stream("GET", path) as answer:
        for line in answer.iter_lines():
            if line == "event: task-changed":
                break
        else:
            raise AssertionError("the change was not told")


def test_an_error_of_a_page_is_answered_and_recorded(
    emulator: Emulator, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
):
    from xpander_facade.emulator._history import History

    def fails(self: History, query: object) -> None:
        raise RuntimeError("no more pages")

    monkeypatch.setattr(History, "page", fails)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "no more pages" in answer.text
    assert "no more pages" in emulator.violations[-1]
    emulator._app.violations.clear()
