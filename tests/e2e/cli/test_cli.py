"""The command line itself: help, wrong use, missing keys, streams, missing packages."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

from xpander_facade import Backend, Configuration
from xpander_facade.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator

from command_line import KEY, PAGE, ROOT, Outcome, ended, process, run_without


def test_it_tells_its_version(cli: Callable[..., Outcome]):
    assert re.fullmatch(r"xpander-facade \d+\.\d+\.\d+\n", cli("--version").out)


def test_without_a_command_it_shows_its_help_as_wrong_use(cli: Callable[..., Outcome]):
    outcome = cli()
    assert outcome.status == 2
    assert "Usage: xpander-facade" in outcome.out + outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("tasks", "nonsense"),
        ("tasks", "get"),
        ("tasks", "list", "--nonsense"),
        ("report", "--duration", "long"),
        ("report", "--duration", "-1"),
        ("report", "--prompt-tokens", "-1"),
        ("report", "--id", ""),
        ("report", "--id", "\udcff"),
        ("report", "--duration", "nan"),
        ("report", "--agent-id", ".."),
        ("tasks", "get", ""),
        ("tasks", "stop", ".."),
        ("tasks", "list", "--user-id", "\udcff"),
        ("tasks", "list", "--organization-id", "\udcff"),
        ("report", "--input", "@no/such/file"),
        ("report", "--llm-response", "no/such/file"),
        ("tasks", "list", "--base-url", "ftp://nowhere"),
    ],
    ids=" ".join,
)
def test_wrong_use_sends_nothing_and_exits_2(
    cli: Callable[..., Outcome], emulator: Emulator, arguments: tuple[str, ...]
):
    outcome = cli(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.strip()
    assert emulator.requests() == []


def test_a_missing_key_is_told_in_one_line_with_its_remedy(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_API_KEY")
    assert cli("tasks", "list") == (2, "", "xpander-facade: no API key: set XPANDER_API_KEY\n")


def test_no_option_takes_a_key(cli: Callable[..., Outcome]):
    assert cli("tasks", "list", "--api-key", "other").status == 2
    assert not [option for options in options_of_commands().values() for option in options if "key" in option]


def test_a_refused_call_is_one_line_on_stderr(cli: Callable[..., Outcome]):
    outcome = cli("tasks", "get", "no-such-task")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith("xpander-facade: GET ")
    assert "404" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_platform_that_is_not_there_is_one_line_on_stderr(cli: Callable[..., Outcome]):
    outcome = cli("tasks", "list", "--base-url", "http://127.0.0.1:9")
    assert (outcome.status, outcome.out) == (1, "")
    assert "could not connect" in outcome.err
    assert outcome.err.count("\n") == 1


def test_options_go_before_the_environment(cli: Callable[..., Outcome], emulator: Emulator):
    assert cli("tasks", "list", "--agent-id", "other", "--organization-id", "org-2").status == 0
    (request,) = emulator.requests()
    assert "other" in request.path


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at_the_end", "at_once"])
def test_a_reader_that_leaves_early_causes_no_words(unbuffered: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    for arguments in (("tasks", "list"), ("tasks", "list", "--json"), ("tasks", "watch", "good")):
        reading, writing = os.pipe()
        os.close(reading)
        child = process(*arguments, stdout=writing)
        os.close(writing)
        assert ended(child) == (1, None, "")


@pytest.mark.usefixtures("variables")
def test_a_character_that_the_output_lacks_does_not_end_it():
    with Backend() as backend:
        backend.report_external_task(id="sign", result="1,240.00 €")
    child = process("tasks", "get", "sign", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    outcome = ended(child)
    assert (outcome.status, outcome.err) == (0, "")
    assert dict(outcome.rows())["result"] == r"1,240.00 \u20ac"


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra_the_remedy_is_told(package: str):
    outcome = run_without(package, "tasks", "get", "good")
    extra = "'xpander-facade[cli]'"
    remedy = f"pip install {extra}, or '.[cli]' in the checkout; or uvx --from {extra} xpander-facade"
    assert outcome == (2, "", f"the command line needs {package}: {remedy}\n")


def test_another_missing_package_is_not_blamed_on_the_extra():
    outcome = run_without("httpx", "tasks", "get", "good")
    assert outcome.status == 1
    assert "No module named 'httpx'" in outcome.err
    assert "xpander-facade[cli]" not in outcome.err


def test_the_emulator_without_its_extra_tells_the_remedy():
    outcome = run_without("uvicorn", "emulator", "--port", "0")
    assert outcome[:2] == (2, "")
    assert "the emulator needs uvicorn: pip install 'xpander-facade[emulator]', or '.[emulator]'" in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_emulator_serves_until_a_signal(number: signal.Signals):
    with process("emulator", "--port", "0", "--agent", "bookkeeper", "--step", "0", "--quiet") as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        configuration = Configuration(api_key="k", base_url=url, organization_id="org-1", agent_id="bookkeeper")
        with Backend(configuration) as backend:
            assert backend.report_external_task(id="run-1").id == "run-1"
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
        assert (child.returncode, err) == (0, "")
        assert all(line.startswith("export XPANDER_") for line in out.split("\n") if line)


def test_the_emulator_explains_its_options(cli: Callable[..., Outcome]):
    outcome = cli("emulator", "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("usage: xpander-facade emulator ")
    assert cli("emulator", "--port", "x").status == 2
    outcome = cli("emulator", "--port", "65536")
    assert outcome.status == 2
    assert outcome.err.endswith("65536 is not a port: choose one from 0 to 65535\n")


# The document


def options_of_commands() -> dict[str, set[str]]:
    """Return the options of every command."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        if hasattr(command, "commands"):
            for below, inner in command.commands.items():
                walk(inner, f"{name} {below}".strip())
        else:
            found[name] = {option for one in command.params for option in one.opts if option.startswith("--")}

    walk(get_command(app), "")
    return found


def test_every_command_and_option_is_documented_and_no_other():
    text = PAGE.read_text(encoding="utf-8")
    had = options_of_commands()
    assert had, "there are commands"
    assert [name for name in had if f"xpander-facade {name}" not in text] == []
    own = {option for one in get_command(app).params for option in one.opts}
    assert own >= {"--version", "--env-file", "--install-completion", "--show-completion"}
    program = own | {"--help", "--from"}  # the latter is uvx's
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    of_emulator = set(re.findall(r"^\| `(--[a-z-]+)`", (ROOT / "docs/emulator.md").read_text(), re.MULTILINE))
    all_options = set().union(*had.values())
    assert (all_options | own) - named == set()
    assert named - all_options - program - of_emulator == set()


def test_every_command_that_prints_data_can_print_json():
    without = {name for name, options in options_of_commands().items() if "--json" not in options}
    assert without == {"emulator", "outbox relay"}  # the former has a parser of its own, the latter prints none


@pytest.mark.parametrize("key", ["", KEY])
def test_the_emulator_tells_a_program_in_json_where_it_is(key: str):
    environment = {**os.environ, "XPANDER_EMULATOR_API_KEY": key}
    with process("emulator", "--port", "0", "--quiet", "--json", "--agent", "a", env=environment) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=30) == ("", "")
    told = json.loads(line)
    assert KEY not in line
    variables = {"XPANDER_BASE_URL": told["url"], "XPANDER_ORGANIZATION_ID": "org-1", "XPANDER_AGENT_ID": "a"}
    assert told["variables"] == (variables if key else {"XPANDER_API_KEY": "any-key", **variables})
