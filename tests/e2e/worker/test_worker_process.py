"""A worker in a process of its own: as a program, and as the command `xpander-facade worker`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from calling import ROOT
from serving import PATIENCE, until

from xpander_facade import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xpander_facade import Configuration
    from xpander_facade.emulator import Emulator

HERE = ROOT / "tests" / "e2e"
PROGRAM = (str(HERE / "handlers_for_processes.py"),)
COMMAND = ("-m", "xpander_facade", "worker")
each_signal = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])


class Process:
    """A process, and what it says."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def hear(self, *words: str) -> None:
        """Take lines of its output; they must be these."""
        assert self.child.stdout is not None
        heard = [self.child.stdout.readline().strip() for _ in words]
        assert heard == list(words), self.child.communicate(timeout=PATIENCE)

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def end(self) -> tuple[int, list[str], str]:
        """Wait for its end; return the status, the rest of its output, and its errors."""
        out, err = self.child.communicate(timeout=PATIENCE)
        return self.child.returncode, out.splitlines(), err


@pytest.fixture
def start(emulator: Emulator) -> Iterator[Callable[..., Process]]:
    with contextlib.ExitStack() as stack:

        def run(*arguments: str, **variables: str | None) -> Process:
            given = {
                "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)]),
                "XPANDER_API_KEY": "key-1",
                "XPANDER_ORGANIZATION_ID": "org-1",
                "XPANDER_AGENT_ID": "agent-123",
                "XPANDER_BASE_URL": emulator.url,
                **variables,
            }
            child = subprocess.Popen(
                [sys.executable, "-W", "error", *arguments],
                cwd=HERE,
                env={**os.environ, **{name: value for name, value in given.items() if value is not None}},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            return Process(child)

        yield run


@pytest.fixture
def tasks(configuration: Configuration) -> Tasks:
    return Tasks(configuration)


def quiet(ended: tuple[int, list[str], str]) -> tuple[int, list[str], str]:
    """Return how a process ended, without the line on stderr that says what it serves and how to stop it."""
    status, out, err = ended
    greeting, _, rest = err.partition("\n")
    assert greeting.startswith("xpander_facade: serving the tasks of agent ")
    return status, out, rest


@each_signal
def test_a_signal_lets_what_runs_end(
    emulator: Emulator, tasks: Tasks, start: Callable[..., Process], number: signal.Signals
):
    worker = start(*PROGRAM, "handler", "30")
    worker.hear("boot")
    emulator.wait_for_workers(1, PATIENCE)
    task = tasks.create(prompt="until told")
    worker.hear("began until told")
    worker.send(number)
    until(lambda: emulator.workers()[0]["is_busy"])
    tasks.update(task.id, source="told")
    assert quiet(worker.end()) == (0, ["shutdown"], "")
    assert emulator.task(task.id)["result"] == "did until told"
    assert [one["state"] for one in emulator.workers(all=True)] == ["finished"]


@each_signal
@pytest.mark.parametrize("handler", ["handler", "blocking"])
def test_what_runs_beyond_the_grace_becomes_an_error_and_the_process_ends_well(
    emulator: Emulator, tasks: Tasks, start: Callable[..., Process], number: signal.Signals, handler: str
):
    worker = start(*PROGRAM, handler, "0.1")
    worker.hear("boot")
    emulator.wait_for_workers(1, PATIENCE)
    task = tasks.create(prompt="for ever")
    worker.hear("began for ever")
    worker.send(number)
    status, out, err = quiet(worker.end())
    assert (status, out) == (0, ["shutdown"])
    expected = f"the worker was stopped ({number.name}) before the task was done"
    assert (emulator.task(task.id)["status"], emulator.task(task.id)["result"]) == ("error", expected)
    assert err == f"the task is saved as an error: {expected}\n"
    assert [one["state"] for one in emulator.workers(all=True)] == ["finished"]


@pytest.mark.parametrize("handler", ["elsewhere", "stubborn"])
def test_a_handler_that_can_not_be_ended_is_left_behind(
    emulator: Emulator, tasks: Tasks, start: Callable[..., Process], handler: str
):
    worker = start(*PROGRAM, handler, "0.1")
    worker.hear("boot")
    emulator.wait_for_workers(1, PATIENCE)
    task = tasks.create(prompt="for ever")
    worker.hear("began for ever")
    worker.send(signal.SIGTERM)
    assert worker.end()[:2] == (0, ["shutdown"])
    assert emulator.task(task.id)["status"] == "error"
    assert [one["state"] for one in emulator.workers(all=True)] == ["finished"]


def test_a_second_signal_ends_the_process_at_once(emulator: Emulator, tasks: Tasks, start: Callable[..., Process]):
    worker = start(*PROGRAM, "handler", "30")
    worker.hear("boot")
    emulator.wait_for_workers(1, PATIENCE)
    tasks.create(prompt="for ever")
    worker.hear("began for ever")
    worker.send(signal.SIGTERM)
    until(lambda: emulator.workers()[0]["is_busy"])
    worker.send(signal.SIGTERM)
    assert quiet(worker.end()) == (128 + signal.SIGTERM, [], "")


# --- the command ---


BOOTS_LONG = """
import asyncio, sys, time
from xpander_facade import on_boot, on_task

def long():
    print("booting", flush=True)
    time.sleep(600)

async def long_async():
    print("booting", flush=True)
    await asyncio.sleep(600)

on_boot(long if sys.argv[1] == "plain" else long_async)

@on_task
def handler(task):
    return task

handler.with_options(grace_period=0.1).run()
"""


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_sigterm_while_a_process_boots_ends_it_within_the_grace_period(
    emulator: Emulator, start: Callable[..., Process], kind: str
):
    worker = start("-c", BOOTS_LONG, kind)
    worker.hear("booting")
    worker.send(signal.SIGTERM)
    status, _, err = worker.end()
    assert status == 0, err
    assert "on_boot does not end within the grace period" in err
    assert emulator.workers(all=True) == []


def test_the_command_prints_a_line_for_each_task(emulator: Emulator, tasks: Tasks, start: Callable[..., Process]):
    worker = start(*COMMAND, "handlers_for_processes:handler", "--concurrency", "1")
    worker.hear("boot")
    emulator.wait_for_workers(1, PATIENCE)
    good, bad = tasks.create(prompt="well"), tasks.create(prompt="fail")
    for task in (good, bad):
        emulator.wait_for_status(task.id, "completed", "error", timeout=PATIENCE)
    worker.send(signal.SIGINT)
    status, out, err = worker.end()
    lines = [line.split() for line in out if good.id in line or bad.id in line]
    assert status == 0
    assert [(line[1], line[2], " ".join(line[5:])) for line in lines] == [
        ("completed", good.id, "did well"),
        ("error", bad.id, "no such thing"),
    ]
    assert f"ERROR xpander_facade.worker [{bad.id}] the handler failed" in err


def test_a_prompt_prints_its_result(emulator: Emulator, start: Callable[..., Process]):
    worker = start(*COMMAND, "handlers_for_processes:handler", "--prompt", "this")
    assert worker.end() == (0, ["boot", "began this", "shutdown", "did this"], "")
    (task,) = emulator.tasks()
    assert (task["status"], task["result"]) == ("completed", "did this")


@each_signal
def test_a_signal_during_a_prompt_makes_its_task_an_error(
    emulator: Emulator, start: Callable[..., Process], number: signal.Signals
):
    worker = start(*COMMAND, "handlers_for_processes:handler", "--prompt", "for ever", "--grace-period", "0.1")
    worker.hear("boot", "began for ever")
    worker.send(number)
    expected = f"the worker was stopped ({number.name}) before the task was done"
    status, out, _ = worker.end()
    assert (status, out) == (1, ["shutdown", expected])
    (task,) = emulator.tasks()
    assert (task["status"], task["result"]) == ("error", expected)


def test_a_signal_lets_the_task_of_a_prompt_end(emulator: Emulator, tasks: Tasks, start: Callable[..., Process]):
    worker = start(*COMMAND, "handlers_for_processes:handler", "--prompt", "until told")
    worker.hear("boot", "began until told")
    worker.send(signal.SIGTERM)
    (task,) = emulator.tasks()
    tasks.update(task["id"], source="told")
    assert worker.end()[:2] == (0, ["shutdown", "did until told"])


def test_a_signal_before_a_prompt_has_become_a_task_ends_the_command(emulator: Emulator, start: Callable[..., Process]):
    opening = emulator.hold("stream_worker_events")
    worker = start(*COMMAND, "handlers_for_processes:handler", "--prompt", "this")
    worker.hear("boot")
    assert opening.arrived(1)
    worker.send(signal.SIGTERM)
    assert worker.end()[:2] == (1, ["shutdown"])
    opening.release()
    assert emulator.tasks() == []


def test_a_prompt_that_fails_has_status_1(emulator: Emulator, start: Callable[..., Process]):
    status, out, err = start(*COMMAND, "handlers_for_processes:handler", "--prompt", "fail").end()
    assert (status, out[-1]) == (1, "no such thing")
    assert err.rstrip().endswith("error")


def test_an_environment_conflict_has_status_2(emulator: Emulator, start: Callable[..., Process]):
    emulator.refuse_workers("served from the cloud already")
    status, _, err = start(*COMMAND, "handlers_for_processes:handler").end()
    assert (status, err.splitlines()[-1]) == (2, "xpander-facade: served from the cloud already")


def test_what_is_missing_is_named_with_status_2(start: Callable[..., Process]):
    worker = start(*COMMAND, "handlers_for_processes:handler", XPANDER_API_KEY=None, XPANDER_AGENT_ID=None)
    status, _, err = worker.end()
    assert status == 2
    assert "XPANDER_API_KEY" in err
    assert "XPANDER_AGENT_ID" in err


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("handlers_for_processes", "has no form like module:handler"),
        ("no_such_module:handler", "there is no module 'no_such_module' here"),
        ("handlers_for_processes:nothing", "is not a handler: decorate it with @on_task"),
        ("handlers_for_processes:undecorated", "is not a handler: decorate it with @on_task"),
    ],
)
def test_a_target_that_is_no_handler_is_told_with_status_2(start: Callable[..., Process], target: str, said: str):
    status, _, err = start(*COMMAND, target, COLUMNS="200").end()
    assert status == 2
    assert said in err
