"""The command that reports many runs from a file."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

from command_line import KEY, Outcome, ended, process
from misbehaving import answer, task_answer

HEAD = "question,answer,seconds\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text(HEAD + "What is due?,Nothing.,1.5\nWho pays?,Nobody.,2\n", encoding="utf-8")
    return path


def many(path: Path, count: int) -> str:
    path.write_text(HEAD + "".join(f"q{n},a{n},1\n" for n in range(count)), encoding="utf-8")
    return str(path)


MAP = ("--map", "input=question,result=answer")


def reported(emulator: Emulator) -> list[Any]:
    return [one.body for one in emulator.requests("report_external_task")]


def test_the_rows_of_a_file_are_reported(cli: Callable[..., Outcome], emulator: Emulator, runs: Path):
    outcome = cli("backfill", str(runs), "--agent-id", "bookkeeper", *MAP, "--map", "duration=seconds")
    assert outcome.status == 0
    counts = dict(outcome.rows())
    assert (counts["sent"], counts["skipped"], counts["failed"]) == ("2", "0", "0")
    assert sorted((one["input"], one["result"], one["duration"]) for one in reported(emulator)) == [
        ("What is due?", "Nothing.", 1.5),
        ("Who pays?", "Nobody.", 2.0),
    ]
    assert {emulator.task(one["id"])["agent_id"] for one in reported(emulator)} == {"bookkeeper"}


def test_what_it_takes_and_that_runs_appear_as_of_today_is_said_first(cli: Callable[..., Outcome], runs: Path):
    assert cli("backfill", str(runs), *MAP, "--rate", "3600/minute").err.splitlines() == [
        "runs.csv: about 2 records; 0.0 s at your --rate; 1.2 s at the 100 requests a minute and 1,000 an hour that "
        "the platform documents",
        "the platform gives a run the time of its report: these will appear as of today",
    ]


def test_a_dry_run_sends_nothing_and_says_how_long_it_would_take(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path
):
    outcome = cli("backfill", many(tmp_path / "runs.csv", 4_000), *MAP, "--rate", "90/minute", "--dry-run")
    assert outcome.status == 0
    told = dict(outcome.rows())
    assert (told["would be sent"], told["failed"]) == ("4,000", "0")
    # Four hours of 1,000 each, the last of which is through after ten minutes.
    assert (told["at your --rate"], told["at the documented limits"]) == ("44m 27s", "3h 10m")
    assert reported(emulator) == []


def test_a_dry_run_needs_no_key(
    cli: Callable[..., Outcome], emulator: Emulator, runs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("XPANDER_API_KEY")
    assert cli("backfill", str(runs), *MAP, "--dry-run").status == 0
    outcome = cli("backfill", str(runs), *MAP)
    assert outcome.status == 2
    assert "set XPANDER_API_KEY" in outcome.err
    assert emulator.requests() == []


def test_bad_rows_go_into_a_file_with_line_and_reason(cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path):
    (tmp_path / "runs.jsonl").write_text('{"id": "a"}\nnot JSON\n{"id": "b", "duration": "long"}\n', encoding="utf-8")
    errors = tmp_path / "errors.jsonl"
    errors.write_text("what an earlier run left\n")
    outcome = cli("backfill", str(tmp_path / "runs.jsonl"), "--errors", str(errors))
    assert outcome.status == 1
    assert [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines()] == [
        {
            "position": 2,
            "location": "runs.jsonl, line 2",
            "id": None,
            "reason": "the line is not JSON: Expecting value at column 1",
            "record": None,
        },
        {
            "position": 3,
            "location": "runs.jsonl, line 3",
            "id": None,
            "reason": "duration must be a number of seconds, not str",
            "record": {"id": "b", "duration": "long"},
        },
    ]
    assert outcome.err.splitlines()[-1] == f"2 records failed: {errors} names each, with the reason"
    assert [one["id"] for one in reported(emulator)] == ["a"]


def test_a_new_file_of_bad_rows_is_for_its_owner_alone(cli: Callable[..., Outcome], runs: Path, tmp_path: Path):
    assert cli("backfill", str(runs), *MAP, "--errors", str(tmp_path / "errors.jsonl")).status == 0
    assert (tmp_path / "errors.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_a_file_for_them_the_first_bad_rows_are_told(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "runs.jsonl").write_text("no JSON\n" * 25, encoding="utf-8")
    lines = cli("backfill", str(tmp_path / "runs.jsonl")).err.splitlines()[2:]
    assert lines[0] == "runs.jsonl, line 1: the line is not JSON: Expecting value at column 1"
    assert len(lines) == 21
    assert lines[-1] == "and 5 more: --errors PATH keeps them all"


def test_json_says_all_of_it(cli: Callable[..., Outcome], tmp_path: Path):
    (tmp_path / "runs.jsonl").write_text('{"id": "a"}\n[]\n', encoding="utf-8")
    outcome = cli("backfill", str(tmp_path / "runs.jsonl"), "--rate", "100/second", "--json")
    document: Any = outcome.json()
    assert document.pop("elapsed") > 0
    assert document == {
        "sent": 1,
        "skipped": 0,
        "failed": [
            {
                "position": 2,
                "location": "runs.jsonl, line 2",
                "id": None,
                "reason": "a record must be a mapping, not list",
                "record": [],
            }
        ],
        "failed_count": 1,
        "dry_run": False,
        "stopped": None,
        "seconds_at_rate": 0.01,
        "seconds_at_documented_limits": 0.6,
    }
    assert outcome.status == 1


def test_a_second_run_with_the_checkpoint_sends_nothing_again(
    cli: Callable[..., Outcome], emulator: Emulator, runs: Path, tmp_path: Path
):
    command = ("backfill", str(runs), *MAP, "--checkpoint", str(tmp_path / "runs.db"))
    assert dict(cli(*command).rows())["sent"] == "2"
    counts = dict(cli(*command).rows())
    assert (counts["sent"], counts["skipped"]) == ("0", "2")
    assert len(reported(emulator)) == 2


def test_a_batch_id_makes_other_ids(cli: Callable[..., Outcome], emulator: Emulator, runs: Path):
    for batch_id in ("one", "one", "two"):
        assert cli("backfill", str(runs), *MAP, "--batch-id", batch_id).status == 0
    assert len({one["id"] for one in reported(emulator)}) == 4


def test_the_time_of_a_run_is_kept_where_it_is_documented(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path
):
    path = tmp_path / "runs.csv"
    path.write_text("id,when\nrun-1,2025-01-02T03:04:05Z\n", encoding="utf-8")
    outcome = cli("backfill", str(path), "--map", "time=when")
    assert "appear as of today; --map time= is kept in llm_response" in outcome.err
    assert emulator.llm_response("run-1") == {"_run": {"metadata": {"time": "2025-01-02T03:04:05Z"}}}


@pytest.mark.parametrize("name", ["Question, if any", "a=b", "100 %", "é"])
def test_a_column_may_have_any_name(cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, name: str):
    (tmp_path / "runs.jsonl").write_text(json.dumps({name: "What is due?", "key": "run-1"}), encoding="utf-8")
    assert cli("backfill", str(tmp_path / "runs.jsonl"), "--map", f"input={name}, id=key").status == 0
    assert [(one["id"], one["input"]) for one in reported(emulator)] == [("run-1", "What is due?")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--map", "input=qestion"), "runs.csv has no column 'qestion', which is mapped to input: it has 'answer',"),
        (("--map", "inptu=question"), "'inptu' is not a key of a report: the keys are agent_id,"),
        (("--map", "question"), "'question' is not KEY=COLUMN"),
        (("--map", "input="), "'input=' is not KEY=COLUMN"),
        (("--map", "input=question", "--map", "input=answer"), "input is mapped twice, to 'question' and 'answer'"),
        (("--rate", "fast"), "'fast' is not a rate"),
        (("--rate", "0"), "0.0 is not a rate"),
        (("--rate", "nan"), "nan is not a rate"),
        (("--concurrency", "0"), "Invalid value for '--concurrency'"),
        (("--errors", "/no/such/folder/errors.jsonl"), "/no/such/folder/errors.jsonl can't be written: No such file"),
        (("--checkpoint", "/no/such/folder/c.db"), "the checkpoint /no/such/folder/c.db can't be used (No such file"),
        (("--checkpoint", "SAME"), "--checkpoint and FILE are the same file"),
        (("--errors", "SAME"), "--errors and FILE are the same file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_sends_nothing_and_is_named(
    cli: Callable[..., Outcome], emulator: Emulator, runs: Path, options: tuple[str, ...], words: str
):
    before = runs.read_text()
    outcome = cli("backfill", str(runs), *(str(runs) if option == "SAME" else option for option in options))
    assert (outcome.status, outcome.out) == (2, "")
    assert words in " ".join(re.sub(r"[│╭╮╰╯─]", " ", outcome.err).split())
    assert emulator.requests() == []
    assert runs.read_text() == before


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, "does not exist"),
        ("runs.xlsx", b"PK", "has none of the endings .jsonl, .ndjson, .csv, .tsv, .parquet"),
        ("runs.parquet", b"not Parquet", "is not a Parquet file that can be read"),
        ("runs.csv", b"id,id\n1,2\n", "has the column 'id' twice: rename one of them"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path, name: str, content: bytes | None, words: str
):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    outcome = cli("backfill", str(tmp_path / name))
    assert outcome.status == 2
    assert words in outcome.err
    assert name in outcome.err
    assert emulator.requests() == []


def test_a_wrong_key_half_way_stops_at_once_and_counts_what_was_before(
    cli: Callable[..., Outcome], misbehave: Callable[..., Misbehaving], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = many(tmp_path / "runs.csv", 50)
    server = misbehave(*[task_answer()] * 20, answer(401), otherwise=task_answer())
    monkeypatch.setenv("XPANDER_BASE_URL", server.url)
    command = ("backfill", path, *MAP, "--checkpoint", str(tmp_path / "runs.db"), "--concurrency", "1")
    outcome = cli(*command, "--json")
    document: Any = outcome.json()
    assert (outcome.status, document["sent"], document["failed_count"]) == (1, 20, 0)
    assert len(server.requests) == 21
    last = outcome.err.splitlines()[-1]
    assert "the batch stopped (20 sent, 0 skipped and 0 failed before)" in last
    assert "begin again with the same --checkpoint, and what was sent is skipped" in last
    assert document["stopped"] in last
    counts = dict(cli(*command).rows())
    assert (counts["sent"], counts["skipped"]) == ("30", "20")


def test_it_stops_at_the_first_bad_row_where_that_is_asked_for(
    cli: Callable[..., Outcome], emulator: Emulator, tmp_path: Path
):
    (tmp_path / "runs.jsonl").write_text('{"id": "a"}\n[]\n' + '{"id": "b"}\n' * 500, encoding="utf-8")
    outcome = cli("backfill", str(tmp_path / "runs.jsonl"), "--fail-fast")
    assert outcome.status == 1
    assert "runs.jsonl, line 2: a record must be a mapping, not list" in outcome.err
    assert len(reported(emulator)) <= 2


def test_a_full_disk_for_the_bad_rows_is_named(cli: Callable[..., Outcome], tmp_path: Path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    (tmp_path / "runs.jsonl").write_text("[]\n", encoding="utf-8")
    outcome = cli("backfill", str(tmp_path / "runs.jsonl"), "--errors", "/dev/full")
    assert outcome.status == 1
    assert "/dev/full can't be written: No space left on device" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX's")
@pytest.mark.usefixtures("variables")
def test_a_full_disk_for_the_checkpoint_is_named(tmp_path: Path):
    path = many(tmp_path / "runs.csv", 3_000)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))

    child = process("backfill", path, *MAP, "--checkpoint", str(tmp_path / "runs.db"), preexec_fn=limit)
    outcome = ended(child)
    assert outcome.status == 1
    last = outcome.err.splitlines()[-1]
    assert f"the checkpoint {tmp_path / 'runs.db'} can't be used" in last
    sent = int(dict(outcome.rows())["sent"].replace(",", ""))
    assert sent > 0
    assert f"{sent:,} sent" in last


def test_nothing_is_reported_where_that_is_disabled(
    cli: Callable[..., Outcome], emulator: Emulator, runs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XPANDER_DISABLED", "1")
    outcome = cli("backfill", str(runs), *MAP)
    assert outcome.status == 2
    assert "unset XPANDER_DISABLED" in outcome.err
    assert cli("backfill", str(runs), *MAP, "--dry-run").status == 0
    assert emulator.requests() == []


def test_a_bar_shows_rate_and_time_left_on_a_terminal_alone(
    cli: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = many(tmp_path / "runs.csv", 40)
    assert "/40" not in cli("backfill", path, *MAP).err
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    outcome = cli("backfill", path, *MAP, "--rate", "40/second", "--json")
    document: Any = outcome.json()
    assert (outcome.status, document["sent"]) == (0, 40)
    assert re.search(r"reporting runs\.csv.*/40", outcome.err)
    assert re.search(r"\d\.\d s left", outcome.err)


@pytest.fixture
def slow(tmp_path: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A back-fill of 25 seconds in a process of its own."""
    path = many(tmp_path / "runs.csv", 500)
    child = process(*("backfill", path, *MAP, "--rate", "20/second", "--checkpoint", str(tmp_path / "runs.db")))
    yield child
    if child.poll() is None:
        child.kill()
    child.wait(30)
    for stream in (child.stdout, child.stderr):
        assert stream is not None
        stream.close()


def test_ctrl_c_says_how_to_go_on_and_what_was_sent_is_not_sent_again(
    slow: subprocess.Popen[str], emulator: Emulator, cli: Callable[..., Outcome], tmp_path: Path
):
    end = time.monotonic() + 30
    while len(reported(emulator)) < 5:
        assert time.monotonic() < end, "nothing was sent"
        time.sleep(0.02)
    slow.send_signal(signal.SIGINT)
    _, err = slow.communicate(timeout=30)
    assert slow.returncode == 130
    found = re.search(r"stopped with (\d+) sent and 0 failed: the same command goes on from there", err)
    assert found
    before = len(reported(emulator))
    counts = dict(cli("backfill", str(tmp_path / "runs.csv"), *MAP, "--checkpoint", str(tmp_path / "runs.db")).rows())
    assert (int(counts["skipped"]), int(counts["sent"])) == (before, 500 - before)
    assert len({one["id"] for one in reported(emulator)}) == 500
    assert KEY not in err
