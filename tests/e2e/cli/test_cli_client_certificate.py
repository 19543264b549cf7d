"""The command line and the relay in front of a platform that wants a client's certificate (mutual TLS)."""

from __future__ import annotations

import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from command_line import SHELL
from misbehaving import task_answer
from secure import AUTHORITY, Secure, server_context

from xpander_facade import Backend, Configuration, OutboxSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from command_line import Outcome

CLIENT = AUTHORITY.with_name("client.pem")


class Mutual(Secure):
    """A platform that answers only those whose certificate it knows."""

    def __init__(self) -> None:
        super().__init__(otherwise=task_answer())
        self._context = server_context()
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(CLIENT)


@pytest.fixture
def platform(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mutual]:
    with Mutual() as server:
        monkeypatch.setenv("XPANDER_BASE_URL", server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
        yield server


@pytest.fixture
def parts(tmp_path: Path) -> tuple[str, str]:
    """The certificate and its key, each in a file of its own."""
    text = CLIENT.read_text()
    at = text.index("-----BEGIN PRIVATE KEY-----")
    before, key = text[:at], text[at:]
    if not before.strip():
        end = text.index("-----END PRIVATE KEY-----") + len("-----END PRIVATE KEY-----\n")
        before, key = text[end:], text[:end]
    (tmp_path / "client.crt").write_text(before)
    (tmp_path / "client.key").write_text(key)
    return str(tmp_path / "client.crt"), str(tmp_path / "client.key")


def test_a_command_shows_the_certificate_that_stands_before_it(
    platform: Mutual, cli: Callable[..., Outcome], parts: tuple[str, str]
):
    cert, key = parts
    assert cli("report", "--id", "r1", "--input", "i").status == 1
    assert cli("--client-cert", str(CLIENT), "report", "--id", "r1", "--input", "i").out == "r1\n"
    assert cli("--client-cert", cert, "--client-key", key, "tasks", "stop", "task_1").status == 0
    assert cli("tasks", "stop", "task_1").status == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--client-key", str(AUTHORITY), "tasks", "list"), "--client-key needs --client-cert"),
        (("--client-cert", "/nowhere.pem", "tasks", "list"), "/nowhere.pem"),
        (("--client-cert", str(AUTHORITY), "worker", "m:h"), "the handler's Configuration"),
        (("--client-cert", str(AUTHORITY), "migrate", "."), "calls nobody"),
    ],
)
def test_a_certificate_that_can_not_be_used_is_a_wrong_use(
    cli: Callable[..., Outcome], arguments: tuple[str, ...], message: str
):
    outcome = cli(*arguments)
    assert outcome.status == 2
    assert message in " ".join(outcome.err.split())


@pytest.mark.parametrize("module", ["xpander_facade", "xpander_facade.outbox"])
def test_a_relay_shows_the_certificate(platform: Mutual, parts: tuple[str, str], tmp_path: Path, module: str):
    file = tmp_path / "runs.db"
    with Backend(Configuration(outbox=OutboxSettings(file, exit_timeout=0))) as backend:
        backend.enqueue_external_task(id="r1", input="i")
    cert, key = parts
    options = ["--client-cert", cert, "--client-key", key]
    command: dict[str, Any] = {
        "xpander_facade": ["-m", module, *options, "outbox", "relay", "--until-empty", str(file)],
        "xpander_facade.outbox": ["-m", module, *options, "--until-empty", str(file)],
    }
    done = subprocess.run([sys.executable, *command[module]], timeout=60, **SHELL)
    assert done.returncode == 0, done.stderr
    assert [request.json["id"] for request in platform.requests] == ["r1"]
