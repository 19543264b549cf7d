"""Frameworks with tracing of their own, and further instrumentors, each against the stub."""

import asyncio

import pytest
from loopback import Call, total
from readings import inside
from scenario import ANSWER, FOUND, LOOK_UP, ONE_TURN

from xpander_facade import Tokens

TOLD = {"tools": ["find_invoice"], "text": ANSWER}
FEATURES = {"vision": False, "function_calling": True, "json_output": True, "family": "any", "structured_output": True}


def find_invoice(number: str) -> str:
    """Find an invoice.

    Args:
        number: The number.
    """
    return FOUND


def uncached(counts):
    """Return what an emitter tells that leaves out what came from a cache."""
    return Tokens(counts.prompt, counts.completion)


@pytest.mark.parametrize("wire", ["responses", "chat"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["plain", "stream"])
async def test_agent_framework(stub, traced, wire, is_streamed):
    from agent_framework import Agent
    from agent_framework.observability import enable_instrumentation
    from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient

    enable_instrumentation(enable_sensitive_data=True)
    kind = OpenAIChatClient if wire == "responses" else OpenAIChatCompletionClient
    client = kind(model="stub-model", api_key="k", base_url=f"{stub.url}/v1")
    agent = Agent(client=client, name="finder", tools=[find_invoice])
    stub.script(*ONE_TURN)
    with traced.recording():
        if is_streamed:
            stream = agent.run("When?", stream=True)
            async for _ in stream:
                pass
            await stream.get_final_response()
        else:
            await agent.run("When?")
    traced.check(f"agent-framework-{wire}-{'stream' if is_streamed else 'plain'}", inside(total(1, 2)), **TOLD)


def test_smolagents(stub, emitter, traced):
    from openinference.instrumentation.smolagents import SmolagentsInstrumentor
    from smolagents import OpenAIServerModel, ToolCallingAgent, tool

    emitter(SmolagentsInstrumentor())
    model = OpenAIServerModel(model_id="m", api_base=f"{stub.url}/v1", api_key="k", client_kwargs={"max_retries": 0})
    agent = ToolCallingAgent(tools=[tool(find_invoice)], model=model, verbosity_level=0)
    stub.script(LOOK_UP, Call("final_answer", {"answer": ANSWER}))
    with traced.recording():
        agent.run("When?")
    traced.check("smolagents", uncached(total(1, 2)), tools=["find_invoice", "final_answer"], text=ANSWER)


async def test_autogen(stub, emitter, traced):
    from autogen_agentchat.agents import AssistantAgent
    from autogen_core.tools import FunctionTool
    from autogen_ext.models.openai import OpenAIChatCompletionClient
    from openinference.instrumentation.autogen_agentchat import AutogenAgentChatInstrumentor

    async def look(number: str) -> str:
        return FOUND

    emitter(AutogenAgentChatInstrumentor())
    client = OpenAIChatCompletionClient(
        model="m", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, model_info=FEATURES
    )
    tools = [FunctionTool(look, "Find an invoice.", name="find_invoice", strict=True)]
    agent = AssistantAgent("finder", client, tools=tools, reflect_on_tool_use=True)
    stub.script(*ONE_TURN)
    with traced.recording():
        await agent.run(task="When?")
    traced.check("autogen", uncached(total(1, 2)), **TOLD)


def test_semantic_kernel(stub, traced, monkeypatch):
    from openai import AsyncOpenAI
    from semantic_kernel.agents import ChatCompletionAgent
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
    from semantic_kernel.functions import kernel_function
    from semantic_kernel.utils.telemetry.agent_diagnostics import decorators as of_agents
    from semantic_kernel.utils.telemetry.model_diagnostics import decorators as of_models
    from semantic_kernel.utils.telemetry.model_diagnostics import function_tracer

    for module in (of_agents, of_models, function_tracer):
        settings = getattr(module, "MODEL_DIAGNOSTICS_SETTINGS", None)
        if settings is not None:
            monkeypatch.setattr(settings, "enable_otel_diagnostics", True)
            monkeypatch.setattr(settings, "enable_otel_diagnostics_sensitive", True)

    class Invoices:
        @kernel_function(name="find_invoice", description="Find an invoice.")
        def find_invoice(self, number: str) -> str:
            return FOUND

    client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    service = OpenAIChatCompletion(ai_model_id="m", async_client=client)
    agent = ChatCompletionAgent(service=service, name="finder", plugins=[Invoices()])
    stub.script(Call("Invoices-find_invoice", {"number": "A1"}), ONE_TURN[1])
    with traced.recording():
        asyncio.run(agent.get_response("When?"))
    traced.check("semantic-kernel", uncached(total(1, 2)), tools=["Invoices-find_invoice"], text=ANSWER)


@pytest.mark.parametrize("wire", ["responses", "chat"])
async def test_openai_agents_by_traceloop(stub, emitter, traced, wire):
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openai import AsyncOpenAI
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    emitter(OpenAIAgentsInstrumentor())
    client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
    kind = OpenAIResponsesModel if wire == "responses" else OpenAIChatCompletionsModel
    agent = Agent(name="finder", model=kind("m", client), tools=[function_tool(find_invoice)])
    stub.script(*ONE_TURN)
    with traced.recording():
        await Runner.run(agent, "When?")
    # It tells nothing of chat completions.
    told = {"text": ANSWER} if wire == "responses" else {"text": None}
    traced.check(f"openai-agents-traceloop-{wire}", inside(total(1, 2)) if wire == "responses" else None,
                 tools=["find_invoice"], **told)  # fmt: skip


def test_agno_by_traceloop(stub, emitter, traced):
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat
    from opentelemetry.instrumentation.agno import AgnoInstrumentor

    emitter(AgnoInstrumentor())
    model = OpenAIChat(id="m", base_url=f"{stub.url}/v1", api_key="k")
    agent = Agent(name="finder", model=model, tools=[find_invoice], telemetry=False)
    stub.script(*ONE_TURN)
    with traced.recording():
        agent.run("When?")
    traced.check("agno-traceloop", uncached(total(1, 2)), **TOLD)
