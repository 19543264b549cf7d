"""Check what `xpander_facade` exports, that it loads lazily, and what an import costs."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xpander_facade
from xpander_facade.emulator import Emulator

SOURCE = Path(xpander_facade.__file__)
TREE = ast.parse(SOURCE.read_text(encoding="utf-8"))

SEEDS = [
    "Agent",
    "AgentExecutionInput",
    "AgentExecutionStatus",
    "Agents",
    "Backend",
    "CompactRetryResult",
    "Configuration",
    "DeepPlanning",
    "DeepPlanningItem",
    "HumanInTheLoopRequest",
    "MCPServerDetails",
    "OutputFormat",
    "PendingECARequest",
    "PlanFollowingStatus",
    "Task",
    "TaskUpdateEvent",
    "Tasks",
    "TasksListItem",
    "ThinkMode",
    "Tokens",
    "User",
]
"""Every type that the platform's documentation names."""


def loaded_after(code):
    """Return the modules that a fresh interpreter has loaded after running the code, without those of a bare one."""
    script = f"import sys; bare = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - bare), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE.parents[1]), *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return {name.partition(".")[0] for name in done.stdout.split()}, set(done.stdout.split())


def type_checking_names():
    (block,) = (node for node in TREE.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    return {alias.asname or alias.name: node.module for node in block.body for alias in node.names}


def test_all_is_sorted_and_names_nothing_twice():
    assert list(xpander_facade.__all__) == sorted(set(xpander_facade.__all__))


def test_all_names_what_loads_lazily_and_what_the_tools_see():
    assert {*xpander_facade.__all__} == xpander_facade._HOMES.keys() == type_checking_names().keys()


@pytest.mark.parametrize("name", xpander_facade.__all__)
def test_a_name_comes_from_the_room_where_it_is_made_and_where_the_tools_look(name):
    home = f"xpander_facade.{xpander_facade._HOMES[name]}"
    assert type_checking_names()[name] == home
    value = getattr(xpander_facade, name)
    assert value is getattr(importlib.import_module(home), name)
    assert getattr(value, "__module__", home) == home


@pytest.mark.parametrize("name", SEEDS)
def test_every_type_of_the_documentation_is_exported(name):
    assert name in xpander_facade.__all__
    assert isinstance(getattr(xpander_facade, name), type)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Tusk"):
        _ = xpander_facade.Tusk
    with pytest.raises(ImportError):
        exec("from xpander_facade import Tusk")


def test_dir_lists_everything_before_anything_is_loaded():
    loaded_after("import xpander_facade; assert set(xpander_facade.__all__) <= set(dir(xpander_facade))")


def test_a_star_import_gives_all():
    names = {}
    exec("from xpander_facade import *", names)
    assert {*xpander_facade.__all__} <= names.keys()


def test_a_name_is_loaded_once():
    first = xpander_facade.Tokens
    assert vars(xpander_facade)["Tokens"] is first


def test_the_bare_import_loads_next_to_nothing():
    roots, modules = loaded_after("import xpander_facade")
    assert not roots & {"attr", "attrs", "httpx", "httpcore", "dateutil", "xpander_api", "ssl", "asyncio", "json"}
    assert {name for name in modules if name.startswith("xpander_facade")} == {
        "xpander_facade",
        "xpander_facade._lazy",
    }


@pytest.mark.parametrize(
    "code",
    [
        "from xpander_facade import Backend, Task, Tasks, Tokens, Configuration",
        "from xpander_facade import Agents, Agent, AgentsListItem, TasksListItem",
        "from xpander_facade import *",
        "from xpander_facade import Backend, Configuration; Backend(Configuration(api_key='k'))",
    ],
)
def test_the_public_names_load_neither_http_nor_dateutil_nor_the_generated_client(code):
    roots, _ = loaded_after(code)
    assert "xpander_facade" in roots
    assert not roots & {"httpx", "httpx_sse", "httpcore", "h11", "anyio", "dateutil", "xpander_api", "starlette"}


def test_the_five_names_of_every_script_load_what_they_are_made_of_and_no_more():
    _, modules = loaded_after("from xpander_facade import Backend, Task, Tasks, Tokens, Configuration")
    late = {"logging", "urllib.parse", "ipaddress", "json", "difflib", "attr", "attrs", "inspect"}
    late |= {f"xpander_facade.{name}" for name in ("types.models", "usage._usage", "tasks._list_item")}
    late |= {f"xpander_facade._serialization.{name}" for name in ("codec", "values", "notebook", "jsonable")}
    assert not modules & late


def test_what_a_task_is_made_of_loads_when_somebody_asks():
    loaded_after(
        "import typing; from xpander_facade import Task, Tokens; hints = typing.get_type_hints(Task); "
        "assert hints['tokens'] == Tokens | None; "
        "from xpander_facade import DeepPlanning; assert hints['deep_planning'] is DeepPlanning"
    )


REPORT_TWICE = """
from xpander_facade import Backend, Configuration
backend = Backend(Configuration(api_key='k', base_url=%r))
for _ in range(2):
    backend.report_external_task('agent-1', id='run-1', result='out')
"""
REPORT_TWICE_ASYNC = """
import asyncio
from xpander_facade import Backend, Configuration
async def main():
    backend = Backend(Configuration(api_key='k', base_url=%r))
    for _ in range(2):
        await backend.areport_external_task('agent-1', id='run-1', result='out')
asyncio.run(main())
"""
PARSERS = {
    "httptools": "import os; os.environ.pop('XPANDER_HTTP_PARSER', None)",
    "h11": "import os; os.environ['XPANDER_HTTP_PARSER'] = 'h11'",
    "h11 since httptools is missing": "import os, sys; os.environ.pop('XPANDER_HTTP_PARSER', None); "
    "sys.modules['httptools'] = None",
}


@pytest.mark.parametrize("code", [REPORT_TWICE, REPORT_TWICE_ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("parser", PARSERS)
def test_a_call_that_goes_straight_to_its_server_loads_no_httpx_and_one_parser(parser, code):
    with Emulator() as emulator:
        roots, modules = loaded_after(PARSERS[parser] + code % emulator.url)
    strangers = {"httpx", "httpx_sse", "httpcore", "anyio", "dateutil", "certifi", "urllib.request"}
    assert not roots & strangers
    assert ("asyncio" in roots) is (code == REPORT_TWICE_ASYNC)
    assert ("h11" in roots, "httptools.parser" in modules) == (parser != "httptools", parser == "httptools")


def test_the_version_is_the_distributions():
    assert xpander_facade.__version__ == importlib.import_module("xpander_facade._version").__version__
    assert [int(part) for part in xpander_facade.__version__.split(".")[:2]]


def test_it_is_marked_as_typed():
    assert (SOURCE.parent / "py.typed").exists()
