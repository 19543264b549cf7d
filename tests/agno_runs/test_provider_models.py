"""The models that `get_args` makes, with the real classes of Agno and the real libraries of the providers."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest

pytest.importorskip("openai", reason="the providers' packages are only in the environments of `make test-agno`")

from agno.agent import Agent as AgnoAgent
from platform_agents import add_agent, backend_of

from xpander_facade import ConfigurationError, LLMCredentials, Tasks
from xpander_facade._agno.models import ModelRequest, make_model
from xpander_facade.emulator import Emulator
from xpander_facade.types._llm_gateway import LLMGatewayRoute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade import Backend

VARIABLES = {
    "OPENAI_API_KEY": "k-openai",
    "ANTHROPIC_API_KEY": "k-anthropic",
    "ANTHROPIC_AUTH_TOKEN": "k-anthropic-token",
    "GOOGLE_API_KEY": "k-google",
    "GEMINI_API_KEY": "k-gemini",
    "NVIDIA_API_KEY": "k-nvidia",
    "FIREWORKS_API_KEY": "k-fireworks",
    "NEBIUS_API_KEY": "k-nebius",
    "OPENROUTER_API_KEY": "k-openrouter",
    "AZURE_API_KEY": "k-azure",
    "BYTEDANCE_API_KEY": "k-bytedance",
    "TZAFON_LIGHTCONE_API_KEY": "k-tzafon",
    "CEREBRAS_API_KEY": "k-cerebras",
    "Z_AI_API_KEY": "k-zai",
    "HELICONE_API_KEY": "k-helicone",
    "CLOUDFLARE_AI_GW_API_KEY": "k-cloudflare",
}


class Recorder:
    """A server that remembers what it was sent, and refuses it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                recorder.seen.append((self.path, {n.lower(): v for n, v in self.headers.items()}, body))
                data = json.dumps({"error": {"message": "no", "type": "invalid_request_error", "code": 400}}).encode()
                self.send_response(400)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(validate_answers=True, agent=lambda run: "") as emulator:
        add_agent(emulator, tools=[], knowledge_bases=[], graph=None)
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def backend(emulator: Emulator) -> Iterator[Backend]:
    with backend_of(emulator) as backend:
        yield backend


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "AGENTS_OPENAI_API_KEY", "OPENAI_COMPATIBLE_API_KEY", "IS_XPANDER_CLOUD", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("provider", "name", "cls", "variable", "base_url"),
    [
        ("openai", "gpt-4o", "OpenAIChat", "OPENAI_API_KEY", None),
        ("openai", "gpt-5", "OpenAIChat", "AGENTS_OPENAI_API_KEY", None),
        ("openai", "gpt-5.6-mini", "OpenAIResponses", "OPENAI_API_KEY", None),
        ("openai", "gpt-6", "OpenAIResponses", "OPENAI_API_KEY", None),
        ("anthropic", "claude-sonnet-4-5", "Claude", "ANTHROPIC_API_KEY", None),
        ("google_ai_studio", "gemini-3-pro", "Gemini", "GOOGLE_API_KEY", None),
        ("nim", "meta/llama", "Nvidia", "NVIDIA_API_KEY", "https://integrate.api.nvidia.com/v1"),
        ("fireworks", "llama", "Fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1"),
        ("nebius", "llama", "Nebius", "NEBIUS_API_KEY", None),
        ("open_router", "openai/gpt-4o", "OpenRouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
        ("bytedance", "seed", "OpenAILike", "BYTEDANCE_API_KEY", "https://ark.ap-southeast.bytepluses.com/api/v3"),
        ("tzafon_lightcone", "x", "OpenAILike", "TZAFON_LIGHTCONE_API_KEY", "https://api.tzafon.ai/v1"),
        ("cerebras", "x", "OpenAILike", "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
        ("z_ai", "glm", "OpenAILike", "Z_AI_API_KEY", "https://api.z.ai/api/paas/v4"),
        ("helicone", "x", "OpenAILike", "HELICONE_API_KEY", "https://ai-gateway.helicone.ai/v1"),
    ],
)
def test_each_provider_has_its_class_its_variable_and_its_url(
    provider: str, name: str, cls: str, variable: str, base_url: str | None, emulator: Emulator, backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    add_agent(emulator, model_provider=provider.upper(), model_name=name, tools=[], knowledge_bases=[], graph=None)
    with pytest.raises(ConfigurationError, match=f"no key for the model provider '{provider}': set .*{variable}"):
        backend.get_args("agent-1")
    monkeypatch.setenv(variable, "a-key")
    model = backend.get_args("agent-1")["model"]
    assert (type(model).__name__, model.id, model.api_key) == (cls, name, "a-key")
    if base_url is not None:
        assert model.base_url == base_url
    assert (model.retries, model.exponential_backoff) == (3, True)
    assert (model.temperature is None) == name.startswith(("gpt-5", "gpt-6"))


def test_the_agents_own_key_serves_where_there_is_no_variable_and_goes_first_in_the_cloud(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    add_agent(emulator, llm_credentials={"name": "c", "value": "agents"}, tools=[], knowledge_bases=[], graph=None)
    assert backend.get_args("agent-1")["model"].api_key == "agents"
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    assert backend.get_args("agent-1")["model"].api_key == "mine"
    monkeypatch.setenv("IS_XPANDER_CLOUD", "true")
    assert backend.get_args("agent-1")["model"].api_key == "agents"


def test_what_a_task_says_of_the_model_goes_first_and_takes_nothing_of_the_agents(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    add_agent(
        emulator, llm_credentials={"value": "agents"}, llm_api_base="https://mine.example/v1",
        llm_extra_headers={"x-a": "1"}, tools=[], knowledge_bases=[], graph=None,
    )  # fmt: skip
    monkeypatch.setenv("CEREBRAS_API_KEY", "c")
    task = Tasks(backend.configuration).create(
        "agent-1", prompt="hi", llm_model_provider="Cerebras", llm_model_name="Llama", llm_reasoning_effort="high"
    )
    model = backend.get_args(task=task)["model"]
    assert (model.id, model.api_key, model.base_url) == ("llama", "c", "https://api.cerebras.ai/v1")
    assert not model.extra_headers
    own = backend.get_args("agent-1")["model"]
    assert (own.api_key, own.base_url, own.extra_headers) == ("agents", "https://mine.example/v1", {"x-a": "1"})


def test_the_organisations_headers_go_along_and_the_agents_go_before_them(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    emulator.default_llm_headers = {"x-team": "research", "x-empty": "", "x-number": 3, "x-a": "theirs"}
    add_agent(emulator, llm_extra_headers={"x-a": "mine"}, tools=[], knowledge_bases=[], graph=None)
    model = backend.get_args("agent-1")["model"]
    assert model.extra_headers == {"x-team": "research", "x-a": "mine"}
    assert model.user == "org-1"
    emulator.fail(404, operation="get_default_llm_headers")
    assert backend.get_args("agent-1")["model"].extra_headers == {"x-a": "mine"}


def test_an_effort_is_told_where_the_family_takes_one(
    emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    for name, effort, cls, told in (
        ("gpt-5", "low", "OpenAIChat", "low"),
        ("gpt-5", "medium", "OpenAIChat", None),
        ("gpt-5", "xhigh", "OpenAIResponses", "xhigh"),
        ("gpt-4o", "high", "OpenAIChat", None),
    ):
        add_agent(emulator, model_name=name, llm_reasoning_effort=effort, tools=[], knowledge_bases=[], graph=None)
        model = backend.get_args("agent-1")["model"]
        assert (type(model).__name__, model.reasoning_effort) == (cls, told), name


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ({"model_provider": "acme"}, "unknown model provider 'acme': pass override={'model': ...}"),
        ({"model_provider": "openai_compatible"}, "needs a base URL: set the agent's llm_api_base"),
        ({"model_provider": "cloudflare_ai_gw"}, "needs a base URL: set the agent's llm_api_base"),
        ({"model_provider": "azure_ai_foundary"}, "needs an endpoint: set the agent's llm_api_base"),
        ({"model_provider": "amazon_bedrock"}, "needs a region: set AWS_REGION"),
        ({"llm_api_base": "mine.example"}, "llm_api_base must look like https://"),
        ({"model_provider": None}, "names no model: set its model on the platform, or pass override"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    fields: Any, remedy: str, emulator: Emulator, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    for name in ("OPENAI_API_KEY", "CLOUDFLARE_AI_GW_API_KEY", "AZURE_API_KEY"):
        monkeypatch.setenv(name, "s3cret")
    add_agent(emulator, tools=[], knowledge_bases=[], graph=None, **fields)
    with pytest.raises(ConfigurationError) as raised:
        backend.get_args("agent-1")
    assert remedy in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in [*sys.modules]:
        if name.startswith(("agno.models.nebius", "agno.models.openai")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(
        ConfigurationError, match=r"'nebius' needs a package that is not installed .*: pip install openai"
    ):
        make_model(ModelRequest("nebius", "x", variable=lambda _: "k"))


@pytest.mark.parametrize(
    "provider",
    [
        "openai", "anthropic", "google_ai_studio", "nim", "fireworks", "nebius", "open_router", "azure_ai_foundary",
        "bytedance", "tzafon_lightcone", "cerebras", "z_ai", "helicone", "cloudflare_ai_gw", "acme",
    ],
)  # fmt: skip
@pytest.mark.parametrize("own", [None, "agents-own"])
def test_a_providers_key_never_goes_to_another_host(provider: str, own: str | None, monkeypatch: pytest.MonkeyPatch):
    """The real library of each provider, with keys of all in the environment, calls a server that is not theirs."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with Recorder() as recorder:
        model = make_model(
            ModelRequest(
                provider,
                "model-x",
                api_base=recorder.url,
                credentials=None if own is None else LLMCredentials(value=own),
                variable=os.environ.get,
            )
        )
        model.retries = 0
        with contextlib.suppress(Exception):  # each library has errors of its own for the refusal
            AgnoAgent(model=model, telemetry=False).run(input="hi")
    assert recorder.seen
    for path, headers, body in recorder.seen:
        sent = f"{path} {headers} {body.decode()}"
        assert not [value for value in VARIABLES.values() if value in sent], provider
        assert own is None or own in sent


def test_the_platforms_gateway_serves_where_there_is_no_key():
    gateway = LLMGatewayRoute("https://gateway.example", "t0ken")
    openai = make_model(ModelRequest("openai", "gpt-4o", gateway=gateway))
    assert (openai.base_url, openai.api_key) == ("https://gateway.example/v1", "t0ken")
    assert openai.extra_headers == {"x-xpander-api-key": "t0ken"}
    assert make_model(ModelRequest("openai", "ft:gpt-4o:acme::x", gateway=gateway)).id == "openai::ft:gpt-4o:acme::x"
    for provider, name in (
        ("anthropic", "claude-x"),
        ("amazon_bedrock", "us.anthropic.claude-x"),
        ("amazon_bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-x"),
    ):
        claude = make_model(ModelRequest(provider, name, gateway=gateway))
        assert (claude.client_params["base_url"], claude.api_key) == ("https://gateway.example", "t0ken")
        assert claude.default_headers["x-xpander-api-key"] == "t0ken"
    mine = make_model(ModelRequest("openai", "gpt-4o", gateway=gateway, variable=lambda _: "mine"))
    assert (mine.base_url, mine.api_key) == (None, "mine")
    with pytest.raises(ConfigurationError, match="no key for the model provider 'cerebras'"):
        make_model(ModelRequest("cerebras", "x", gateway=gateway))


def test_bedrock_and_azure_are_made_of_what_their_libraries_need(monkeypatch: pytest.MonkeyPatch):
    variables = {"AWS_REGION": "eu-west-1", "AZURE_API_KEY": "az", "XPANDER_LLM_MAX_OUTPUT_TOKENS": "99"}
    bedrock = make_model(ModelRequest("amazon_bedrock", "anthropic.claude-sonnet-4-5", variable=variables.get))
    assert (type(bedrock).__name__, bedrock.aws_region, bedrock.max_tokens) == ("AwsBedrock", "eu-west-1", 99)
    base = "https://mine.services.ai.azure.com/models"
    azure = make_model(ModelRequest("azure_ai_foundary", "gpt-4o", api_base=base, variable=variables.get))
    assert (type(azure).__name__, azure.azure_endpoint, azure.api_key) == ("AzureAIFoundry", base, "az")
    headers = {"Authorization": "Bearer x"}
    azure = make_model(ModelRequest("azure_ai_foundary", "gpt-4o", api_base=base, headers=headers))
    assert azure.api_key == "EMPTY"
    variables["XPANDER_LLM_MAX_OUTPUT_TOKENS"] = "many"
    with pytest.raises(ConfigurationError, match="XPANDER_LLM_MAX_OUTPUT_TOKENS must be a whole number"):
        make_model(ModelRequest("amazon_bedrock", "x", variable=variables.get))
