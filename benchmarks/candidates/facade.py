"""xpander_facade: the whole call, from arguments to Task."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import attrs
from payload import AGENT_ID, API_KEY, ORGANIZATION_ID, REPORT, TOKENS, streaming_task

from xpander_facade import Backend, Configuration, OutboxSettings, Task, Tokens
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from xpander_facade import BatchResult  # which earlier builds do not have


def _configuration(url: str) -> Configuration:
    return Configuration(api_key=API_KEY, organization_id=ORGANIZATION_ID, base_url=url)


def _arguments() -> dict[str, Any]:
    return {**REPORT, "tokens": Tokens(**TOKENS)}


def report(url: str) -> Callable[[], Task]:
    backend = Backend(_configuration(url))
    return lambda: backend.report_external_task(AGENT_ID, **_arguments())


def areport(url: str) -> Callable[[], Awaitable[Task]]:
    backend = Backend(_configuration(url))
    return lambda: backend.areport_external_task(AGENT_ID, **_arguments())


def many(url: str, at_once: int) -> Callable[[int], None]:
    backend = Backend(_configuration(url))

    def send(count: int) -> None:
        _check(backend.report_many(_records(count), concurrency=at_once, batch_id="bench"), count)

    return send


def amany(url: str, at_once: int) -> Callable[[int], Awaitable[None]]:
    backend = Backend(_configuration(url))

    async def send(count: int) -> None:
        _check(await backend.areport_many(_records(count), concurrency=at_once, batch_id="bench"), count)

    return send


def _records(count: int) -> Iterator[dict[str, Any]]:
    return ({"agent_id": AGENT_ID, **REPORT, "id": f"run-{number}"} for number in range(count))


def _check(result: BatchResult, count: int) -> None:
    if result.sent != count:
        raise RuntimeError(f"{result.sent} of {count} were sent")


def _outboxed(url: str, **settings: Any) -> tuple[Backend, Callable[[], None]]:
    folder = tempfile.mkdtemp(prefix="bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Room for 100,000 reports of this size.
    outbox = OutboxSettings(os.path.join(folder, "runs.db"), max_bytes=1_000_000_000, **settings)
    backend = Backend(attrs.evolve(_configuration(url), outbox=outbox))

    def settle() -> None:
        if backend.flush(60).waiting:
            raise RuntimeError("reports were not sent")

    return backend, settle


def enqueue(url: str) -> tuple[Callable[[], str], Callable[[], None]]:
    backend, settle = _outboxed(url)
    arguments = {name: value for name, value in _arguments().items() if name != "id"}
    return lambda: backend.enqueue_external_task(AGENT_ID, **arguments), settle


def drain(url: str, **settings: Any) -> tuple[Callable[[], str], Callable[[], None]]:
    backend, settle = _outboxed(url, **settings)
    arguments = {name: value for name, value in _arguments().items() if name != "id"}
    return lambda: backend.enqueue_external_task(AGENT_ID, **arguments), settle


def drain_with_others(url: str, path: str) -> tuple[Callable[[], str], Callable[[], None], Callable[[], None]]:
    configuration = attrs.evolve(_configuration(url), outbox=OutboxSettings(path, max_bytes=1_000_000_000))
    backend = Backend(configuration)
    arguments = {name: value for name, value in _arguments().items() if name != "id"}

    def settle() -> None:
        if backend.flush(60).waiting:
            raise RuntimeError("reports were not sent")

    def close() -> None:
        backend.close()
        Outbox.of(configuration).close()  # before its folder goes

    return lambda: backend.enqueue_external_task(AGENT_ID, **arguments), settle, close


def record(url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    backend, settle = _outboxed(url)
    given = {name: value for name, value in _arguments().items() if name in {"result", "tokens", "llm_response"}}

    def block() -> None:
        with backend.external_task(AGENT_ID, input=REPORT["input"]) as run:
            for name, value in given.items():
                setattr(run, name, value)

    return block, settle


def record_direct(url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    from xpander_facade import preload  # which earlier builds do not have

    preload()  # as a server does before it serves; the rest of the program would pay for it once
    backend = Backend(_configuration(url))

    def block() -> None:
        with backend.external_task(AGENT_ID, input=REPORT["input"]) as run:
            run.result = REPORT["result"]

    return block, backend.close


def wait_on_disk(url: str) -> Callable[[], str]:
    hand_over, _ = enqueue("http://127.0.0.1:9")  # nobody listens there
    return hand_over


def events(url: str, task_id: str) -> Iterator[Any]:
    task = Task.from_dict(streaming_task(task_id), _configuration(url))
    for event in task.events():
        yield event.data


async def aevents(url: str, task_id: str) -> AsyncIterator[Any]:
    task = Task.from_dict(streaming_task(task_id), _configuration(url))
    async with contextlib.aclosing(task.aevents()) as stream:
        async for event in stream:
            yield event.data


def decode() -> Callable[[bytes], Task]:
    return lambda data: Task.from_dict(json.loads(data))


def reader() -> Callable[[Any], Any]:
    from xpander_facade import read_usage

    return read_usage


def writer() -> Callable[[Any], Any]:
    from xpander_facade._serialization.jsonable import to_jsonable

    return to_jsonable
