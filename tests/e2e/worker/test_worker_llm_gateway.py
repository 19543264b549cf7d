"""A worker and the way to models that comes with its tasks: it is asked for, kept beside the task, and never saved."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from serving import Serving
from worker_platform import Vendor, frame, task_json

from xpander_facade import Configuration, Task, Tasks, on_task

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

pytestmark = pytest.mark.usefixtures("impatience")

TOKEN = "run-t0ken"
URL = "https://gateway.example"


def test_the_way_reaches_the_handler_and_is_neither_saved_nor_shown(
    emulator: Emulator, configuration: Configuration, tasks: Tasks, caplog: pytest.LogCaptureFixture
):
    emulator.set_llm_gateway(URL, TOKEN)
    seen: list[Any] = []

    def handler(task: Task) -> Task:
        route = task._llm_gateway
        seen.append((route and (route.base_url, route.token), task.payload_extension, repr(task), task.to_dict()))
        task.save()  # the whole of it
        task.result = "done"
        return task

    with caplog.at_level(logging.DEBUG), Serving(on_task(handler), emulator, configuration):
        assert emulator.workers()[0]["supports_llm_gateway"] is True
        task = tasks.create(prompt="hi", tool_call_payload_extension={"channel": "C1"})
        task.wait_until_done(timeout=10)
    ((route, extension, shown, dumped),) = seen
    assert route == (URL, TOKEN)
    assert extension == {"channel": "C1"}
    assert TOKEN not in f"{shown} {dumped} {caplog.text}"
    assert task.reload().payload_extension == {"channel": "C1"}
    assert TOKEN not in json.dumps(emulator.task(task.id))
    assert not [request for request in emulator.requests() if TOKEN.encode() in (request.body or b"")]


def test_a_platform_without_a_way_sends_the_task_as_it_is(
    emulator: Emulator, configuration: Configuration, tasks: Tasks
):
    seen: list[Any] = []

    def handler(task: Task) -> Task:
        seen.append((task._llm_gateway, task.payload_extension))
        return task

    with Serving(on_task(handler), emulator, configuration):
        tasks.create(prompt="hi").wait_until_done(timeout=10)
    assert seen == [(None, None)]


@pytest.mark.off_contract("the platform's stream is written by hand")
@pytest.mark.parametrize("odd", ["text", None, [], {"base_url": 1}, {"base_url": URL, "token": {}}])
def test_a_way_that_makes_no_sense_costs_only_itself(misbehave: Callable[..., Misbehaving], odd: Any):
    one = {**task_json(), "payload_extension": {"llm_gateway": odd, "a": 1}}
    vendor = Vendor(misbehave, {**task_json(), "payload_extension": {"a": 1}})
    vendor.frames = [frame("agent-execution", one)]
    seen: list[Any] = []

    def handler(task: Task) -> Task:
        seen.append((task._llm_gateway, task.payload_extension))
        return task

    (task,) = vendor.serve(handler, finished=1)
    assert seen == [(None, {"a": 1})]
    assert task.status.value == "completed"
