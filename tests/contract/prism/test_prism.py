"""The facade against Prism, a mock that was not written by us and knows nothing but `openapi.yaml`.

What passes here passes because of the contract alone, without our emulator. Prism refuses a request that breaks the
contract (`--errors`) and answers with what the schemas describe. Set aside are the two event streams, which Prism can't
play: it answers one whole body. Runs where Prism is installed: `make contract-full`.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade import (
    Agents,
    Attachment,
    Backend,
    Configuration,
    MCPServerDetails,
    Principal,
    Task,
    Tasks,
    Tokens,
    UnprocessableEntityError,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
PRISM = ROOT / "tools" / "prism" / "node_modules" / ".bin" / "prism"


def start(spec: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start Prism on a free port; return it when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PRISM), "mock", "--errors", "--host", "127.0.0.1", "--port", str(port), str(spec)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(url)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return process, url
    process.kill()
    raise RuntimeError(f"Prism did not start: {log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = start(ROOT / "openapi.yaml", tmp_path_factory.mktemp("prism") / "log")
    yield url
    stop(process)


@pytest.fixture
def configuration(prism: str) -> Configuration:
    return Configuration(api_key="key-1", organization_id="org-1", base_url=prism, agent_id="agent-1", max_retries=0)


def a_task(configuration: Configuration) -> Task:
    data = {"id": "t", "agent_id": "a", "organization_id": "o", "created_at": "2026-01-02T03:04:05Z"}
    return Task.from_dict({**data, "input": {"text": "hi"}, "tokens": {"prompt_tokens": 1}}, configuration)


EVERYTHING: dict[str, Any] = {
    "prompt": "hi",
    "existing_task_id": "t-0",
    "file_urls": ["https://host/a.pdf"],
    "attachments": [Attachment(url="https://host/a.pdf", size=3, kind="pdf")],
    "user_details": User(email="a@b.c", first_name="A", timezone="Europe/Berlin"),
    "principal": Principal(kind="user", id="u-1"),
    "agent_version": 3,
    "tool_call_payload_extension": {"a": {"b": [1]}},
    "output_format": "json",
    "output_schema": {"type": "object"},
    "mcp_servers": [MCPServerDetails(name="m", url="https://host/mcp", headers={"a": "b"})],
    "think_mode": "harder",
    "tool_call_limit": 5,
    "user_tokens": {"m": "t"},
    "return_metrics": True,
}
REPORT: dict[str, Any] = {
    "id": "job-1",
    "input": "i",
    "llm_response": {"any": [1, None, {"thing": True}]},
    "tokens": Tokens(prompt_tokens=2, completion_tokens=3),
    "is_success": False,
    "result": "r",
    "duration": 1.5,
    "used_tools": ["a"],
}
CALLS: dict[str, tuple[Callable[[Configuration], Any], str, dict[str, Any]]] = {
    "report": (Backend, "report_external_task", REPORT),
    "report nothing": (Backend, "report_external_task", {}),
    "invoke": (Backend, "invoke_agent", {"prompt": "hi"}),
    "create with everything": (Tasks, "create", EVERYTHING),
    "list tasks": (Tasks, "list", {"filters": {"status": "completed", "user_id": "u"}}),
    "list a user's tasks": (Tasks, "list_user_tasks", {"user_id": "u/1", "filters": {"internal_status": "x"}}),
    "get": (Tasks, "get", {"task_id": "t 1"}),
    "update": (Tasks, "update", {"task_id": "t", "status": "completed", "tool_call_payload_extension": {"a": 1}}),
    "stop": (Tasks, "stop", {"task_id": "t"}),
    "save": (a_task, "save", {"with_deep_plan_update": True}),
    "set status": (a_task, "set_status", {"status": "failed", "result": "no"}),
    "reload": (a_task, "reload", {}),
    "activity": (a_task, "get_activity_log", {}),
    "metrics": (a_task, "report_metrics", {}),
    "plan": (a_task, "get_plan_following_status", {}),
    "list agents": (Agents, "list", {}),
    "get agent": (Agents, "get", {"agent_id": "a", "version": 2}),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("of", "verb", "given"), CALLS.values(), ids=CALLS)
def test_the_contract_alone_is_enough_to_talk_to(
    configuration: Configuration, of: Any, verb: str, given: dict[str, Any], is_async: bool
):
    async def main() -> Any:
        return await getattr(of(configuration), f"a{verb}")(**given)

    answer = asyncio.run(main()) if is_async else getattr(of(configuration), verb)(**given)
    if verb != "report_metrics":
        assert answer is not None


def test_what_prism_makes_of_the_schemas_is_read_in_full(configuration: Configuration):
    task = Tasks(configuration).get("t")
    assert task.extra == {}
    assert (task.status.value, task.output_format, task.duration) == ("pending", "text", 0.0)
    assert task.tokens is not None
    assert task.mcp_servers[0].transport == "stdio"
    assert len(a_task(configuration).get_activity_log().messages) == 1


def test_prism_refuses_what_a_newer_contract_wants(tmp_path: Path):
    spec = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    drifted = spec.replace("required: [input]\n      properties:", "required: [input, budget]\n      properties:", 1)
    assert drifted != spec
    (tmp_path / "openapi.yaml").write_text(drifted)
    process, url = start(tmp_path / "openapi.yaml", tmp_path / "log")
    try:
        tasks = Tasks(Configuration(api_key="k", base_url=url, agent_id="a", max_retries=0))
        with pytest.raises(UnprocessableEntityError):
            tasks.create(prompt="hi")
    finally:
        stop(process)
