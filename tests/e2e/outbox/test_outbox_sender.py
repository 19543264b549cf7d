"""The outbox's sender against a real server: how many reports at a time, in which order, at which pace."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from misbehaving import Misbehaving, answer, task_answer

from xpander_facade import Backend, Configuration, OutboxSettings
from xpander_facade._requests.report import Report
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from misbehaving import Connection, Request


class Platform:
    """Takes reports after a while, counts what is under way, and may allow only so many in a second.

    Args:
        seconds: How long an answer takes.
        per_second: How many reports it takes in each second; None for any number.
    """

    def __init__(self, seconds: float, per_second: int | None = None) -> None:
        self.taken: dict[str, list[Any]] = defaultdict(list)
        self.most = self.refused = self._under_way = self._in_second = 0
        self._second = 0
        self.status = 200
        self.lock = threading.Lock()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with platform.lock:
                    platform._under_way += 1
                    platform.most = max(platform.most, platform._under_way)
                    allowed = platform._is_allowed(per_second)
                    status = platform.status if allowed else 429
                time.sleep(seconds)
                with platform.lock:
                    platform._under_way -= 1
                    if status == 200:
                        platform.taken[body["id"]].append(body.get("result"))
                    elif not allowed:
                        platform.refused += 1
                task = {"id": body["id"], "agent_id": "a", "organization_id": "o", "status": "completed"}
                answer = json.dumps({**task, "input": {}, "created_at": "2026-11-01T00:00:00Z"}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if not allowed:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _is_allowed(self, per_second: int | None) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return per_second is None or self._in_second <= per_second

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def platforms() -> Iterator[list[Platform]]:
    made: list[Platform] = []
    yield made
    for platform in made:
        platform.close()


def filled(platform: Platform | Misbehaving, path: Path, count: int, **settings: Any) -> Outbox:
    """Return an outbox in which reports wait that nobody has begun to send."""
    configuration = Configuration(
        api_key="k",
        base_url=platform.url,
        organization_id="o",
        deadline=30,
        outbox=OutboxSettings(path / "runs.db", exit_timeout=0, **settings),
    )
    outbox = Outbox.of(configuration)
    with outbox._runtime.database.transaction():
        for n in range(count):
            body = json.dumps({"id": f"run-{n}", "result": "first"}).encode()
            assert outbox._runtime.store.put(outbox._destination, f"run-{n}", "agent-1", body)
    return outbox


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_no_more_reports_are_under_way_than_the_settings_say(
    platforms: list[Platform], tmp_path: Path, concurrency: int
):
    platforms.append(platform := Platform(0.05))
    outbox = filled(platform, tmp_path, 20 * concurrency + 20, concurrency=concurrency)
    assert outbox.flush(60).waiting == 0
    outbox.close()
    assert concurrency / 2 <= platform.most <= concurrency
    assert {len(results) for results in platform.taken.values()} == {1}
    assert len(platform.taken) == 20 * concurrency + 20


def test_the_reports_of_a_run_never_overtake_each_other(platforms: list[Platform], tmp_path: Path):
    platforms.append(platform := Platform(0.01))
    outbox = filled(platform, tmp_path, 40)
    outbox.start()
    for step in range(20):
        for n in range(40):
            body = {"id": f"run-{n}", "is_success": True, "duration": 0.1, "result": f"{step:02}"}
            outbox.enqueue(Report("agent-1", f"run-{n}", body))
        time.sleep(0.02)
    assert outbox.flush(60).waiting == 0
    outbox.close()
    for results in platform.taken.values():
        steps = [result for result in results if result != "first"]
        assert steps == sorted(steps)
        assert steps[-1] == "19"
    assert platform.most > 4


def test_a_platform_that_allows_only_so_many_is_met_with_few_refusals(platforms: list[Platform], tmp_path: Path):
    times: list[float] = []
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        platforms.append(platform := Platform(0.005, per_second=100))
        outbox = filled(platform, folder, 800)
        began = time.monotonic()
        assert outbox.flush(90).waiting == 0
        times.append(time.monotonic() - began)
        outbox.close()
        assert len(platform.taken) == 800
        assert platform.refused <= 0.05 * (800 + platform.refused)
        # It is not slower than half of what the platform allows either. A busy machine may be, so it is tried again.
        if times[-1] < 2 * 800 / 100:
            return
    raise AssertionError(times)


def test_answers_to_what_left_before_a_flush_do_not_end_it(platforms: list[Platform], tmp_path: Path):
    platforms.append(platform := Platform(1.0))
    platform.status = 401
    outbox = filled(platform, tmp_path, 2)
    outbox.start()
    until = time.monotonic() + 20
    while platform.most < 2 and time.monotonic() < until:
        time.sleep(0.01)
    platform.status = 200
    assert outbox.flush(30).waiting == 0
    outbox.close()
    assert len(platform.taken) == 2


def test_a_flush_waits_for_what_another_process_sends_without_looking_all_the_time(
    platforms: list[Platform], tmp_path: Path
):
    platforms.append(platform := Platform(0))
    outbox = filled(platform, tmp_path, 1)
    outbox._runtime.store.take_in()
    outbox._runtime.database.execute(
        "UPDATE reports SET state = 1, owner = '-', lease = 60, lease_until = ?", time.time() + 60
    )
    before, began = outbox._runtime.sender.turns, time.monotonic()
    assert outbox.flush(0.5).waiting == 1
    # The sender looks each 20 ms, and as the flush begins.
    assert outbox._runtime.sender.turns - before <= (time.monotonic() - began) / 0.02 + 5
    outbox.close()


def test_a_run_that_begins_leaves_the_threads_to_its_end(
    platforms: list[Platform], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("xpander_facade.outbox._runtime._FIRST_ROUND", 3600.0)
    platforms.append(platform := Platform(0))
    outbox = filled(platform, tmp_path, 0)
    begun, ended = (Report("run-1", "agent-1", {"id": "run-1", "result": text}) for text in ("begun", "ended"))
    outbox.begin(begun)
    assert not outbox._runtime._sender_thread.was_started
    outbox.enqueue(ended)
    until = time.monotonic() + 30
    while "run-1" not in platform.taken and time.monotonic() < until:
        time.sleep(0.01)
    assert platform.taken == {"run-1": ["ended"]}
    outbox.close()


@pytest.mark.parametrize("body", [{}, {"status": "maintenance"}, {"id": None}, {"id": ""}, [], "up"])
def test_an_answer_that_is_no_task_has_taken_nothing(tmp_path: Path, body: Any):
    with Misbehaving(answer(body=body), otherwise=task_answer()) as server:
        outbox = Outbox.of(
            Configuration(
                api_key="k",
                base_url=server.url,
                organization_id="o",
                agent_id="a",
                outbox=OutboxSettings(tmp_path / "runs.db"),
            )
        )
        outbox.enqueue(Report("a", "run-1", {"id": "run-1", "is_success": True, "duration": 0.5, "result": "done"}))
        flushed = outbox.flush(20)
        outbox.close()
    assert (flushed.sent, flushed.waiting, flushed.quarantined) == (1, 0, 0)
    assert [request.json["result"] for request in server.requests] == ["done", "done"]


def calling_beside(outbox: Outbox, **given: Any) -> Backend:
    """Return what a user calls with while the outbox sends, to the same platform."""
    return Backend(attrs.evolve(outbox.configuration, outbox=None, agent_id="agent-1", **given))


def test_calls_of_the_user_use_up_slots_of_the_pace(tmp_path: Path):
    with Misbehaving() as server:
        outbox = filled(server, tmp_path, 20, rate="1/second")
        outbox.start()
        with calling_beside(outbox) as backend:
            for number in range(30):
                backend.report_external_task(id=f"call-{number}")
        store = outbox._runtime.store
        until = time.monotonic() + 20
        while store.limits(outbox._destination).rate.next_at < store.clock() + 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert time.monotonic() < until
        outbox.close()


def test_what_waits_lets_a_call_go_first_that_the_platform_told_to_come_later(tmp_path: Path):
    counts: list[int] = []
    throttled = [answer(429, {"detail": "slower"}, {"Retry-After": "1"})]
    take = task_answer()

    def play(connection: Connection, request: Request) -> bool:
        return (throttled.pop() if throttled and request.json["id"] == "call" else take)(connection, request)

    with Misbehaving(otherwise=play) as server:
        outbox = filled(server, tmp_path, 60, rate="20/second")
        outbox.start()
        assert server.wait_for(lambda: len(server.requests) > 2)
        given = {"max_retries": 3, "on_retry": lambda event: counts.append(len(server.requests))}
        with calling_beside(outbox, **given) as backend:
            backend.report_external_task(id="call")
            counts.append(len(server.requests))
        outbox.close()
    # The call's own second request, and what was claimed when it was told to come later.
    assert counts[1] - counts[0] <= 1 + 2
