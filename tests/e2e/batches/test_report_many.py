"""Many reports in one call: what was given is in the platform's history, once, and what was not is named."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured, run_python
from misbehaving import answer, close, task_answer

from xpander_facade import (
    AuthenticationError,
    Backend,
    BatchError,
    BatchProgress,
    ConfigurationError,
    FailedRecord,
    RecordError,
    UnprocessableEntityError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from misbehaving import Misbehaving

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator

MIXED = (
    '\ufeff{"id": "one", "input": "a", "result": "r", "duration": 1.5, "tokens": {"prompt_tokens": 3}}\n'
    '{"input": "b"}\n'
    "\n"
    "not JSON\n"
    '{"input": 5}\n'
    '{"input": "b"}\n'
    '{"id": "one"}\n'
    '{"question": "c"}\n'
    "[1, 2]\n"
    '{"input": "d", "input": "e"}\n'
    '{"duration": NaN}\n'
    '{"id": "last", "is_success": false, "used_tools": ["x"], "llm_response": {"a": [1]}, "time": "2026-01-02T03:04Z"}'
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_each_line_of_a_file_is_a_run_and_bad_ones_are_named(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    told: list[FailedRecord] = []
    result = call(backend, "report_many", written(tmp_path / "runs.jsonl", MIXED), on_failed=told.append)
    assert (result.sent, result.skipped, result.failed_count) == (4, 0, 7)
    assert told == result.failed
    assert sorted((failed.position, str(failed.error).partition(":")[0]) for failed in told) == [
        (4, "the line is not JSON"),
        (5, "input must be a string, not int"),
        (7, "the id 'one' came before, in runs.jsonl, line 1"),
        (8, "'question' is not a key of a report"),
        (9, "a record must be a mapping, not list"),
        (10, "the line is not JSON"),
        (11, "the line is not JSON"),
    ]
    assert {failed.location for failed in told} == {f"runs.jsonl, line {n}" for n in (4, 5, 7, 8, 9, 10, 11)}
    one, last = emulator.task("one"), emulator.task("last")
    assert (one["input"]["text"], one["result"], one["duration"], one["tokens"]["prompt_tokens"]) == ("a", "r", 1.5, 3)
    assert (last["status"], last["used_tools"]) == ("failed", ["x"])
    assert emulator.llm_response("last") == {"_run": {"metadata": {"time": "2026-01-02T03:04Z"}}, "a": [1]}


def ids_of(emulator: Emulator) -> list[str]:
    # A request is listed before its body has come.
    return sorted(body["id"] for request in emulator.requests() if request.method == "POST" and (body := request.body))


def test_the_same_file_gives_the_same_ids_and_equal_rows_are_runs_of_their_own(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    path = written(tmp_path / "runs.csv", "input,result\na,r\na,r\nb,r\n")
    call(backend, "report_many", path)
    first = ids_of(emulator)
    assert len(set(first)) == 3
    call(backend, "report_many", str(path), concurrency=1)
    assert set(ids_of(emulator)) == set(first)
    call(backend, "report_many", path, batch_id="another")
    assert len(set(ids_of(emulator))) == 6


def test_values_of_a_csv_file_become_what_their_key_takes(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    text = (
        "run,question,result,ok,duration,used_tools,tokens.prompt_tokens,tokens.completion_tokens,llm_response.model,rest\n"
        '1,"What,\nnow?",7,no,2.5,"a, b",12,3,m,x\n'
        "2,,,,,,,,,\n"
        "3,q,r,maybe,1,,,,,\n"
        "4,q,r,yes,long,,,,,\n"
        "5,q,r,yes,1,,many,,,\n"
        "6,q\n"
    )
    columns = {"id": "run", "input": "question", "is_success": "ok"}
    result = call(backend, "report_many", written(tmp_path / "runs.csv", text), columns=columns)
    assert [(failed.position, str(failed.error)) for failed in result.failed] == [
        (5, "is_success must be true or false"),
        (6, "duration must be a number of seconds"),
        (7, "tokens.prompt_tokens must be a whole number"),
        (8, "the row has 2 fields, and the first line names 10 columns"),
    ]
    run = emulator.task("1")
    assert (run["input"]["text"], run["result"], run["status"]) == ("What,\nnow?", "7", "failed")
    assert (run["duration"], run["used_tools"]) == (2.5, ["a", "b"])
    assert (run["tokens"]["prompt_tokens"], run["tokens"]["completion_tokens"]) == (12, 3)
    assert emulator.llm_response("1") == {"model": "m"}
    assert emulator.task("2")["status"] == "completed"


def test_a_column_that_is_mapped_and_not_there_is_named_before_anything_is_sent(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    for name, text in (("runs.csv", "question\na\n"), ("runs.jsonl", '{"question": "a"}\n')):
        with pytest.raises(BatchError, match="no column 'questions', which is mapped to input: it has 'question'"):
            call(backend, "report_many", written(tmp_path / name, text), columns={"input": "questions"})
    with pytest.raises(ConfigurationError, match="'inputs' is not a key of a report"):
        call(backend, "report_many", [], columns={"inputs": "question"})
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("records", "error", "said"),
    [
        ("missing.jsonl", BatchError, "missing.jsonl can't be read: No such file"),
        (".", BatchError, "."),
        (5, TypeError, "records must be an iterable of mappings"),
        ({"id": "a"}, TypeError, "records must be an iterable of mappings"),
        (b"id", TypeError, "records must be an iterable of mappings"),
    ],
)
def test_what_gives_no_records_is_refused(
    call: Caller, backend: Backend, records: object, error: type[Exception], said: str
):
    with pytest.raises(error, match=said):
        call(backend, "report_many", records)


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"concurrency": 101}, {"on_error": "ignore"}, {"rate": "fast"}, {"batch_id": ""}]
)
def test_an_option_out_of_range_is_refused(call: Caller, backend: Backend, emulator: Emulator, options: dict[str, Any]):
    with pytest.raises(ValueError):
        call(backend, "report_many", [{"input": "a"}], **options)
    assert emulator.requests() == []


def test_an_async_iterable_is_read_by_the_async_verb_alone(backend: Backend, emulator: Emulator):
    async def records() -> AsyncIterator[dict[str, Any]]:
        for number in range(250):
            await asyncio.sleep(0)
            yield {"id": f"run-{number}"}

    assert asyncio.run(backend.areport_many(records(), concurrency=20)).sent == 250
    assert ids_of(emulator) == sorted(f"run-{number}" for number in range(250))
    with pytest.raises(TypeError, match="await areport_many"):
        backend.report_many(records())


def test_what_an_iterable_raises_comes_out_after_what_it_gave_was_sent(
    call: Caller, backend: Backend, emulator: Emulator
):
    def records() -> Iterator[dict[str, Any]]:
        yield from ({"id": f"run-{number}"} for number in range(10))
        raise LookupError("the database is gone")

    with pytest.raises(LookupError, match="the database is gone") as caught:
        call(backend, "report_many", records())
    assert caught.value.__notes__ == ["the batch of reports stopped: 10 sent, 0 skipped and 0 failed before"]
    assert len(ids_of(emulator)) == 10


def test_records_are_read_no_further_ahead_than_memory_is_bounded_by(
    call: Caller, backend: Backend, emulator: Emulator
):
    read, most = 0, 0
    done = 0

    def progress(now: BatchProgress) -> None:
        nonlocal done
        done = now.done

    def records() -> Iterator[dict[str, Any]]:
        nonlocal read, most
        for number in range(600):
            read += 1
            most = max(most, read - len(emulator.requests()))
            yield {"id": f"run-{number}"}

    assert call(backend, "report_many", records(), concurrency=8, progress=progress).sent == done == 600
    assert most < 300


def test_the_caller_is_told_on_its_own_thread(backend: Backend, emulator: Emulator):
    threads: list[int] = []
    emulator.fail(422, times=5)
    result = backend.report_many(
        ({"id": f"run-{number}"} for number in range(60)),
        concurrency=8,
        on_failed=lambda failed: threads.append(threading.get_ident()),
        progress=lambda now: threads.append(threading.get_ident()),
    )
    assert (result.sent, result.failed_count) == (55, 5)
    assert len(threads) >= 5 + 2
    assert {*threads} == {threading.get_ident()}


def test_a_task_of_the_loop_sends_one_report_after_the_other(backend: Backend, emulator: Emulator):
    started = 0

    def factory(loop: asyncio.AbstractEventLoop, *given: Any, **named: Any) -> asyncio.Task[Any]:
        nonlocal started
        started += 1
        return asyncio.Task(*given, loop=loop, **named)

    async def run() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        records = [{"id": f"run-{number}"} for number in range(600)]
        assert (await backend.areport_many(records, concurrency=4)).sent == 600

    asyncio.run(run())
    assert len(emulator.tasks()) == 600
    assert started < 400


def test_an_iterable_is_read_on_the_thread_of_the_caller(backend: Backend):
    threads: set[int] = set()

    def records() -> Iterator[dict[str, Any]]:
        for number in range(20):
            threads.add(threading.get_ident())
            yield {"id": f"run-{number}"}

    backend.report_many(records())
    assert threads == {threading.get_ident()}


def test_a_slow_iterable_keeps_no_record_waiting_for_the_next(backend: Backend, emulator: Emulator):
    seen: list[bool] = []

    def records() -> Iterator[dict[str, Any]]:
        for number in range(4):
            yield {"id": f"run-{number}"}
            until = time.monotonic() + 5
            while not (came := f"run-{number - 1}" in ids_of(emulator)) and number and time.monotonic() < until:
                time.sleep(0.06)
            seen.append(came)

    backend.report_many(records())
    assert seen[1:] == [True, True, True]


def test_a_wrong_key_half_way_stops_at_once(call: Caller, misbehave: Callable[..., Misbehaving], tmp_path: Path):
    server = misbehave(*[task_answer()] * 5, otherwise=answer(401, {"detail": "no"}))
    backend = Backend(configured(server, agent_id="agent-1"))
    checkpoint = tmp_path / "c.db"
    with backend, pytest.raises(BatchError, match=r"5 sent, 0 skipped and 0 failed before.*same checkpoint") as caught:
        call(backend, "report_many", ({"id": f"r{n}"} for n in range(1000)), concurrency=2, checkpoint=checkpoint)
    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert caught.value.result.sent == 5
    assert len(server.requests) <= 8
    working = misbehave(otherwise=task_answer())
    with contextlib.closing(sqlite3.connect(checkpoint)) as connection:
        assert connection.execute("SELECT count(*) FROM taken").fetchone() == (5,)
    with Backend(configured(working, agent_id="agent-1")) as other:  # another platform has none of them
        assert call(other, "report_many", [{"id": "r0"}], checkpoint=checkpoint).sent == 1


def test_a_refused_record_is_collected_and_the_first_one_raised_where_that_is_wanted(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    def refuse(connection: Any, request: Any) -> bool:
        return (answer(422, {"detail": "too odd"}) if request.json["id"] == "r3" else task_answer())(
            connection, request
        )

    with Backend(configured(misbehave(otherwise=refuse), agent_id="agent-1")) as backend:
        result = call(backend, "report_many", [{"id": f"r{n}"} for n in range(8)])
        assert (result.sent, result.failed_count) == (7, 1)
        (failed,) = result.failed
        assert (failed.location, failed.id, failed.record) == ("record 4", "r3", {"id": "r3"})
        assert isinstance(failed.error, UnprocessableEntityError)
        with pytest.raises(BatchError, match=r"record 4: .*too odd") as caught:
            call(backend, "report_many", [{"id": f"r{n}"} for n in range(8)], on_error="raise", concurrency=1)
        assert caught.value.result.sent == 3
        with pytest.raises(BatchError, match="record 1: duration") as caught:
            call(backend, "report_many", [{"duration": "long"}], on_error="raise")
        assert isinstance(caught.value.__cause__, RecordError)


def test_faults_are_tried_again_and_all_wait_for_what_the_platform_asks(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    times: list[float] = []

    def note(connection: Any, request: Any) -> bool:
        times.append(time.monotonic())
        return task_answer()(connection, request)

    slow_down = answer(429, {"detail": "slow down"}, {"retry-after": "1"})
    server = misbehave(answer(503), close, slow_down, otherwise=note)
    with Backend(configured(server, agent_id="agent-1", max_retries=2)) as backend:
        result = call(backend, "report_many", [{"id": f"r{n}"} for n in range(6)], concurrency=1)
    assert (result.sent, result.failed) == (6, [])
    assert result.elapsed >= 1


@pytest.mark.parametrize("said", [{"status": "maintenance"}, {"id": None}, ["back soon"]])
def test_an_answer_that_is_not_a_record_of_a_run_has_taken_nothing(
    call: Caller, misbehave: Callable[..., Misbehaving], said: object
):
    server = misbehave(answer(200, said), otherwise=task_answer())
    with Backend(configured(server, agent_id="agent-1", max_retries=1)) as backend:
        result = call(backend, "report_many", [{"id": "r1"}], concurrency=1)
    assert (result.sent, result.failed, len(server.requests)) == (1, [], 2)


def test_a_platform_that_is_away_for_longer_than_the_deadline_stops_the_batch(
    call: Caller, misbehave: Callable[..., Misbehaving]
):
    server = misbehave(otherwise=close)
    with Backend(configured(server, agent_id="agent-1", deadline=0.5)) as backend, pytest.raises(BatchError) as caught:
        call(backend, "report_many", ({"id": f"r{n}"} for n in range(1000)))
    assert (caught.value.result.sent, caught.value.result.failed_count) == (0, 0)


def test_a_rate_is_kept(call: Caller, backend: Backend):
    progress: list[BatchProgress] = []
    result = call(backend, "report_many", [{}] * 11, rate="20/second", progress=progress.append)
    assert result.sent == 11
    assert result.elapsed >= 0.5
    assert (progress[0].done, progress[0].total, progress[0].seconds_left) == (0, 11, 11 / 20)
    assert (progress[-1].done, progress[-1].seconds_left) == (11, 0)


def test_a_dry_run_checks_all_and_sends_nothing(call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path):
    checkpoint = tmp_path / "c.db"
    path = written(tmp_path / "runs.jsonl", MIXED)
    result = call(backend, "report_many", path, dry_run=True, rate=0.001, checkpoint=checkpoint)
    assert (result.sent, result.failed_count, result.dry_run) == (4, 7, True)
    assert emulator.requests() == []
    assert not checkpoint.exists()


def test_what_the_checkpoint_knows_is_not_sent_again(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    path = written(tmp_path / "runs.jsonl", MIXED)
    checkpoint = tmp_path / "c.db"
    assert call(backend, "report_many", path, checkpoint=checkpoint).sent == 4
    again = call(backend, "report_many", path, checkpoint=checkpoint)
    assert (again.sent, again.skipped, again.failed_count) == (0, 4, 7)
    assert len(ids_of(emulator)) == 4
    assert checkpoint.stat().st_mode & 0o077 == 0


def test_a_batch_with_a_checkpoint_needs_ids_that_come_again(
    call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path
):
    with pytest.raises(ConfigurationError, match="batch_id="):
        call(backend, "report_many", [{"input": "a"}], checkpoint=tmp_path / "c.db")
    for _ in range(2):
        call(backend, "report_many", [{"input": "a"}], checkpoint=tmp_path / "c.db", batch_id="b")
    assert len(ids_of(emulator)) == 1


def test_a_checkpoint_that_can_not_be_used_is_named(call: Caller, backend: Backend, emulator: Emulator, tmp_path: Path):
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    for path, remedy in (
        (written(tmp_path / "text", "not a database, but a text of some length" * 99), "is not a database"),
        (other, "of something else: pass another checkpoint="),
        (tmp_path / "no" / "c.db", f"make the folder {tmp_path / 'no'}, which is missing, or pass another path"),
        (tmp_path, "name a file in that folder"),
    ):
        with pytest.raises(BatchError, match=str(path)) as caught:
            call(backend, "report_many", [{"id": "a"}], checkpoint=path)
        assert remedy in str(caught.value)
        assert "make room" not in str(caught.value)
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "make room, or pass another path"),
        (PermissionError(errno.EACCES, "Permission denied"), "let this user write to "),
        (OSError(errno.EIO, "Input/output error"), "(Input/output error): pass another path, and begin again"),
    ],
)
def test_a_checkpoint_that_can_not_be_made_names_what_helps(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, remedy: str
):
    def fail(path: str) -> None:
        raise error

    monkeypatch.setattr("xpander_facade.batches._checkpoint.make_private_file", fail)
    with pytest.raises(BatchError) as caught:
        backend.report_many([{"id": "a"}], checkpoint=tmp_path / "c.db")
    assert remedy in str(caught.value)


def test_a_checkpoint_that_somebody_else_writes_to_says_so(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "c.db"
    backend.report_many([{"id": "a"}], checkpoint=path)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **named: connect(path, **{**named, "timeout": 0}))
    with contextlib.closing(connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BatchError, match=r"database is locked.*wait until no other program writes to it"):
            backend.report_many([{"id": "b"}], checkpoint=path)


KILLED = """
    import os, signal, sys
    from xpander_facade import Backend, Configuration
    url, path, checkpoint = sys.argv[1:]
    def progress(now):
        if now.sent > 20 and os.environ.get("KILL"):
            os.kill(os.getpid(), signal.SIGKILL)
    backend = Backend(Configuration("key", "org-1", url, "agent-1"))
    print(backend.report_many(path, checkpoint=checkpoint, progress=progress, rate=200).skipped >= 10)
"""


def test_a_killed_batch_that_begins_again_sends_the_rest(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = written(tmp_path / "runs.jsonl", "".join(f'{{"input": "{number % 50}"}}\n' for number in range(150)))
    arguments = (emulator.url, str(path), str(tmp_path / "c.db"))
    monkeypatch.setenv("KILL", "1")
    with pytest.raises(AssertionError, match="exit -9"):
        run_python(KILLED, *arguments)
    monkeypatch.delenv("KILL")
    assert run_python(KILLED, *arguments).strip() == "True"
    found = ids_of(emulator)
    assert len(set(found)) == 150
    assert len(found) < 150 + 100


def test_a_cancelled_batch_remembers_what_was_taken(emulator: Emulator, configuration: Configuration, tmp_path: Path):
    checkpoint = tmp_path / "c.db"

    async def main() -> None:
        started = asyncio.Event()

        def progress(now: BatchProgress) -> None:
            if now.sent:
                started.set()

        async with Backend(configuration) as backend:
            task = asyncio.create_task(
                backend.areport_many(
                    ({"id": f"r{n}"} for n in range(10_000)), checkpoint=checkpoint, progress=progress, rate=100
                )
            )
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    with contextlib.closing(sqlite3.connect(checkpoint)) as connection:
        (known,) = connection.execute("SELECT count(*) FROM taken").fetchone()
    assert 0 < known <= len(ids_of(emulator))


def test_a_time_of_a_record_needs_a_zone(call: Caller, backend: Backend, emulator: Emulator):
    records = [{"id": "a", "time": datetime(2026, 1, 2, tzinfo=UTC)}, {"id": "b", "time": datetime(2026, 1, 2)}]
    (failed,) = call(backend, "report_many", records).failed
    assert "time holds a time without a zone" in str(failed.error)
    assert emulator.llm_response("a") == {"_run": {"metadata": {"time": "2026-01-02T00:00:00+00:00"}}}


def test_objects_of_the_user_stay_as_they_are(call: Caller, backend: Backend, emulator: Emulator):
    record = {"id": "a", "llm_response": {"x": {"y": 1}}, "llm_response.x.z": 2, "tokens": {"prompt_tokens": 1}}
    call(backend, "report_many", [record])
    assert emulator.llm_response("a") == {"x": {"y": 1, "z": 2}}
    assert record["llm_response"] == {"x": {"y": 1}}
