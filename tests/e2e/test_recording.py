"""Runs that are recorded as they happen: each gives one correct report, directly and through the outbox."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from calling import Caller, configured, run_python

from xpander_facade import (
    APIStatusError,
    Backend,
    Configuration,
    ConfigurationError,
    ExternalTask,
    FlushResult,
    NotFoundError,
    OutboxError,
    ReportCounts,
    Tokens,
    current_run,
    report_counts,
)
from xpander_facade.outbox import Outbox
from xpander_facade.recorder import _external_task, _finalizers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator

AGENT = "agent-123"
FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")  # Python 3.12 warns of a fork in a process with threads


class Setting:
    """A backend that reports in one of the two ways, and what the platform has in the end."""

    def __init__(self, emulator: Emulator, outbox: Path | None) -> None:
        self.emulator = emulator
        self.outbox = outbox
        self.configuration = configured(emulator, agent_id=AGENT, outbox=outbox, deadline=20)
        self.backend = Backend(self.configuration)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the platform's records by id, after everything has been sent."""
        result = self.backend.flush()
        assert (result.waiting, result.quarantined) == (0, 0)
        return {task["id"]: task for task in self.emulator.tasks()}

    def run(self) -> dict[str, Any]:
        """Return the one record that there is."""
        (run,) = self.runs().values()
        return run

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports that the platform got."""
        self.runs()
        return [request.body for request in self.emulator.requests("report_external_task")]


@pytest.fixture(params=["direct", "outbox"])
def setting(request: pytest.FixtureRequest, emulator: Emulator, tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(emulator, tmp_path / "runs.db" if request.param == "outbox" else None)
    yield setting
    if setting.outbox is not None:
        Outbox.of(setting.configuration).close()
    setting.backend.close()


@pytest.fixture
def counted() -> Callable[[], ReportCounts]:
    """Return what has been counted since the test began."""
    before = report_counts()

    def since() -> ReportCounts:
        now = report_counts()
        return ReportCounts(now.reported - before.reported, now.queued - before.queued, now.failed - before.failed)

    return since


def told(run: dict[str, Any]) -> tuple[str, str, str | None]:
    """Return what matters most of a record: status, input, result."""
    return run["status"], run["input"]["text"], run["result"]


def block(call: Caller, handle: ExternalTask, work: Callable[[ExternalTask], None]) -> None:
    """Do some work in a `with` block, or in an `async with` block."""
    if call.way == "sync":
        with handle as run:
            work(run)
        return

    async def main() -> None:
        async with handle as run:
            work(run)

    asyncio.run(main())


# --- the patterns of the platform's documentation ---


def extract(prompt: str) -> str:
    return f"Extracted 412 rows for: {prompt}"


def test_a_run_outside_of_the_platform_is_recorded(setting: Setting):
    backend = setting.backend

    with backend.external_task(id="ext-job-9921", input="Summarize Q4 earnings") as run:
        run.result = "Q4 revenue grew 22% YoY"
        run.tokens = Tokens(prompt_tokens=2_140, completion_tokens=380)
        run.used_tools = ["web_search", "fetch_pdf"]

    task = setting.runs()["ext-job-9921"]
    assert told(task) == ("completed", "Summarize Q4 earnings", "Q4 revenue grew 22% YoY")
    assert (task["tokens"]["prompt_tokens"], task["tokens"]["completion_tokens"]) == (2_140, 380)
    assert task["used_tools"] == ["web_search", "fetch_pdf"]


def test_a_run_is_marked_as_started_and_then_as_completed(setting: Setting):
    backend = setting.backend

    with backend.external_task(id="job-7842", input="Long-running data extraction", report_start=True) as run:
        assert setting.run()["result"] is None
        run.result = extract("Long-running data extraction")
        run.used_tools = ["s3_read", "snowflake_query"]

    by_hand = {"id": "job-7842", "input": "Long-running data extraction", "is_success": True, "duration": 0}
    started, completed = setting.reports()
    assert started == {**by_hand, "used_tools": []}
    assert {**completed, "duration": 0} == {
        **by_hand,
        "result": "Extracted 412 rows for: Long-running data extraction",
        "used_tools": ["s3_read", "snowflake_query"],
    }
    assert told(setting.run())[0] == "completed"


def test_a_run_that_raises_is_marked_as_failed(setting: Setting):
    backend = setting.backend

    with pytest.raises(KeyError), backend.external_task(id="job-failed-001", input="Read the invoice") as run:
        run.result = {}["no such key"]

    assert told(setting.run()) == ("failed", "Read the invoice", "'no such key'")


# --- the four ways ---


def test_a_block_is_timed_from_its_beginning_to_its_end(call: Caller, setting: Setting):
    block(call, setting.backend.external_task(), lambda run: threading.Event().wait(0.05))
    assert 0.05 <= setting.run()["duration"] < 20


def test_a_block_gives_one_report_with_all_that_was_set(call: Caller, setting: Setting):
    def work(run: ExternalTask) -> None:
        run.input = "in"
        run.result = "out"
        run.tokens = {"prompt_tokens": 3, "completion_tokens": 4, "cache_read_tokens": 1}
        run.used_tools = (name for name in ("a", "b"))
        run.used_tools.append("c")
        run.llm_response = {"raw": [1, None]}

    block(call, setting.backend.external_task("agent-9", id="run-1"), work)
    task = setting.run()
    assert (task["id"], task["agent_id"], *told(task)) == ("run-1", "agent-9", "completed", "in", "out")
    assert task["tokens"]["cache_read_tokens"] == 1
    assert task["used_tools"] == ["a", "b", "c"]
    assert setting.emulator.llm_response("run-1") == {"raw": [1, None]}


def test_the_task_of_the_platform_is_at_hand_after_a_direct_report(call: Caller, emulator: Emulator):
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1")
    block(call, handle, lambda run: run.fail("no answer"))
    assert handle.task is not None
    assert (handle.task.id, handle.task.status.value, handle.task.result) == ("run-1", "failed", "no answer")


def test_each_call_of_a_decorated_function_is_a_run(setting: Setting):
    @setting.backend.external_task()
    def double(number: int, times: int = 2) -> str:
        return str(number * times)

    assert [double(1), double(number=2, times=3)] == ["2", "6"]
    assert sorted(told(run) for run in setting.runs().values()) == [("completed", "1", "2"), ("completed", "2", "6")]


def test_each_call_of_a_decorated_coroutine_function_is_a_run(setting: Setting):
    @setting.backend.external_task(input="always the same")
    async def shout(text: str) -> str:
        await asyncio.sleep(0)
        return text.upper()

    async def main() -> list[str]:
        return await asyncio.gather(*(shout(text) for text in "abc"))

    assert asyncio.run(main()) == ["A", "B", "C"]
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "always the same", letter) for letter in "ABC"
    ]


def test_a_decorated_generator_is_a_run_that_ends_when_it_is_exhausted(setting: Setting):
    @setting.backend.external_task()
    def words(text: str) -> Iterator[str]:
        yield from text.split(" ")

    taken = words("a b")
    assert next(taken) == "a"
    assert setting.runs() == {}
    assert list(taken) == ["b"]
    assert told(setting.run()) == ("completed", "a b", "ab")


def test_a_decorated_async_generator_is_a_run_that_ends_when_it_is_exhausted(setting: Setting):
    @setting.backend.external_task()
    async def words(text: str) -> AsyncIterator[str]:
        for word in text.split(" "):
            await asyncio.sleep(0)
            yield word

    async def main() -> list[str]:
        return [word async for word in words("a b")]

    assert asyncio.run(main()) == ["a", "b"]
    assert told(setting.run()) == ("completed", "a b", "ab")


# --- runs that end otherwise ---


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("boom"), "boom"),
        (ValueError(), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "3"),
    ],
)
def test_an_exception_is_reported_and_goes_on_unchanged(error: BaseException, text: str, setting: Setting):
    def work(run: ExternalTask) -> None:
        run.result = "half of it"
        raise error

    with pytest.raises(type(error)) as caught:
        block(Caller("sync"), setting.backend.external_task(input="in"), work)
    assert caught.value is error
    assert (error.__context__, error.__cause__, getattr(error, "__notes__", [])) == (None, None, [])
    assert told(setting.run()) == ("failed", "in", text)


def test_an_exception_of_each_kind_of_decorated_function_is_reported(setting: Setting):
    task = setting.backend.external_task()

    @task
    def function(name: str) -> None:
        raise ValueError(name)

    @task
    async def coroutine(name: str) -> None:
        raise ValueError(name)

    @task
    def generator(name: str) -> Iterator[str]:
        yield "a piece"
        raise ValueError(name)

    @task
    async def agenerator(name: str) -> AsyncIterator[str]:
        yield "a piece"
        raise ValueError(name)

    async def exhaust(pieces: AsyncIterator[str]) -> list[str]:
        return [piece async for piece in pieces]

    for work in (
        lambda: function("1"),
        lambda: asyncio.run(coroutine("2")),
        lambda: list(generator("3")),
        lambda: asyncio.run(exhaust(agenerator("4"))),
    ):
        with pytest.raises(ValueError) as caught:
            work()
        assert caught.value.__context__ is None
    assert sorted(told(run) for run in setting.runs().values()) == [("failed", name, name) for name in "1234"]


def test_a_generator_abandoned_half_way_has_done_well_so_far(setting: Setting):
    cleaned: list[str] = []

    @setting.backend.external_task()
    def letters(text: str) -> Iterator[str]:
        try:
            yield from text
        finally:
            cleaned.append("up")

    for letter in letters("abc"):
        if letter == "b":
            break
    gc.collect()
    assert cleaned == ["up"]
    assert told(setting.run()) == ("completed", "abc", "ab")
    assert len(setting.reports()) == 1


def test_a_generator_that_is_collected_under_a_lock_of_ours_is_reported(setting: Setting):
    program(
        setting,
        """
    import faulthandler, gc, threading
    from xpander_facade.recorder import _counts
    from xpander_facade._transport import pool_registry
    faulthandler.dump_traceback_later(15, exit=True)
    def recorded_by_decorator(backend):
        @backend.external_task()
        def letters(text):
            yield text[0]
            yield text[1]
        return letters("abc")
    def recorded_by_block(backend):
        with backend.external_task(input="abc") as run:
            run.result = "a"
            yield
    with backend.external_task(input="first"):
        pass
    gc.disable()
    for lock in (_counts._counting, pool_registry._registry.lock, threading._active_limbo_lock):
        for begin in (recorded_by_decorator, recorded_by_block):
            generator = begin(backend)
            next(generator)
            cycle = [generator]
            cycle.append(cycle)
            del generator, cycle
            with lock:
                gc.collect()
    """,
    )
    runs = sorted(told(run) for run in setting.runs().values())
    assert runs == [("completed", "abc", "a")] * 6 + [("completed", "first", None)]
    assert len(setting.reports()) == 7


@pytest.mark.parametrize("way", ["collected", "closed"])
def test_a_generator_that_ends_in_a_loop_half_way_does_not_hold_it_up(setting: Setting, way: str):
    threads: list[int] = []

    def redact(field: str, text: str) -> str:
        threads.append(threading.get_ident())
        return text

    backend = Backend(attrs.evolve(setting.configuration, redact=redact))

    @backend.external_task()
    def letters(text: str) -> Iterator[str]:
        yield from text

    async def main() -> None:
        generator = letters("abc")
        assert next(generator) == "a"
        threads.clear()
        if way == "closed":
            generator.close()
        else:
            cycle: list[object] = [generator]
            cycle.append(cycle)
            del generator, cycle
            gc.collect()

    asyncio.run(main())
    assert _finalizers.settle(20)
    assert told(setting.run()) == ("completed", "abc", "a")
    assert threads
    assert threading.get_ident() not in threads
    if setting.outbox is not None:
        Outbox.of(backend.configuration).close()


def test_an_async_generator_whose_loop_is_closed_is_reported(setting: Setting):
    program(
        setting,
        """
    import gc
    @backend.external_task()
    async def letters(text):
        yield text[0]
        yield text[1]
    async def by_block():
        async with backend.external_task(input="abc") as run:
            run.result = "a"
            yield
    for begin in (lambda: letters("abc"), by_block):
        loop = asyncio.new_event_loop()
        generator = begin()
        loop.run_until_complete(anext(generator))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        del generator
        gc.collect()
    """,
        flags=(),
    )
    assert [told(run) for run in setting.runs().values()] == [("completed", "abc", "a")] * 2
    assert len(setting.reports()) == 2


def test_an_async_generator_abandoned_half_way_has_done_well_so_far(setting: Setting, caplog: pytest.LogCaptureFixture):
    cleaned: list[str] = []

    @setting.backend.external_task()
    async def letters(text: str) -> AsyncIterator[str]:
        try:
            for letter in text:
                yield letter
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(text)
            closed.set()

    held: list[AsyncIterator[str]] = []
    closed = asyncio.Event()

    async def main() -> None:
        async for letter in letters("abc"):
            if letter == "b":
                break
        await closed.wait()
        held.append(letters("def"))  # still there when the loop shuts down
        await anext(held[0])

    asyncio.run(main())
    assert sorted(cleaned) == ["abc", "def"]
    assert [record for record in caplog.records if record.name == "asyncio"] == []  # nothing was closed twice
    assert sorted(told(run) for run in setting.runs().values()) == [
        ("completed", "abc", "ab"),
        ("completed", "def", "d"),
    ]
    assert len(setting.reports()) == 2


def test_a_generator_that_is_finished_in_another_context_is_one_run(setting: Setting):
    @setting.backend.external_task()
    def letters(text: str) -> Iterator[str]:
        for letter in text:
            assert (run := current_run()) is not None
            assert run.input == text
            yield letter

    first, second = letters("ab"), letters("cd")
    assert (next(first), next(second)) == ("a", "c")
    assert current_run() is None
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: (list(first), list(second), current_run())).result(10) == (["b"], ["d"], None)
    assert sorted(told(run)[2] for run in setting.runs().values()) == ["ab", "cd"]


# --- cancellation ---


def test_a_cancelled_block_is_a_failure_and_the_cancellation_goes_on(setting: Setting):
    async def main() -> None:
        inside = asyncio.Event()

        async def work() -> None:
            async with setting.backend.external_task(input="in"):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert told(setting.run()) == ("failed", "in", "CancelledError")


def test_a_report_that_is_cancelled_arrives_and_the_cancellation_goes_on(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(input="in") as run:
                run.result = "out"

        task = asyncio.create_task(work())
        assert await asyncio.to_thread(hold.arrived)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        hold.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert told(run) == ("completed", "in", "out")


def test_a_report_that_the_end_of_the_loop_cancels_arrives(emulator: Emulator):
    hold = emulator.hold("report_external_task")
    reporting: list[asyncio.Task[None]] = []

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1") as run:
                run.result = "out"

        reporting.append(asyncio.create_task(work()))
        assert await asyncio.to_thread(hold.arrived)

    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(hold.arrived, 2)
        again.add_done_callback(lambda _: hold.release())
        asyncio.run(main())
        assert again.result(10), "the report was not sent again"
    (run,) = emulator.tasks()
    assert (run["result"], reporting[0].cancelled()) == ("out", True)


def test_a_start_that_is_cancelled_ends_the_run_as_failed(emulator: Emulator):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async def work() -> None:
            async with Backend(configured(emulator, agent_id=AGENT)).external_task(report_start=True):
                pytest.fail("the block runs though the start was cancelled")

        task = asyncio.create_task(work())
        assert await asyncio.to_thread(hold.arrived)
        task.cancel()
        hold.release()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (run,) = emulator.tasks()
    assert (run["status"], run["result"]) == ("failed", "CancelledError")


# --- reports that fail ---


def test_a_report_that_fails_changes_nothing_but_the_log_and_the_counts(
    call: Caller, emulator: Emulator, counted: Callable[[], ReportCounts], caplog: pytest.LogCaptureFixture
):
    emulator.fail(404, times=3)
    backend = Backend(configured(emulator, agent_id=AGENT, api_key="key-7d1f"))
    error = ValueError("a secret of the user")
    block(call, backend.external_task(id="run-1", input="a secret question", report_start=True), lambda run: None)
    with pytest.raises(ValueError) as caught:
        block(call, backend.external_task(id="run-2"), lambda run: throw(error))
    assert caught.value is error
    assert error.__context__ is None
    assert counted() == ReportCounts(failed=3)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert {record.name for record in caplog.records} == {"xpander_facade.recorder"}
    assert "run-1" in caplog.text
    assert "NotFoundError" in caplog.text
    assert "secret" not in caplog.text
    assert "key-7d1f" not in caplog.text


def throw(error: BaseException) -> None:
    raise error


def test_a_strict_run_raises_what_its_report_raised(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(404)
    with pytest.raises(NotFoundError) as caught:
        block(call, backend.external_task(id="run-1", strict=True), lambda run: None)
    assert caught.value.task_id == "run-1"


def test_a_strict_run_that_raised_itself_raises_that(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(404)
    with pytest.raises(ValueError, match="mine"):
        block(call, backend.external_task(strict=True), lambda run: throw(ValueError("mine")))


def test_a_strict_run_whose_start_can_not_be_reported_does_not_begin(call: Caller, emulator: Emulator):
    backend = Backend(configured(emulator, agent_id=AGENT))
    emulator.fail(400, times=2)
    with pytest.raises(APIStatusError):
        block(call, backend.external_task(report_start=True, strict=True), lambda run: pytest.fail("it ran"))


def test_a_strict_decorated_function_raises_what_its_report_raised(emulator: Emulator):
    @Backend(configured(emulator, agent_id=AGENT)).external_task(strict=True)
    def work() -> str:
        return "done"

    emulator.fail(404)
    with pytest.raises(NotFoundError):
        work()


def test_reports_are_counted(setting: Setting, counted: Callable[[], ReportCounts]):
    with setting.backend.external_task(report_start=True):
        pass
    with setting.backend.external_task():
        pass
    assert counted() == (ReportCounts(reported=3) if setting.outbox is None else ReportCounts(queued=3))


def test_a_report_that_fails_goes_to_the_outbox_and_arrives_later(emulator: Emulator, tmp_path: Path):
    emulator.fail(503, times=2, headers={"Retry-After": "0"})
    setting = Setting(emulator, tmp_path / "runs.db")
    with setting.backend.external_task(input="in") as run:
        run.result = "out"
    assert run.task is None
    assert told(setting.run()) == ("completed", "in", "out")
    Outbox.of(setting.configuration).close()


def test_a_run_that_the_outbox_can_not_take_is_sent_without_it(
    call: Caller, emulator: Emulator, tmp_path: Path, counted: Callable[[], ReportCounts]
):
    (tmp_path / "a file").write_text("no folder")
    backend = Backend(configured(emulator, agent_id=AGENT, outbox=tmp_path / "a file" / "runs.db"))
    block(call, backend.external_task(id="run-1", strict=True), lambda run: None)
    block(call, backend.external_task(id="run-2", report_start=True), lambda run: None)
    assert [request.body["id"] for request in emulator.requests()] == ["run-1", "run-2", "run-2"]
    assert counted() == ReportCounts(reported=3)


def test_a_run_whose_process_is_killed_is_reported_as_failed(emulator: Emulator, tmp_path: Path):
    run_python(
        """
    import os, sys
    from xpander_facade import Backend, Configuration
    backend = Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=sys.argv[2]))
    if os.fork() == 0:
        with backend.external_task(id="run-1", input="in"):
            os.kill(os.getpid(), 9)
    os.wait()
    """,
        emulator.url,
        str(tmp_path / "runs.db"),
    )
    setting = Setting(emulator, tmp_path / "runs.db")
    with setting.backend.external_task(id="run-2"):
        pass
    until = time.monotonic() + 20
    while len(runs := setting.runs()) < 2 and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert told(runs["run-1"]) == ("failed", "in", "process ended before the run did")
    assert runs["run-2"]["status"] == "completed"
    Outbox.of(setting.configuration).close()


# --- what is wrong from the start ---


def test_what_is_missing_is_an_error_before_the_block(call: Caller, setting: Setting):
    for given in ({"api_key": None}, {"agent_id": None}):
        configuration = configured(setting.emulator, **{"agent_id": AGENT, "outbox": setting.outbox, **given})
        with pytest.raises(ConfigurationError):
            block(call, Backend(configuration).external_task(), lambda run: pytest.fail("it ran"))
    assert setting.reports() == []


def test_nothing_is_sent_and_nothing_kept_where_sending_is_disabled(
    call: Caller, emulator: Emulator, tmp_path: Path, counted: Callable[[], ReportCounts]
):
    configuration = Configuration(base_url=emulator.url, agent_id=AGENT, disabled=True, outbox=tmp_path / "runs.db")
    handle = Backend(configuration).external_task(id="run-1", input="in", report_start=True)
    block(call, handle, lambda run: run.fail("why not"))
    assert handle.task is not None
    assert (handle.task.id, handle.task.status.value, handle.task.result) == ("run-1", "failed", "why not")
    assert call(Backend(configuration), "enqueue_external_task", id="run-2") == "run-2"
    assert call(Backend(configuration), "flush") == FlushResult(0, 0, 0)
    with pytest.raises(ConfigurationError):
        block(call, Backend(Configuration(disabled=True)).external_task(), lambda run: None)
    assert (emulator.requests(), list(tmp_path.iterdir()), counted()) == ([], [], ReportCounts())


def test_an_organisation_that_the_url_needs_is_an_error_before_the_block(call: Caller, tmp_path: Path):
    configuration = Configuration("k", None, "http://localhost:9016", AGENT, outbox=tmp_path / "runs.db")
    with pytest.raises(ConfigurationError, match="organisation"):
        block(call, Backend(configuration).external_task(), lambda run: pytest.fail("it ran"))
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_is_refused_is_one_report(call: Caller, emulator: Emulator, counted: Callable[[], ReportCounts]):
    emulator.fail(422, operation="report_external_task")
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(report_start=True, strict=True)
    with pytest.raises(APIStatusError):
        block(call, handle, lambda run: pytest.fail("it ran"))
    assert len(emulator.requests("report_external_task")) == 1
    assert counted() == ReportCounts(failed=1)
    assert repr(handle).endswith("ended>")


def test_a_start_that_is_interrupted_is_a_run_that_failed(
    call: Caller, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*given: object, **named: object) -> Any:
        raise SystemExit("no more")

    monkeypatch.setattr(_external_task, "deliver_start", interrupted)
    monkeypatch.setattr(_external_task, "adeliver_start", interrupted)
    handle = Backend(configured(emulator, agent_id=AGENT)).external_task(report_start=True)
    with pytest.raises(SystemExit):
        block(call, handle, lambda run: pytest.fail("it ran"))
    assert [task["status"] for task in emulator.tasks()] == ["failed"]


def test_a_long_reason_makes_no_long_line_in_the_log(
    call: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refused(*given: object) -> Any:
        raise OutboxError("x" * 5_000)

    monkeypatch.setattr(_external_task, "deliver_end", refused)
    monkeypatch.setattr(_external_task, "adeliver_end", refused)
    block(call, Backend(Configuration(disabled=True, agent_id=AGENT)).external_task(), lambda run: None)
    (record,) = caplog.records
    assert len(record.getMessage()) < 700


class Response:
    """A provider's response that knows which threads took it apart."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def to_dict(self) -> dict[str, Any]:
        self.threads.append(threading.get_ident())
        return {"raw": 1}


def test_a_response_is_not_taken_apart_in_the_loop(setting: Setting):
    responses = [Response(), Response()]

    async def main() -> None:
        async with setting.backend.external_task(input="in") as run:
            run.llm_response = responses[0]
        if setting.outbox is not None:
            await setting.backend.aenqueue_external_task(input="in", llm_response=responses[1])

    asyncio.run(main())
    assert responses[0].threads
    assert bool(responses[1].threads) is (setting.outbox is not None)
    assert threading.get_ident() not in responses[0].threads + responses[1].threads
    assert setting.reports()[0]["llm_response"] == {"raw": 1}


def test_no_key_gets_out_with_an_argument(setting: Setting):
    @setting.backend.external_task()
    def serve(configuration: Configuration, question: str) -> str:
        return question

    secret = "key-that-nobody-may-see"
    configuration = attrs.evolve(setting.configuration, api_key=secret)
    serve(configuration, "why?")
    run = setting.backend.external_task(input="in").__enter__()
    run.llm_response = {"of": [configuration]}
    with pytest.warns(UserWarning, match="Configuration"):
        run.__exit__(None, None, None)
    files = [] if setting.outbox is None else list(setting.outbox.parent.glob("runs.db*"))
    assert bool(files) is (setting.outbox is not None)
    assert not [file for file in files if secret.encode() in file.read_bytes()]
    assert len(setting.reports()) == 2
    assert secret not in repr(setting.reports())


# --- left to the outbox by hand ---


def test_a_report_that_is_left_to_the_outbox_arrives(call: Caller, emulator: Emulator, tmp_path: Path):
    setting = Setting(emulator, tmp_path / "runs.db")
    run = call(
        setting.backend,
        "enqueue_external_task",
        "agent-9",
        input="in",
        result="out",
        tokens={"prompt_tokens": 3},
        duration=1.5,
        used_tools=["a"],
        llm_response={"raw": 1},
        is_success=False,
    )
    assert call(setting.backend, "flush", 10).waiting == 0
    task = setting.runs()[run]
    assert (task["agent_id"], *told(task), task["duration"]) == ("agent-9", "failed", "in", "out", 1.5)
    Outbox.of(setting.configuration).close()


def test_a_report_is_checked_before_the_outbox_keeps_it(call: Caller, emulator: Emulator, tmp_path: Path):
    def enqueue(given: dict[str, Any], **arguments: Any) -> None:
        values = {"agent_id": AGENT, "outbox": tmp_path / "runs.db", **given}
        call(Backend(configured(emulator, **values)), "enqueue_external_task", **arguments)

    for given, arguments, error in (
        ({"outbox": None}, {}, ConfigurationError),
        ({"agent_id": None}, {}, ConfigurationError),
        ({"api_key": None}, {}, ConfigurationError),
        ({}, {"duration": -1}, ValueError),
        ({}, {"agent": "agent-123"}, TypeError),
        ({}, {"id": " "}, ValueError),
    ):
        with pytest.raises(error):
            enqueue(given, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_without_an_outbox_there_is_nothing_to_flush(call: Caller, backend: Backend):
    assert call(backend, "flush", 1.5) == FlushResult(sent=0, waiting=0, quarantined=0)
    with pytest.raises(ValueError):
        call(backend, "flush", -1)


# --- many at once, and several processes ---


def test_nested_runs_and_threads_keep_apart(setting: Setting):
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        with setting.backend.external_task(id=f"outer-{number}") as outer:
            barrier.wait(10)
            with setting.backend.external_task(id=f"inner-{number}") as inner:
                assert current_run() is inner
                inner.result = f"inner {number}"
            assert current_run() is outer
            outer.result = f"outer {number}"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {id: run["result"] for id, run in setting.runs().items()} == {
        f"{place}-{number}": f"{place} {number}" for place in ("inner", "outer") for number in range(8)
    }


def test_a_block_inside_of_a_loop_may_be_sync(setting: Setting):
    async def main() -> None:
        with setting.backend.external_task(input="in") as run:
            run.result = "out"

    asyncio.run(main())
    assert told(setting.run()) == ("completed", "in", "out")


PREAMBLE = """
    import asyncio, os, sys
    from xpander_facade import Backend, Configuration, report_counts
    outbox = sys.argv[2] if len(sys.argv) > 2 else None
    backend = Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=outbox))
"""


def program(setting: Setting, code: str, **given: Any) -> str:
    """Run a program that has a backend of its own, with the setting's outbox."""
    return run_python(
        PREAMBLE + code, setting.emulator.url, *([str(setting.outbox)] if setting.outbox else []), **given
    )


def test_three_successive_loops_record_a_run_each(setting: Setting):
    program(
        setting,
        """
    async def main(number):
        async with backend.external_task(id=f"run-{number}") as run:
            run.result = str(number)
    for number in range(3):
        asyncio.run(main(number))
    """,
    )
    assert {id: run["result"] for id, run in setting.runs().items()} == {f"run-{n}": str(n) for n in range(3)}
    assert len(setting.reports()) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_workers_that_are_forked_record_a_run_each(setting: Setting):
    program(
        setting,
        """
    with backend.external_task(id="parent-1") as run:
        run.result = "parent"
    if outbox:
        backend.flush(10)
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            with backend.external_task(id=f"child-{number}") as run:
                run.result = "child"
            counts = report_counts()
            assert (counts.reported + counts.queued, counts.failed) == (1, 0), counts
            sys.exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    with backend.external_task(id="parent-2") as run:
        run.result = "parent"
    """,
        flags=FORKING,
    )
    assert {id: (run["status"], run["result"]) for id, run in setting.runs().items()} == {
        **{f"parent-{n}": ("completed", "parent") for n in (1, 2)},
        **{f"child-{n}": ("completed", "child") for n in range(4)},
    }
    assert len(setting.reports()) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_run_is_reported_by_the_process_that_began_it(setting: Setting):
    program(
        setting,
        """
    with backend.external_task(id="run-1") as run:
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        run.result = "parent"
    """,
        flags=FORKING,
    )
    assert told(setting.run())[0::2] == ("completed", "parent")
    assert len(setting.reports()) == 1


def test_a_keyboard_interrupt_in_the_block_gives_one_report_and_goes_on(setting: Setting):
    out = program(
        setting,
        """
    import signal
    try:
        with backend.external_task(id="run-1"):
            signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
    async def main():
        async with backend.external_task(id="run-2"):
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(30)
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted")
    """,
    )
    assert out == "interrupted\ninterrupted\n"
    assert {id: told(run)[0::2] for id, run in setting.runs().items()} == {
        "run-1": ("failed", "KeyboardInterrupt"),
        "run-2": ("failed", "CancelledError"),
    }
    assert len(setting.reports()) == 2


def test_a_generator_abandoned_half_way_by_a_process_that_ends_gives_one_report(setting: Setting):
    program(
        setting,
        """
    @backend.external_task(input="in")
    def letters():
        yield "a"
        yield "b"
    @backend.external_task(input="in")
    async def aletters():
        yield "a"
        yield "b"
    async def main():
        async for letter in aletters():
            break
    for letter in letters():
        break
    asyncio.run(main())
    """,
    )
    assert [told(run) for run in setting.runs().values()] == [("completed", "in", "a")] * 2
    assert len(setting.reports()) == 2


def test_a_report_without_a_recorder_loads_none(emulator: Emulator):
    out = run_python(
        """
    import sys
    from xpander_facade import Backend, Configuration
    backend = Backend(Configuration(api_key="k", base_url=sys.argv[1], agent_id="agent-123"))
    backend.report_external_task(id="run-1")
    print(sorted({"asyncio", "sqlite3", "xpander_facade.recorder", "xpander_facade.outbox"} & set(sys.modules)))
    with backend.external_task(id="run-2"):
        pass
    print(sorted({"asyncio", "sqlite3", "xpander_facade.outbox"} & set(sys.modules)))
    """,
        emulator.url,
    )
    assert out == "[]\n[]\n"
