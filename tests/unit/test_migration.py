"""Coming from the platform's own client: what `migrate` finds, and that the guide names all that there was."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

import xpander_facade
from xpander_facade.migration import GONE, METHODS_GONE, rewrite, scan

GUIDE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")

# What the root of the platform's client offers, release 2.0.537, and the methods of its classes that are documented.
ROOT = [
    "Agent",
    "Agents",
    "AgentsListItem",
    "Backend",
    "Configuration",
    "Events",
    "KnowledgeBase",
    "KnowledgeBases",
    "MCPServerDetails",
    "ModuleException",
    "Principal",
    "ProviderUnreachableError",
    "Task",
    "TaskUpdateEvent",
    "Tasks",
    "TasksListItem",
    "Tokens",
    "Tool",
    "ToolInvocationResult",
    "ToolsRepository",
    "User",
    "AgentDeploymentType",
    "AgentExecutionStatus",
    "MCPServerAuthType",
    "MCPServerSSOTokenMode",
    "MCPServerTransport",
    "MCPServerType",
    "OutputFormat",
    "PrincipalKind",
    "TaskUpdateEventType",
    "build_model_from_schema",
    "is_promise_only_answer",
    "on_auth_event",
    "on_boot",
    "on_shutdown",
    "on_task",
    "on_tool_after",
    "on_tool_before",
    "on_tool_error",
    "register_tool",
    "MAX_PLAN_RETRIES",
    "PROMISE_CONTINUATION_NUDGE",
]
SUBMODULES = (".models.activity", ".events", ".shared", ".modules.tasks.sub_modules.task")
MEMBERS = {
    "AgentDeploymentType": "Serverless Container",
    "AgentExecutionStatus": "Pending Executing Paused Error Failed Completed Stopped",
    "MCPServerAuthType": "APIKey OAuth2 CustomHeaders SSOUser _None",
    "MCPServerSSOTokenMode": "Access ID Exchange",
    "MCPServerTransport": "STDIO SSE HTTP_Transport",
    "MCPServerType": "Local Remote",
    "OutputFormat": "Text Markdown Json Voice",
    "PrincipalKind": "user slack api_key system anonymous",
}
CREATION = """prompt existing_task_id file_urls user_details agent_version tool_call_payload_extension source worker_id
run_locally output_format output_schema events_streaming additional_context expected_output attachments"""
LONG_CREATION = f"""{CREATION} principal instructions_override test_run_node_id user_oidc_token mcp_servers
triggering_agent_id title think_mode disable_attachment_injection return_metrics user_tokens llm_model_provider
llm_model_name llm_reasoning_effort harness_cli tool_call_limit permission_mode"""
REPORT = "agent_id id input llm_response tokens is_success result duration used_tools configuration"
ARGUMENTS = {
    "Backend": {
        "get_args": "agent_id agent agent_version task override tools auth_events_callback",
        "aget_args": "agent_id agent agent_version task override tools is_async auth_events_callback",
        "invoke_agent": f"agent_id {CREATION}",
        "ainvoke_agent": f"agent_id {CREATION}",
        "report_external_task": f"agent {REPORT}",
        "areport_external_task": f"agent {REPORT}",
    },
    "Tasks": {
        "create": f"agent_id {LONG_CREATION}",
        "acreate": f"agent_id {LONG_CREATION}",
        "get": "task_id",
        "list": "agent_id filters",
        "list_user_tasks": "user_id filters",
        "stop": "task_id",
        "update": "task_id tool_call_payload_extension source status last_executed_node_id result",
    },
    "Task": {
        "events": "",
        "aevents": "",
        "get_activity_log": "",
        "get_files": "",
        "get_human_readable_files": "",
        "get_images": "",
        "get_plan_following_status": "",
        "load": "task_id configuration",
        "reload": "",
        "report_external_task": REPORT,
        "report_metrics": "configuration",
        "save": "with_deep_plan_update",
        "set_status": "status result",
        "stop": "",
        "to_message": "retry_count with_timestamp",
        "acompact_session_for_retry": "custom_instructions",
    },
    "Agents": {"get": "agent_id version", "aget": "agent_id version", "list": ""},
    "Agent": {
        "create_task": LONG_CREATION,
        "acreate_task": LONG_CREATION,
        "invoke_tool": "tool payload payload_extension task_id tool_call_id",
        "ainvoke_tool": "tool payload payload_extension task_id tool_call_id",
        "load": "agent_id configuration version",
    },
    "Configuration": {"get_full_url": ""},
    "TasksListItem": {"load": "configuration"},
    "AgentsListItem": {"load": "configuration"},
}
ABSENT = [
    "get_attachment_plan",
    "get_audios",
    "get_media_texts",
    "get_videos",
    "mark_served_model",
    "get_db",
    "get_connection_string",
    "get_session",
    "delete_session",
    "get_user_sessions",
    "get_knowledge_bases",
    "knowledge_bases_retriever",
    "attach_knowledge_base",
    "sync_local_tools",
    "get_streaming_spec",
]


@pytest.mark.parametrize("name", ROOT)
def test_every_name_of_the_client_is_here_or_has_something_instead(name: str):
    assert (name in xpander_facade.__all__) is (name not in GONE)
    assert re.search(rf"\b{name}\b", GUIDE), "the guide does not name it"


@pytest.mark.parametrize("module", SUBMODULES)
def test_every_public_submodule_is_named(module: str):
    assert f"`{module}`" in GUIDE or f"`xpander_sdk{module}`" in GUIDE


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_of_an_enumeration_is_here(name: str):
    for member in MEMBERS[name].split():
        assert hasattr(getattr(xpander_facade, name), member), member


@pytest.mark.parametrize(("cls", "method"), [(cls, method) for cls in ARGUMENTS for method in ARGUMENTS[cls]])
def test_a_method_that_is_here_takes_every_documented_argument(cls: str, method: str):
    taken = inspect.signature(getattr(getattr(xpander_facade, cls), method)).parameters
    assert set(ARGUMENTS[cls][method].split()) <= set(taken)
    assert re.search(rf"\b{method.removeprefix('a')}\b", GUIDE) or re.search(rf"\b{method}\b", GUIDE)


@pytest.mark.parametrize("name", ABSENT)
def test_a_method_that_is_not_here_is_named_and_absent(name: str):
    assert re.search(rf"\b{name}\b", GUIDE)
    for cls in ARGUMENTS:
        assert not hasattr(getattr(xpander_facade, cls), name)


def test_what_migrate_says_is_gone_is_not_here():
    for cls in ARGUMENTS:
        assert not [name for name in METHODS_GONE if hasattr(getattr(xpander_facade, cls), name)]


PROGRAM = """from xpander_sdk import Backend, on_task
from xpander_sdk.modules.tasks.sub_modules.task import Task
from xpander_sdk import register_tool, Tokens  # both
import xpander_sdk.models.events

@on_task
async def handler(task: Task) -> Task:
    agent = load(task)
    db = await agent.aget_db()
    run(agent.tools.functions, agent.instructions.full, agent.instructions.general)
    return task
"""


def test_every_line_that_needs_a_change_is_found(tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    found = [(finding.line, finding.message, finding.replacement) for finding in scan(file)]
    assert [line for line, _, _ in found] == [1, 2, 3, 3, 4, 7, 9, 10, 10]
    assert ".tools.functions is not here" in found[7][1]
    assert found[0][2] == "from xpander_facade import Backend, on_task"
    assert found[1][2] == "from xpander_facade import Task"
    assert "register_tool is not here: pass the function to Backend.get_args(tools=[...])" in {m for _, m, _ in found}
    assert found[3][2] is None
    assert "handler.run()" in found[5][1]
    assert ".aget_db is not here" in found[6][1]
    assert file.read_text() == PROGRAM


FORMS = """import xpander_sdk as sdk
from xpander_sdk import Agents, Configuration, Task as Job, Tasks, on_task as handle
settings = Configuration()

@handle(Configuration(api_key="k"))
def first(job: Job):
    return job.input.user.model_dump_json()

@handle(settings)
def second(job): ...

third = handle(load)
sdk.register_tool(load)
made = Tasks(configuration=settings).create("a", "t", "prompt")
tasks = sdk.Tasks()
tasks.create("a", "t")
tasks.create("a", prompt="p")
agent = Agents().get()
agent.sanitized_name, agent.model_dump(), other.model_dump(), agent.strands_tools
second.run()
"""


def test_other_forms_of_the_same_are_found(tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_text(FORMS)
    found = [(finding.line, finding.message) for finding in scan(file)]
    told = {line: [message for at, message in found if at == line] for line, _ in found}
    assert set(told) == {1, 2, 5, 6, 7, 9, 12, 13, 14, 16, 19}
    assert told[1] == ["import xpander_facade instead of xpander_sdk"]
    assert told[5] == told[9] == ["pass configuration= to on_task by name"]
    assert told[6] == ["decorating serves nothing here: end the program with first.run()"]
    assert told[7] == [
        ".model_dump_json is not here: use json.dumps(task.to_dict()), or attrs.asdict() for other values"
    ]
    assert told[12] == ["decorating serves nothing here: end the program with on_task(...).run()"]
    assert told[13] == ["register_tool is not here: pass the function to Backend.get_args(tools=[...])"]
    assert told[14] == told[16] == ["pass what follows the agent's id to create by name"]
    names = [message.split()[0] for message in told[19]]
    assert sorted(names) == [".model_dump", ".sanitized_name", ".strands_tools"]


def test_files_that_say_what_a_project_depends_on_are_read(tmp_path: Path):
    (tmp_path / "requirements-dev.txt").write_text("httpx\nxpander-sdk[agno]>=2\n# xpander-sdk\nxpander-sdk-tools\n")
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["httpx", "xpander_sdk==2.0.537"]\n')
    (tmp_path / "notes.txt").write_text("xpander-sdk\n")
    found = [(finding.path.name, finding.line) for finding in scan(tmp_path)]
    assert found == [("pyproject.toml", 2), ("requirements-dev.txt", 2)]


def test_the_cells_of_a_notebook_are_read(tmp_path: Path):
    def cell(*lines: str, kind: str = "code") -> dict[str, object]:
        return {"cell_type": kind, "source": [f"{line}\n" for line in lines]}

    cells = [
        cell("from xpander_sdk import Tasks", kind="markdown"),
        cell("%pip install xpander-sdk", "import os"),
        cell("from xpander_sdk import Agents", "agent = await Agents().aget('a')"),
        cell("%%bash", "echo xpander_sdk"),
        cell("if True:", "    !ls", "agent.sanitized_name"),
        cell("what is ?? this"),
        cell("xpander_sdk what"),
    ]
    file = tmp_path / "book.ipynb"
    file.write_text(json.dumps({"cells": cells}))
    found = list(scan(file))
    assert [(finding.line, finding.message.split(":")[0]) for finding in found] == [
        (1, "cell 2"),
        (3, "cell 4"),
        (1, "cell 6"),
    ]
    assert "import Agents from xpander_facade" in found[0].message
    assert rewrite(tmp_path) == found, "nothing of a notebook is written"
    file.write_text("{'cells': xpander_sdk")
    (broken,) = scan(file)
    assert "it can't be read" in broken.message


def test_only_what_follows_from_a_line_is_written_and_the_rest_is_left(tmp_path: Path):
    file = tmp_path / "program.py"
    file.write_bytes(PROGRAM.replace("\n", "\r\n").encode())
    left = rewrite(file)
    assert [finding.line for finding in left] == [3, 3, 4, 7, 9, 10, 10]
    assert file.read_bytes().startswith(
        b"from xpander_facade import Backend, on_task\r\nfrom xpander_facade import Task\r\n"
    )
    assert [finding.line for finding in scan(file)] == [3, 3, 4, 7, 9, 10, 10]


@pytest.mark.parametrize(
    "text",
    [
        "import xpander_facade\n",
        "TEXT = 'from xpander_sdk import Backend'\n",
        "import xpander_sdk_tools\n",
        "class A:\n    def get_session(self): ...\nA().get_session()  # no xpander_sdk here\n",
        "from .xpander_sdk import Backend\n",
    ],
)
def test_code_that_does_not_use_the_client_needs_no_change(text: str, tmp_path: Path):
    file = tmp_path / "a.py"
    file.write_text(text)
    assert list(scan(file)) == []


def test_a_handler_that_is_served_is_no_finding(tmp_path: Path):
    file = tmp_path / "a.py"
    text = "from xpander_sdk import on_task\n@on_task\ndef handler(task): return task\n"
    file.write_text(text + "handler.run()\n")
    assert [finding.line for finding in scan(file)] == [1]


def test_files_that_can_not_be_read_are_told_and_environments_are_skipped(tmp_path: Path):
    (tmp_path / "bad.py").write_text("from xpander_sdk import (\n")
    (tmp_path / "odd.py").write_bytes(b"# xpander_sdk \xff\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "a.py").write_text("from xpander_sdk import Task\n")
    assert [finding.path.name for finding in scan(tmp_path)] == ["bad.py", "odd.py"]
    with pytest.raises(FileNotFoundError):
        list(scan(tmp_path / "none"))


def test_the_command_lists_and_writes_only_when_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from xpander_facade.cli.app import run

    file = tmp_path / "a.py"
    file.write_text("from xpander_sdk import Task\n")
    assert run(["migrate", str(file)]) == 1
    assert f"{file}:1: import Task from xpander_facade instead of xpander_sdk" in capsys.readouterr().out
    assert file.read_text() == "from xpander_sdk import Task\n"
    assert run(["migrate", "--write", str(file)]) == 0
    assert file.read_text() == "from xpander_facade import Task\n"
