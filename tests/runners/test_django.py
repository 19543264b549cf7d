"""A real Django: settings, checks, background tasks, and a server that is stopped."""

from __future__ import annotations

import io
import socket
import urllib.request
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from running import Setting, eventually, told

from xpander_facade import current_run
from xpander_facade.emulator import Emulator
from xpander_facade.errors import ConfigurationError, IntegrationError
from xpander_facade.integrations.django import get_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.configure(
    INSTALLED_APPS=["xpander_facade.integrations.django.XpanderConfig"],
    USE_TZ=True,
    SECRET_KEY="a key for tests",
)
django.setup()
needs_tasks = pytest.mark.skipif(django.VERSION < (6,), reason="Django has tasks since 6.0")


@pytest.fixture
def platform() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def account(platform: Emulator) -> dict[str, Any]:
    return {"api_key": "key-1", "organization_id": "org-1", "agent_id": "agent-1", "base_url": platform.url}


def check() -> str:
    said = io.StringIO()
    call_command("check", stdout=said, stderr=said)
    return said.getvalue()


def test_the_backend_is_made_of_the_settings(account: dict[str, Any], platform: Emulator):
    with override_settings(XPANDER=account):
        assert get_backend() is get_backend()
        with get_backend().external_task(input="when?") as run:
            run.result = "in May"
        assert platform.tasks()[0]["result"] == "in May"
        assert "no issues" in check()
    with override_settings(XPANDER={"disabled": True}):
        assert get_backend().configuration.disabled


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (["agent-1"], IntegrationError, "XPANDER must be a dictionary, not list"),
        ({"agentid": "agent-1"}, IntegrationError, "XPANDER holds no arguments of Configuration: .*agentid"),
        ({"timeout": -1}, ConfigurationError, "timeout"),
    ],
)
def test_settings_that_make_no_sense_are_told(given: Any, error: type[Exception], text: str):
    with override_settings(XPANDER=given):
        with pytest.raises(error, match=text):
            get_backend()
        with pytest.raises(SystemCheckError, match=r"xpander\.E001"):
            check()


def test_the_checks_tell_what_is_missing_or_wrong(account: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XPANDER_API_KEY", raising=False)
    with override_settings(XPANDER={"agent_id": "agent-1"}):
        assert "xpander.W001" in check()
    for wrong in ({"taskz": []}, {"tasks": "shop.summarise"}, {"input": 7}):
        with override_settings(XPANDER=account, XPANDER_TASKS=wrong), pytest.raises(SystemCheckError, match="E002"):
            check()


@needs_tasks
def test_background_tasks_are_recorded(account: dict[str, Any], platform: Emulator):
    import django_background

    with override_settings(XPANDER=account, XPANDER_TASKS={"tasks": ["django_background.named"]}):
        names = ("named", "quiet", "marked", "parts", "waiting", "failing")
        ids = {getattr(django_background, name).enqueue("in").id: name for name in names}
        assert current_run() is None
    runs = {ids.get(task["id"], task["id"]): task for task in platform.tasks()}
    assert set(runs) == {"named", "marked", "parts", "own", "waiting", "failing"}
    assert told(runs["named"]) == ("completed", "in", "IN", 5)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["parts"])[3] == 3
    assert told(runs["waiting"]) == ("completed", "in", "in", 7)
    assert told(runs["failing"]) == ("failed", "in", "no such invoice", 0)


@needs_tasks
def test_settings_that_are_wrong_fail_no_task():
    import django_background

    with override_settings(XPANDER={"agentid": "agent-1"}):
        assert django_background.marked.enqueue("in").status == "SUCCESSFUL"


def test_a_stopped_server_has_sent_what_it_recorded(new_setting: Callable[..., Setting]):
    setting = new_setting()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = setting.start("uvicorn", "django_app:asgi", "--port", str(port))
    assert eventually(lambda: "Uvicorn running" in setting.log()), setting.log()
    setting.emulator.delay(0.2, times=5)
    for number in range(5):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/r{number}", timeout=30) as answer:
            assert answer.read() == f"R{number}".encode()
    setting.stop(server)
    assert set(setting.runs()) == {f"r{number}" for number in range(5)}
