"""The command that reports a run."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from xpander_facade import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade.emulator import Emulator

from command_line import SHELL, Outcome, ended


def test_a_report_prints_the_id_and_reaches_the_platform(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli(
        *("report", "--agent-id", "bookkeeper", "--id", "run-1", "--input", "Read it", "--result", "1,240.00 EUR"),
        *("--duration", "2.5", "--prompt-tokens", "310", "--completion-tokens", "12", "--cache-read-tokens", "100"),
        *("--cache-write-tokens", "7", "--used-tool", "ocr", "--used-tool", "mail"),
    )
    assert outcome == (0, "run-1\n", "")
    task = emulator.task("run-1")
    assert (task["agent_id"], task["status"], task["duration"]) == ("bookkeeper", "completed", 2.5)
    assert (task["input"]["text"], task["result"], task["used_tools"]) == ("Read it", "1,240.00 EUR", ["ocr", "mail"])
    assert emulator.requests()[-1].body["tokens"] == {
        "prompt_tokens": 310, "completion_tokens": 12, "total_tokens": 322,
        "cache_read_tokens": 100, "cache_write_tokens": 7,
    }  # fmt: skip


def test_a_report_can_be_of_a_failure_and_answer_with_json(cli: Callable[..., Outcome], emulator: Emulator):
    outcome = cli("report", "--failed", "--result", "out of paper", "--json")
    assert outcome.status == 0
    task = outcome.json()
    assert (task["status"], task["result"]) == ("failed", "out of paper")
    assert emulator.task(task["id"])["status"] == "failed"


def test_what_is_not_said_is_not_sent(cli: Callable[..., Outcome], emulator: Emulator):
    cli("report", "--id", "bare")
    assert emulator.requests()[-1].body == {"id": "bare", "is_success": True, "duration": 0, "used_tools": []}


def test_texts_come_from_files_and_from_standard_input(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "prompt.txt").write_text("Grüße\nan alle", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("an answer"))
    assert cli("report", "--id", "run-1", "--input", f"@{tmp_path}/prompt.txt", "--result", "@-").status == 0
    assert emulator.requests()[-1].body["input"] == "Grüße\nan alle"
    assert emulator.requests()[-1].body["result"] == "an answer"
    assert cli("report", "--id", "run-1", "--input", "@@home").status == 0
    assert emulator.requests()[-1].body["input"] == "@home"


@pytest.mark.parametrize("options", [("--input", "@-", "--result", "@-"), ("--result", "@-", "--llm-response", "-")])
def test_standard_input_is_read_once(
    cli: Callable[..., Outcome], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    outcome = cli("report", *options)
    assert outcome.status == 2
    assert "standard input can be read only once" in outcome.err
    assert sys.stdin.read() == "{}"


RESPONSE = {
    "object": "chat.completion",
    "model": "gpt-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is 1,240.00 EUR."}}],
    "usage": {"prompt_tokens": 310, "completion_tokens": 12, "total_tokens": 322},
}


def test_tokens_and_result_are_read_from_the_providers_response(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path
):
    (tmp_path / "answer.json").write_text(json.dumps(RESPONSE))
    assert cli("report", "--id", "run-1", "--llm-response", f"{tmp_path}/answer.json").status == 0
    assert emulator.task("run-1")["result"] == "It is 1,240.00 EUR."
    assert emulator.task("run-1")["tokens"]["prompt_tokens"] == 310
    assert emulator.llm_response("run-1") == RESPONSE


def test_what_is_said_goes_before_the_providers_response(
    cli: Callable[..., Outcome], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(RESPONSE)))
    cli("report", "--id", "run-1", "--llm-response", "-", "--result", "mine", "--completion-tokens", "1")
    assert emulator.task("run-1")["result"] == "mine"
    assert emulator.task("run-1")["tokens"]["total_tokens"] == 1


def test_a_response_that_is_no_json_is_wrong_use(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "answer.json").write_text("{not json")
    outcome = cli("report", "--llm-response", f"{tmp_path}/answer.json")
    assert outcome.status == 2
    assert "no JSON" in outcome.err


def test_a_report_that_failed_tells_the_id_to_repeat_it_with(cli: Callable[..., Outcome], emulator: Emulator):
    emulator.fail(422, operation="report_external_task")
    outcome = cli("report", "--result", "x")
    assert (outcome.status, outcome.out) == (1, "")
    first, second = outcome.err.splitlines()
    assert re.fullmatch(r"to report this run again: --id ext-[0-9a-f-]+", first)
    assert second.startswith("xpander-facade: POST")


def test_a_report_that_was_not_sent_has_no_id_to_repeat_it_with(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_AGENT_ID")
    outcome = cli("report", "--result", "x")
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert "no agent" in outcome.err


def test_a_response_may_begin_with_a_byte_order_mark(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "answer.json").write_text('{"a": 1}', encoding="utf-8-sig")
    assert cli("report", "--llm-response", f"{tmp_path}/answer.json").status == 0


@pytest.mark.usefixtures("variables")
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes streams")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at_the_end", "at_once"])
def test_closed_and_full_streams_cause_no_traceback(unbuffered: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)

    def shell(line: str) -> Outcome:
        return ended(subprocess.Popen(["sh", "-c", f'"$0" -m xpander_facade {line}', sys.executable], **SHELL))

    closed = shell("report --input @- <&-")
    assert (closed.status, "standard input is closed" in closed.err, "Traceback" in closed.err) == (2, True, False)
    assert shell("report --id run-1 >&-") == (0, "", "")
    assert shell("tasks list >&- 2>&-") == (0, "", "")
    if Path("/dev/full").exists():
        for line in ("tasks list", "tasks list --json", "tasks watch run-1"):
            status, _, err = shell(f"{line} >/dev/full")
            assert (status, err.splitlines()) == (1, ["xpander-facade: can't write: No space left on device"]), line


def test_an_error_that_is_no_ones_wrong_use_has_its_traceback(
    cli: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
):
    for error in (ValueError("ours"), OSError("ours")):
        monkeypatch.setattr(Tasks, "get", Mock(side_effect=error))
        with pytest.raises(type(error), match="ours"):
            cli("tasks", "get", "task-1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("from_file", [True, False], ids=["file", "standard input"])
def test_a_text_is_read_in_the_encoding_that_its_mark_names(
    cli: Callable[..., Outcome],
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    from_file: bool,
):
    (tmp_path / "prompt.txt").write_bytes("café".encode(encoding))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("café".encode(encoding)), "ascii", "replace"))
    assert cli("report", "--id", "run-1", "--input", f"@{tmp_path}/prompt.txt" if from_file else "@-").status == 0
    assert emulator.task("run-1")["input"]["text"] == "café"


@pytest.mark.parametrize("from_file", [True, False], ids=["file", "standard input"])
def test_a_text_in_an_unknown_encoding_is_refused_and_not_changed(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_file
):
    (tmp_path / "prompt.txt").write_bytes("café".encode("latin-1"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("café".encode("latin-1")), "utf-8", "replace"))
    outcome = cli("report", "--id", "run-1", "--input", f"@{tmp_path}/prompt.txt" if from_file else "@-")
    assert (outcome.status, "can't decode" in outcome.err) == (2, True)
    assert not emulator.requests()
