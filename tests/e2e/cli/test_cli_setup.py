"""Setting the command line up: `doctor`, files of variables, completion, what it costs to start, its own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import KEY, ROOT, Outcome, ended, leave, process

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator


def checks_of(outcome: Outcome) -> dict[str, list[tuple[str, str]]]:
    """Return the checks of a doctor by their name, and see that nothing tells the key."""
    assert KEY not in outcome.out + outcome.err
    found: dict[str, list[tuple[str, str]]] = {}
    for name, status, detail in outcome.rows():
        found.setdefault(name, []).append((status, detail))
    return found


# doctor


def test_a_good_set_up_is_well(cli: Callable[..., Outcome], emulator: Emulator):
    emulator.add_agent("agent-123")
    outcome = cli("doctor")
    checks = checks_of(outcome)
    assert (outcome.status, outcome.err) == (0, "")
    assert {status for found in checks.values() for status, _ in found} == {"ok"}
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in checks["versions"][0][1]
    assert checks["platform"] == [("ok", emulator.url)]
    assert "accepted" in checks["key"][0][1]
    assert checks["agent"][0][1].startswith("agent-123")
    assert [(one.method, one.path) for one in emulator.requests()] == [("GET", "/agents/list")]


def test_a_key_that_is_missing_or_refused_is_told(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    emulator.fail(401, operation="list_agents")
    outcome = cli("doctor")
    ((status, detail),) = checks_of(outcome)["key"]
    assert (outcome.status, status) == (1, "error")
    assert "XPANDER_API_KEY" in detail
    monkeypatch.delenv("XPANDER_API_KEY")
    outcome = cli("doctor")
    assert outcome.status == 1
    assert checks_of(outcome)["key"] == [("error", "no API key: set XPANDER_API_KEY")]


def test_a_platform_that_is_not_there_is_told(cli: Callable[..., Outcome]):
    outcome = cli("doctor", "--base-url", "http://127.0.0.1:9")
    assert outcome.status == 1
    assert checks_of(outcome)["key"][0][1].startswith("could not be tried: ")
    outcome = cli("doctor", "--base-url", "http://example.com")
    assert "XPANDER_ALLOW_INSECURE_HTTP=1" in checks_of(outcome)["key"][0][1]
    outcome = cli("doctor", "--base-url", "ftp://nowhere")
    assert checks_of(outcome)["configuration"][0][0] == "error"
    assert outcome.status == 1


def test_an_agent_that_the_key_does_not_open_is_told(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    emulator.add_agent("agent-123")
    assert checks_of(cli("doctor", "--agent-id", "other"))["agent"][0][0] == "warning"
    monkeypatch.delenv("XPANDER_AGENT_ID")
    outcome = cli("doctor")
    assert checks_of(outcome)["agent"] == [("warning", "no agent: pass --agent-id or set XPANDER_AGENT_ID")]
    assert outcome.status == 0


def test_a_variable_with_a_slip_is_told(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPANDER_ORGANISATION_ID", "secret-value")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret-value@127.0.0.1:9")
    outcome = cli("doctor")
    checks = checks_of(outcome)
    assert ("warning", "XPANDER_ORGANISATION_ID means nothing here: XPANDER_ORGANIZATION_ID?") in checks["variables"]
    assert "HTTPS_PROXY" in checks["network"][0][1]
    assert "secret-value" not in outcome.out


def test_nothing_is_sent_where_that_is_disabled(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPANDER_DISABLED", "1")
    outcome = cli("doctor")
    assert (outcome.status, checks_of(outcome)["key"][0][0]) == (0, "warning")
    assert emulator.requests() == []


def test_the_outbox_is_looked_at_and_not_made(cli: Callable[..., Outcome], path: str):
    assert "has no file yet" in checks_of(cli("doctor"))["outbox"][0][1]
    assert not Path(path).exists()
    leave("run-1")
    assert f"{path}: 1 waiting" in checks_of(cli("doctor"))["outbox"][0][1]
    Path(path).write_text("notes" * 1000)
    outcome = cli("doctor", "--outbox", path)
    assert (outcome.status, checks_of(outcome)["outbox"][0][0]) == (1, "error")


# Files of variables


@pytest.fixture
def file(emulator: Emulator, tmp_path: Path) -> Path:
    path = tmp_path / "my.env"
    path.write_text(
        f"# the local platform\nexport XPANDER_API_KEY='{KEY}'\nXPANDER_BASE_URL={emulator.url}\n\n"
        'XPANDER_ORGANIZATION_ID="org-1"  # ours\nXPANDER_AGENT_ID=from-file\nEMPTY\n',
        encoding="utf-8-sig",
    )
    return path


def run(*arguments: str, **variables: str) -> Outcome:
    return ended(process(*arguments, env={**os.environ, **variables}))


def test_a_file_of_variables_is_read_where_it_is_named(file: Path, emulator: Emulator):
    assert run("--env-file", str(file), "tasks", "list") == (0, "", "")
    assert run("tasks", "list", XPANDER_ENV_FILE=str(file), XPANDER_AGENT_ID="mine") == (0, "", "")
    assert [one.path.rpartition("/")[2] for one in emulator.requests()] == ["from-file", "mine"]


def test_a_file_that_only_lies_there_is_not_read(file: Path, emulator: Emulator):
    file.rename(file.parent / ".env")
    child = process("tasks", "list", cwd=file.parent, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/generated"})
    outcome = ended(child)
    assert outcome.status == 2
    assert "no agent: pass --agent-id or set XPANDER_AGENT_ID" in outcome.err
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: No such file"),
        (b"XPANDER_API_KEY=\xff\n", "can't be read"),
        (b"A=1\nthis is nothing\nB=2\n", "is not understood at line 2: write NAME=value"),
        (b'XPANDER_API_KEY="never closed\n', "is not understood at line 1"),
        (b"A=\x00\n", "can't be set"),
    ],
)
@pytest.mark.usefixtures("variables")
def test_a_file_that_can_not_be_read_is_wrong_use(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, content: bytes | None, words: str
):
    path = tmp_path / "my.env"
    if content is not None:
        path.write_bytes(content)
    before = dict(os.environ)
    outcome = cli("--env-file", str(path), "tasks", "list")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert str(path) in outcome.err
    assert words in outcome.err
    assert "never closed" not in outcome.err
    assert emulator.requests() == []
    assert dict(os.environ) == before


# Its own words


def test_what_is_missing_is_told_in_terms_of_options(cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XPANDER_AGENT_ID")
    for command in (("tasks", "list"), ("top",), ("report",), ("tasks", "create", "--prompt", "x")):
        outcome = cli(*command)
        assert outcome == (2, "", "xpander-facade: no agent: pass --agent-id or set XPANDER_AGENT_ID\n")
    monkeypatch.setenv("XPANDER_AGENT_ID", "a")
    monkeypatch.delenv("XPANDER_ORGANIZATION_ID")
    outcome = cli("tasks", "list", "--base-url", "http://127.0.0.1:9016")
    assert outcome.status == 2
    assert "pass --organization-id or set XPANDER_ORGANIZATION_ID" in outcome.err
    outcome = cli("tasks", "list", "--base-url", "http://platform.example")
    assert outcome.err.endswith(": use https, or set XPANDER_ALLOW_INSECURE_HTTP=1 inside a network that you trust\n")


# Completion, and the start


def complete(words: str, shell: str = "bash") -> list[str]:
    """Return what a shell would offer behind these words, as its script asks for it."""
    variables = {
        "_XPANDER_FACADE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    outcome = run(**variables)
    assert (outcome.status, outcome.err) == (0, "")
    return outcome.out.split()


def test_commands_options_and_values_are_completed():
    assert complete("xpander-facade ta") == ["tasks"]
    assert {"list", "create", "watch"} <= set(complete("xpander-facade tasks "))
    assert complete("xpander-facade tasks list --stat") == ["--status"]
    assert complete("xpander-facade tasks list --status comp") == ["completed"]
    assert complete("xpander-facade backfill runs.csv --map input=question,res") == ["input=question,result="]
    assert "90/minute" in complete("xpander-facade backfill runs.csv --rate ")
    assert "quarantined" in complete("xpander-facade outbox list --state ", "fish")
    assert any("doctor" in word for word in complete("xpander-facade do", "zsh"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bash")
def test_bash_completes_with_the_script(tmp_path: Path):
    program = tmp_path / "xpander-facade"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m xpander_facade "$@"\n')
    program.chmod(0o755)
    script = """
source <(_XPANDER_FACADE_COMPLETE=source_bash xpander-facade)
function=$(complete -p xpander-facade | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(xpander-facade tasks cr) COMP_CWORD=2
$function xpander-facade cr tasks
echo "${COMPREPLY[*]}"
"""
    path = f"{tmp_path}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": f"{ROOT}:{ROOT}/generated"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=variables, capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("create\n", "")


def test_the_start_loads_nothing_that_a_command_may_not_need():
    code = "import sys, xpander_facade.cli.app; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    roots = {name.partition(".")[0] for name in loaded.split()}
    assert not roots & {"rich", "asyncio", "httpx", "httpcore", "dotenv", "dateutil", "sqlite3", "ssl", "xpander_api"}
    assert "xpander_facade.usage" not in loaded.split()
