"""What the browser's tests share: Debian's Chromium, an emulator, and a page that must not complain."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

expect.set_options(timeout=30_000)  # a busy machine is slow, and nothing waits longer than it has to
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.exit("no Chromium: install it with `apt-get install chromium`", returncode=2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(step=0.01) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}, timeout=30) as client:
        yield client


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of its own; at the end nothing may stand in its console, and no dialog may have been seen."""
    complaints: list[str] = []
    contexts = []

    def open_at(url: str, *, width: int = 1280, height: int = 900, scheme: str = "light", **more: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in ("error", "warning", "assert") else None,
        )
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if not request.url.startswith(url_of(url)) else None,
        )
        page.goto(url)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []


def url_of(url: str) -> str:
    """Return the scheme, host and port of a URL."""
    return "/".join(url.split("/")[:3])


@pytest.fixture
def page(emulator: Emulator, open_page: Callable[..., Page]) -> Page:
    """The history of the emulator, once its live connection is there."""
    page = open_page(f"{emulator.url}/")
    page.locator("#live.good").wait_for()
    return page


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keep a picture of a page beside the build."""

    def take(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return take
