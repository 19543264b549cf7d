"""The emulator's tools and knowledge bases: rules, repetitions, a scored search, fixtures from a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from xpander_facade.emulator import Emulator, OperationCall, OperationError
from xpander_facade.emulator.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WEATHER = {"id": "get_weather", "name": "Weather", "description": "The weather of a city.", "parameters": {}}
HANDBOOK = """Invoices are paid within thirty days.

Holidays are asked for in the portal, at least two weeks before they begin.

The portal is open from nine to five."""


class Client:
    """Calls of the emulator, without the facade."""

    def __init__(self, emulator: Emulator) -> None:
        self._http = httpx.Client(base_url=emulator.url, headers={"x-api-key": "key-1"}, trust_env=False)

    def invoke(self, tool_id: str, body: Any, agent_id: str = "agent-1", **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.post(f"/agents/{agent_id}/operations/{tool_id}", json=body, headers=names)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(path, params=query)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True) as emulator:
        emulator.add_agent("agent-1", tools=[WEATHER, {"id": "send"}], knowledge_bases=[{"id": "kb-1", "rw": False}])
        emulator.add_knowledge_base("kb-1", [{"name": "Handbook", "id": "doc-1", "content": HANDBOOK}])
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Client]:
    client = Client(emulator)
    yield client
    client.close()


def test_a_tool_without_a_rule_answers_with_what_it_was_given(client: Client):
    whole = {"body_params": {"city": "Bonn"}, "query_params": {}, "path_params": {}, "headers": {}}
    answer = client.invoke("get_weather", {"body_params": {"city": "Bonn"}, "headers": None})
    assert answer.json() == {"tool_id": "get_weather", "payload": whole}


def test_a_function_sees_the_whole_call_and_its_answer_is_the_tools(emulator: Emulator, client: Client):
    seen: list[OperationCall] = []

    def rule(call: OperationCall) -> Any:
        seen.append(call)
        return [call.payload["query_params"]["n"], None]

    emulator.answer_tool("send", rule)
    headers = {"x_execution_id": "task-1", "x_tool_call_id": "call-1", "x_agent_version": "3"}
    assert client.invoke("send", {"query_params": {"n": 7}}, **headers).json() == [7, None]
    assert (seen[0].agent_id, seen[0].task_id, seen[0].tool_call_id, seen[0].agent_version) == (
        "agent-1", "task-1", "call-1", "3",
    )  # fmt: skip


def test_a_repeated_call_is_carried_out_once_and_answered_the_same(emulator: Emulator, client: Client):
    answers = iter(range(10))
    emulator.answer_tool("send", lambda _: next(answers))
    assert [client.invoke("send", {}, x_tool_call_id="a").json() for _ in range(3)] == [0, 0, 0]
    assert client.invoke("send", {}, x_tool_call_id="b").json() == 1
    assert [client.invoke("send", {}).json() for _ in range(2)] == [2, 3]
    assert len(emulator.tool_calls("send")) == 4


def test_the_first_rule_that_is_a_part_of_the_payload_counts(emulator: Emulator, client: Client):
    rules = [
        {"when": {"body_params": {"city": "Bonn", "at": {"day": 1}}}, "answer": "rain"},
        {"when": {"body_params": {"city": ""}}, "status": 400, "detail": "no city"},
    ]
    emulator.answer_tool("get_weather", {"rules": rules, "answer": "sun"})
    assert client.invoke("get_weather", {"body_params": {"city": "Bonn", "at": {"day": 1, "hour": 2}}}).json() == "rain"
    assert client.invoke("get_weather", {"body_params": {"city": "Bonn", "at": {"day": 2}}}).json() == "sun"
    refused = client.invoke("get_weather", {"body_params": {"city": ""}})
    assert (refused.status_code, refused.json()) == (400, {"detail": "no city"})


def test_a_rule_of_one_agent_goes_before_that_of_all(emulator: Emulator, client: Client):
    emulator.add_agent("agent-2", tools=[{"id": "send"}])
    emulator.answer_tool("send", "for all")
    emulator.answer_tool("send", "for one", agent_id="agent-2")
    assert client.invoke("send", {}).json() == "for all"
    assert client.invoke("send", {}, agent_id="agent-2").json() == "for one"


def test_a_tool_that_the_agent_does_not_have_is_not_found(emulator: Emulator, client: Client):
    assert client.invoke("delete_all", {}).status_code == 404
    assert emulator.tool_calls() == []


def test_a_function_that_refuses_gives_its_status(emulator: Emulator, client: Client):
    def rule(call: OperationCall) -> Any:
        raise OperationError(503, f"{call.tool_id} is down")

    emulator.answer_tool("send", rule)
    answer = client.invoke("send", {})
    assert (answer.status_code, answer.json()) == (503, {"detail": "send is down"})


def test_a_search_gives_the_paragraphs_with_the_best_first(client: Client):
    found = client.get("/knowledge_bases/kb-1", search_query="how to ask for holidays in the PORTAL").json()
    assert [item["content"][:8] for item in found] == ["Holidays", "The port"]
    assert found[0]["score"] > found[1]["score"] > 0
    assert (found[0]["document_id"], found[0]["document_name"]) == ("doc-1", "Handbook")
    assert client.get("/knowledge_bases/kb-1", search_query="portal holidays", top_k=1).json()[0]["score"] == 1.0
    assert len(client.get("/knowledge_bases/kb-1", search_query="the portal", top_k=1).json()) == 1
    assert client.get("/knowledge_bases/kb-1", search_query="zeppelin").json() == []


def test_a_bubble_is_the_text_around_a_hit(client: Client):
    asked = {"search_query": "holidays", "use_bubble": "true"}
    assert client.get("/knowledge_bases/kb-1", **asked, bubble_size=1000).json()[0]["content"] == HANDBOOK
    assert client.get("/knowledge_bases/kb-1", **asked, bubble_size=10).json()[0]["content"].startswith("Holidays")


def test_a_search_off_the_contract_is_refused_and_a_lost_base_is_not_found(emulator: Emulator, client: Client):
    assert client.get("/knowledge_bases/kb-1").status_code == 422
    assert client.get("/knowledge_bases/kb-1", search_query="a", top_k=0).status_code == 422
    assert client.get("/knowledge_bases/kb-1", search_query="a", use_bubble="True").status_code == 422
    emulator.remove_knowledge_base("kb-1")
    assert client.get("/knowledge_bases/kb-1", search_query="a").status_code == 404


def test_the_organisations_headers_are_null_until_there_are_some(emulator: Emulator, client: Client):
    assert client.get("/metadata/default_llm_extra_headers").json() is None
    emulator.default_llm_headers = {"x-team": "research"}
    assert client.get("/metadata/default_llm_extra_headers").json() == {"x-team": "research"}


def test_a_file_says_what_there_is_from_the_start_and_after_a_reset(tmp_path: Path):
    fixtures = {
        "agents": {"agent-9": {"name": "Nine", "tools": [WEATHER], "knowledge_bases": [{"id": "kb-9"}]}},
        "tools": {"get_weather": {"rules": [], "answer": {"degrees": 21}}},
        "knowledge_bases": {"kb-9": ["All is well."]},
        "default_llm_headers": {"x-a": "1"},
    }
    path = tmp_path / "platform.json"
    path.write_text(json.dumps(fixtures))
    with Emulator(fixtures=path, strict_agents=True) as emulator:
        for _ in range(2):
            client = Client(emulator)
            assert client.get("/agents/agent-9").json()["name"] == "Nine"
            assert client.invoke("get_weather", {}, agent_id="agent-9").json() == {"degrees": 21}
            assert [item["score"] for item in client.get("/knowledge_bases/kb-9", search_query="well").json()] == [1.0]
            assert client.get("/metadata/default_llm_extra_headers").json() == {"x-a": "1"}
            client.close()
            emulator.answer_tool("get_weather", "another")
            emulator.reset()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[1]", "must hold an object"),
        ("agent: {}", "unknown member 'agent'"),
        ("agents: [a]", "agents must be an object"),
        ("knowledge_bases: {kb: text}", "knowledge_bases.kb must be an array"),
        ("a: [", "neither JSON nor YAML"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_name(
    text: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "platform.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=word) as raised:
        Emulator(fixtures=path)
    assert str(path) in str(raised.value)
    assert main(["--fixtures", str(path), "--port", "0"]) == 1
    assert word in capsys.readouterr().err


def test_a_task_created_without_a_source_comes_from_the_api(emulator: Emulator):
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}, trust_env=False) as http:
        created = http.post("/agent-execution/agent-1", json={"input": {"text": "hi"}, "source": None}).json()
    assert created["source"] == "api"
