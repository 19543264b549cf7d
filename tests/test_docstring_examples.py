"""Every public name has an example in its docstring, which names it and runs against the local platform.

An example is an indented block before the sections of the docstring. The async one of a pair has that of the sync one,
and what takes its arguments from another verb points to that.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import logging
import re
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import pytest

import xpander_facade
from xpander_facade import Agents, Backend, Configuration, Task, Tasks, on_task
from xpander_facade.emulator import Emulator
from xpander_facade.outbox import Outbox
from xpander_facade.worker._handlers import BOOT, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULES = [xpander_facade, *(importlib.import_module(f"xpander_facade.{it}") for it in ("emulator", "outbox", "usage"))]
MODULES += [importlib.import_module(f"xpander_facade.{it}") for it in ("testing", "types")]
SECTIONS = re.compile(r"^(?:Args|Returns|Raises|Yields|Attributes):$", re.MULTILINE)
POINTS_TO_ANOTHER = re.compile(r"Arguments as `\w+\.\w+`|See `[\w.]+`")
PARTNERS = {"await_until_done": "wait_until_done", "await_delivery": "wait"}
RESPONSE = {
    "object": "chat.completion",
    "choices": [{"message": {"role": "assistant", "content": "42"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}


def public() -> dict[str, Any]:
    """Every public class, function and method of users, by its name."""
    found: dict[str, Any] = {}
    for module in MODULES:
        for name in module.__all__:
            thing = getattr(module, name)
            if not inspect.isclass(thing) and not inspect.isfunction(thing):
                continue
            found[name] = thing
            if inspect.isclass(thing):
                keys = [
                    key for kind in thing.__mro__ if kind.__module__.startswith("xpander_facade.") for key in vars(kind)
                ]
                methods = {key: inspect.unwrap(getattr(thing, key, None)) for key in keys if not key.startswith("_")}
                found |= {f"{name}.{key}": it for key, it in methods.items() if inspect.isroutine(it)}
    return found


PUBLIC = public()


def example_of(thing: Any) -> str:
    """Return the code in a docstring; empty where there is none."""
    text = SECTIONS.split(inspect.getdoc(thing) or "")[0]
    blocks = re.findall(r"(?:^|\n)\n((?:    .*(?:\n|$)|\n(?=    ))+)", text)
    return "\n".join(textwrap.dedent(block) for block in blocks)


def verb_of(name: str) -> str:
    """Return the sync one of a pair, or the name itself."""
    scope, _, method = name.rpartition(".")
    partner = f"{scope}.{PARTNERS.get(method, method.removeprefix('a'))}"
    return partner if partner in PUBLIC else name


VERBS = [name for name in PUBLIC if verb_of(name) == name]
NOT_RUN = {"Backend.get_args"}
"""What calls a model: tests/agno_runs runs it."""
EXAMPLES = [name for name in VERBS if example_of(PUBLIC[name]) and name not in NOT_RUN]


@pytest.mark.parametrize("name", VERBS)
def test_a_public_name_has_an_example_or_points_to_one(name: str):
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert example_of(PUBLIC[name]) or POINTS_TO_ANOTHER.search(text), f"{name} needs an example in its docstring"


@pytest.fixture(scope="module")
def serving() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, step=0) as emulator:
        yield emulator


@pytest.fixture
def emulator(request: pytest.FixtureRequest, serving: Emulator) -> Iterator[Emulator]:
    """The module's emulator, or one of its own for an example that starts or stops it."""
    name = request.node.callspec.params["name"]
    if name not in {"Emulator.start", "Emulator.stop"}:
        yield serving
        return
    alone = Emulator()
    if name == "Emulator.stop":
        alone.start()
    yield alone
    alone.stop()


@pytest.fixture
def names(
    emulator: Emulator, serving: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the examples take for given: a platform with an agent and a task, and the objects that lead to them."""
    serving.reset()
    script, hooks = serving.agent, ([*BOOT], [*SHUTDOWN])
    serving.add_agent("agent-1", name="Clerk", tools=[{"id": "get_weather"}], knowledge_bases=[{"id": "kb-1"}])
    serving.add_knowledge_base("kb-1", ["Invoices are paid within thirty days."])
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("API_KEY", "k"),
        ("BASE_URL", serving.url),
        ("ORGANIZATION_ID", "org-1"),
        ("AGENT_ID", "agent-1"),
    ):
        monkeypatch.setenv(f"XPANDER_{name}", value)
    configuration = Configuration(outbox=str(tmp_path / "reports.db"), deadline=10)
    Backend(configuration).report_external_task(id="task-1", result="42")
    tasks = Tasks(configuration)
    task = tasks.create(prompt="Read invoice 17", events_streaming=True)

    @on_task
    async def handler(task: Task) -> Task:
        task.result = "Yes."
        return task

    outbox = Outbox.of(configuration)
    yield {name: getattr(module, name) for module in MODULES for name in module.__all__} | {
        "agent": Agents(configuration).get("agent-1"),
        "agents": Agents(configuration),
        "backend": Backend(configuration),
        "configuration": configuration,
        "emulator": emulator,
        "handler": handler,
        "logging": logging,
        "outbox": outbox,
        "response": RESPONSE,
        "task": task,
        "tasks": tasks,
        "threading": threading,
        "__name__": "examples",
    }
    serving.reset()
    serving.agent, (BOOT[:], SHUTDOWN[:]) = script, hooks
    outbox.close()


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.off_contract("examples fail requests and break streams on purpose")
def test_an_example_names_what_it_explains_and_runs(name: str, names: dict[str, Any]):
    code = example_of(PUBLIC[name])
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert PUBLIC[name].__name__ in used | called, f"the example of {name} does not use it"
    outcome = eval(compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), names)
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


STATUSES = {
    "RedirectError": 307,
    "BadRequestError": 400,
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "ConflictError": 409,
    "PayloadTooLargeError": 413,
    "ClientError": 418,
    "APIStatusError": 418,
    "ModuleException": 418,
    "XpanderError": 418,
    "UnprocessableEntityError": 422,
}
"""Answers that are not tried again, by the error that they become."""


@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.off_contract("the answers are failures that the emulator is told to give")
def test_an_example_of_an_error_catches_it(
    name: str, names: dict[str, Any], serving: Emulator, capsys: pytest.CaptureFixture[str]
):
    serving.fail(STATUSES[name])
    exec(compile(example_of(PUBLIC[name]), name, "exec", dont_inherit=True), names)
    assert capsys.readouterr().out.strip(), "the error was caught, and told"
