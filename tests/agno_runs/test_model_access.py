"""Models that are reached through the platform, with the real libraries: what is asked, and what is sent where."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("openai", reason="the providers' packages are only in the environments of `make test-agno`")

from agno.agent import Agent as AgnoAgent
from model_server import ModelServer
from platform_agents import add_agent, backend_of

from xpander_facade import Backend, ConfigurationError, NotFoundError, Task, Tasks, on_task
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

BARE: dict[str, Any] = {"tools": [], "knowledge_bases": [], "graph": None}
WAYS = ("get_args", "aget_args")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "AGENTS_OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_COMPATIBLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, agent=lambda run: "") as emulator:
        add_agent(emulator, **BARE)
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def backend(emulator: Emulator) -> Iterator[Backend]:
    with backend_of(emulator) as backend:
        yield backend


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer("Good morning.") as server:
        yield server


def arguments_of(backend: Backend, way: str, task: Task) -> dict[str, Any]:
    if way == "get_args":
        return backend.get_args(task=task)

    async def main() -> dict[str, Any]:
        try:
            return await backend.aget_args(task=task)
        finally:
            await backend.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_delivered_task_runs_on_the_platforms_gateway_without_a_key(
    kind: str, emulator: Emulator, backend: Backend, server: ModelServer
):
    emulator.set_llm_gateway(server.url, "run-t0ken")

    def work(task: Task) -> Task:
        task.result = AgnoAgent(**backend.get_args(task=task)).run(input=task.to_message()).content
        return task

    async def awork(task: Task) -> Task:
        result = await AgnoAgent(**await backend.aget_args(task=task)).arun(input=task.to_message())
        task.result = result.content
        return task

    handler = on_task(configuration=backend.configuration, agent_id="agent-1")(work if kind == "sync" else awork)
    thread = threading.Thread(target=handler.run, daemon=True)
    thread.start()
    try:
        emulator.wait_for_workers(1, timeout=10)
        task = Tasks(backend.configuration).create("agent-1", prompt="hello")
        task.wait_until_done(timeout=20)
    finally:
        handler.stop()
        thread.join(10)
    assert task.result == "Good morning."
    ((path, headers, body),) = server.seen
    assert path == "/v1/chat/completions"
    assert (headers["authorization"], headers["x-xpander-api-key"]) == ("Bearer run-t0ken", "run-t0ken")
    assert json.loads(body)["model"] == "gpt-4o"
    assert "run-t0ken" not in json.dumps(emulator.task(task.id))
    assert emulator.requests("take_llm_gateway_route") == []


@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_came_without_a_way_asks_for_the_one_that_is_kept(
    way: str, emulator: Emulator, backend: Backend, server: ModelServer
):
    emulator.set_llm_gateway(server.url, "kept-t0ken")
    emulator.connect_container("agent-1", "http://127.0.0.1:9", api_key="key-1")  # nobody is there; the way is kept
    task = Tasks(backend.configuration).create("agent-1", prompt="hello")
    model = arguments_of(backend, way, task)["model"]
    assert (model.base_url, model.api_key) == (f"{server.url}/v1", "kept-t0ken")
    assert len(emulator.requests("take_llm_gateway_route")) == 1
    # It is given once, so the task keeps it for the next attempt.
    assert arguments_of(backend, way, task)["model"].api_key == "kept-t0ken"
    assert len(emulator.requests("take_llm_gateway_route")) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [404, 403])
def test_without_a_way_the_missing_key_is_named(way: str, status: int, emulator: Emulator, backend: Backend):
    task = Tasks(backend.configuration).create("agent-1", prompt="hello")
    emulator.fail(status, operation="take_llm_gateway_route")
    with pytest.raises(ConfigurationError, match="no key for the model provider 'openai': set AGENTS_OPENAI_API_KEY"):
        arguments_of(backend, way, task)


@pytest.mark.parametrize(
    "fields",
    [
        {"llm_credentials": {"value": "own"}},
        {"llm_api_base": "https://mine.example/v1"},
        {"model_provider": "cerebras", "llm_credentials": {"value": "own"}},
    ],
)
def test_nothing_is_asked_where_the_model_is_reached_directly(fields: Any, emulator: Emulator, backend: Backend):
    add_agent(emulator, **{**BARE, **fields})
    task = Tasks(backend.configuration).create("agent-1", prompt="hello")
    backend.get_args(task=task)
    assert emulator.requests("take_llm_gateway_route") == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("provider", ["openai", "anthropic", "acme", "openai_compatible"])
def test_a_provider_of_the_organisation_is_reached_through_the_platforms_proxy(
    way: str, provider: str, emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_COMPATIBLE_API_KEY"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("IS_XPANDER_CLOUD", "false")
    add_agent(
        emulator, llm_credentials={"value": "agents"}, llm_api_base="https://mine.example/v1",
        llm_extra_headers={"authorization": "agents"}, **BARE,
    )  # fmt: skip
    emulator.set_custom_llm_provider("our models/1", "proxy-t0ken")
    task = Tasks(backend.configuration).create(
        "agent-1", prompt="hi", llm_model_provider=provider, llm_model_name="m-1",
        tool_call_payload_extension={"llm_custom_provider": "our models/1"},
    )  # fmt: skip
    model = arguments_of(backend, way, task)["model"]
    base = model.client_params["base_url"] if provider == "anthropic" else model.base_url
    headers = model.default_headers if provider == "anthropic" else model.extra_headers
    assert (base, model.api_key) == (f"{emulator.url}/llm-proxy/our%20models%2F1", "proxy-t0ken")
    assert headers == {"x-xpander-execution-id": task.id}


@pytest.mark.parametrize("way", WAYS)
def test_a_provider_to_which_the_platform_gives_no_access_is_an_error(way: str, emulator: Emulator, backend: Backend):
    task = Tasks(backend.configuration).create(
        "agent-1", prompt="hi", tool_call_payload_extension={"llm_custom_provider": "p"}
    )
    with pytest.raises(NotFoundError):
        arguments_of(backend, way, task)
    with emulator_answers(emulator, {"provider": "p"}), pytest.raises(ConfigurationError, match="gives no access"):
        arguments_of(backend, way, task)


@contextlib.contextmanager
def emulator_answers(emulator: Emulator, body: Any) -> Iterator[None]:
    emulator.fail(200, operation="get_custom_llm_endpoint", body=body)
    yield


def test_the_users_own_token_calls_the_model_where_the_agent_wants_that(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    add_agent(
        emulator, use_oidc_pre_auth_token_for_llm=True, oidc_pre_auth_token_llm_audience="models",
        llm_api_base="https://mine.example/v1", **BARE,
    )  # fmt: skip
    tasks = Tasks(backend.configuration)
    task = tasks.create("agent-1", prompt="hi", user_tokens={"oidc_tokens": {"models": "users-t0ken", "other": "o"}})
    model = backend.get_args(task=task)["model"]
    assert (model.base_url, model.api_key) == ("https://mine.example/v1", "users-t0ken")
    for tokens in (None, {"oidc_tokens": {"other": "o"}}, {"oidc_tokens": None}, {"oidc_tokens": {"models": 5}}):
        model = backend.get_args(task=tasks.create("agent-1", prompt="hi", user_tokens=tokens))["model"]
        assert model.api_key == "EMPTY"
    add_agent(
        emulator, use_oidc_pre_auth_token_for_llm=True, oidc_pre_auth_token_llm_audience="models",
        llm_api_base=None, **BARE,
    )  # fmt: skip
    assert backend.get_args(task=task)["model"].api_key == "users-t0ken"
    other = tasks.create(
        "agent-1", prompt="hi", user_tokens={"oidc_tokens": {"models": "users-t0ken"}}, llm_model_provider="cerebras",
        llm_model_name="x",
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="cerebras"):
        backend.get_args(task=other)
