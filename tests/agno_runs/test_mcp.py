"""MCP servers of an agent and its task, with a server on loopback and the real client of Agno."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mcp", reason="what Agno needs for MCP is only in the environments of `make test-agno`")

from mcp_server import McpServer
from platform_agents import add_agent, backend_of, events_of, run
from scripted_model import StubModel, calls

from xpander_facade import MCPServerDetails, Task, Tasks
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade import Backend

# Agno 2.5 calls a function of the newest client that it can use by its former name.
pytestmark = pytest.mark.filterwarnings("ignore:Use `streamable_http_client`:DeprecationWarning")

WAYS = ("run", "arun")
ADD = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, agent=lambda run: "") as emulator:
        add_agent(emulator, tools=[], knowledge_bases=[], graph=None)
        yield emulator


@pytest.fixture
def backend(emulator: Emulator) -> Iterator[Backend]:
    with backend_of(emulator) as backend:
        yield backend


@pytest.fixture
def server() -> Iterator[McpServer]:
    with McpServer({"add": ADD, "drop_all": {"type": "object", "properties": {}}}) as server:
        yield server


def graph_of(*servers: dict[str, Any]) -> dict[str, Any]:
    items = [
        {"id": f"n{n}", "item_id": f"mcp-{n}", "name": f"Server {n}", "type": "mcp", "settings": {"mcp_settings": one}}
        for n, one in enumerate(servers)
    ]
    return {"items": items}


def new_task(backend: Backend, **given: Any) -> Task:
    return Tasks(backend.configuration).create("agent-1", prompt="hello", **given)


@pytest.mark.parametrize("way", WAYS)
def test_a_servers_tools_are_offered_called_and_told_of(
    way: str, emulator: Emulator, backend: Backend, server: McpServer
):
    server.token = "s3cret"
    settings = {"url": server.url, "auth_type": "api_key", "api_key": "s3cret", "allowed_tools": ["add"]}
    add_agent(emulator, graph=graph_of(settings), tools=[], knowledge_bases=[])
    task = new_task(backend)
    model = StubModel(script=[calls(("mcp_tool_add", {"a": 1, "b": 2})), calls(("mcp_tool_add", {"a": 3})), "Done."])
    result, _ = run(backend, way, model, task)
    assert result.content == "Done."
    assert list(model.functions()) == ["mcp_tool_add"]
    assert model.functions()["mcp_tool_add"]["parameters"]["properties"]["a"]["type"] == "integer"
    assert model.answers() == ["add is done", "add is done"]
    assert server.calls == [("add", {"a": 1, "b": 2}), ("add", {"a": 3})]
    assert {headers.get("authorization") for headers in server.headers} == {"Bearer s3cret"}
    told = events_of(emulator, task.id, ["tool_call_request", "tool_call_result"])
    assert [(event["type"], event["tool_name"]) for event in told] == [
        ("tool_call_request", "mcp_tool_add"),
        ("tool_call_result", "mcp_tool_add"),
    ] * 2
    assert (told[0]["payload"], told[1]["result"]) == ({"a": 1, "b": 2}, "add is done")
    assert task.used_tools == ["mcp_tool_add"]


@pytest.mark.parametrize("way", WAYS)
def test_the_servers_of_a_task_are_used_with_its_tokens(
    way: str, emulator: Emulator, backend: Backend, server: McpServer
):
    server.token = "user-token"
    given = MCPServerDetails(id="crm", name="CRM", url=server.url, auth_type="oauth2")
    task = new_task(backend, mcp_servers=[given], user_tokens={"crm": "user-token"})
    model = StubModel(script=[calls(("mcp_tool_add", {"a": 1})), "Done."])
    run(backend, way, model, task)
    assert model.answers() == ["add is done"]


@pytest.mark.parametrize(
    ("settings", "tokens", "header"),
    [
        ({"headers": {"X-Team": "a"}, "auth_type": "custom_headers"}, None, ("x-team", "a")),
        ({"auth_type": "sso_user", "sso_audience": "a"}, {"oidc_tokens": {"a": "t"}}, ("authorization", "Bearer t")),
        ({"auth_type": "oauth2"}, {"mcp-0": {"X-Token": "t"}}, ("x-token", "t")),
        ({"auth_type": "api_key", "api_key": "k"}, {"mcp-0": "u"}, ("authorization", "Bearer u")),
        ({"api_key": "k", "headers": {"authorization": "old"}}, None, ("authorization", "Bearer k")),
    ],
)  # fmt: skip
def test_a_server_knows_its_caller_by_the_first_that_there_is(
    settings: Any, tokens: Any, header: tuple[str, str], emulator: Emulator, backend: Backend, server: McpServer
):
    add_agent(emulator, graph=graph_of({"url": server.url, **settings}), tools=[], knowledge_bases=[])
    task = new_task(backend, user_tokens=tokens)
    arguments = backend.get_args(task=task, override={"model": StubModel()})
    assert len(arguments["tools"]) == 2
    assert {headers.get(header[0]) for headers in server.headers} == {header[1]}


@pytest.mark.parametrize("way", WAYS)
def test_servers_that_can_not_be_used_are_left_out_with_a_line(
    way: str, emulator: Emulator, backend: Backend, server: McpServer, caplog: pytest.LogCaptureFixture
):
    with McpServer({}) as stopped:
        dead = stopped.url
    closed = McpServer({"add": ADD}, token="other")
    with closed:
        add_agent(
            emulator,
            tools=[],
            knowledge_bases=[],
            graph=graph_of(
                {"url": dead, "api_key": "k3y"},
                {"url": closed.url, "api_key": "k3y"},
                {"url": server.url, "auth_type": "oauth2"},
                {"type": "local", "command": "run it"},
                {"url": "ftp://x"},
                {"url": server.url, "auth_type": "a_new_one"},
                {"url": server.url},
            ),
        )
        model = StubModel(script=[calls(("mcp_tool_add", {"a": 1})), "Done."])
        result, _ = run(backend, way, model, agent_id="agent-1")
    assert result.content == "Done."
    assert sorted(model.functions()) == ["mcp_tool_add", "mcp_tool_drop_all"]
    for number, reason in enumerate(
        [
            "could not be reached",
            "could not be reached",
            "needs a login",
            "runs beside the agent",
            "no URL",
            "not known",
        ]
    ):
        name = f"The tools of the MCP server Server {number} are not available: "
        (line,) = [line for line in model.system().splitlines() if name in line]
        assert reason in line
        assert f"the MCP server Server {number} is left out" in caplog.text
    assert "k3y" not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("xpander"))
    assert "k3y" not in model.system()


@pytest.mark.parametrize("way", WAYS)
def test_two_servers_with_a_tool_of_one_name_stay_apart(
    way: str, emulator: Emulator, backend: Backend, server: McpServer
):
    with McpServer({"add": ADD}) as other:
        add_agent(emulator, tools=[], knowledge_bases=[], graph=graph_of({"url": server.url}, {"url": other.url}))
        model = StubModel(script=[calls(("mcp_tool_2_add", {"a": 5})), "Done."])
        run(backend, way, model, agent_id="agent-1")
    assert other.calls == [("add", {"a": 5})]
    assert server.calls == []
