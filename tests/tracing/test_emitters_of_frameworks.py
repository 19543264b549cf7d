"""Frameworks that make spans by themselves, and instrumentors for them: each call counts once, in a run and without."""

import pytest
from loopback import Call, Say, total
from readings import inside
from scenario import ANSWER, FOUND, NESTED_ANSWER, ONE_TURN

TOOLS = ["find_invoice"]
TOLD = {"tools": TOOLS, "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


class TestPydanticAI:
    @pytest.fixture(params=["chat", "responses", "anthropic"])
    def wire(self, request):
        return request.param

    @pytest.fixture
    def model(self, stub, wire):
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
        from pydantic_ai.providers.anthropic import AnthropicProvider
        from pydantic_ai.providers.openai import OpenAIProvider

        if wire == "anthropic":
            return AnthropicModel("stub-model", provider=AnthropicProvider(base_url=stub.url, api_key="k"))
        kind = OpenAIChatModel if wire == "chat" else OpenAIResponsesModel
        return kind("stub-model", provider=OpenAIProvider(base_url=f"{stub.url}/v1", api_key="k"))

    @pytest.fixture
    def agent(self, model, provider):
        from pydantic_ai import Agent, InstrumentationSettings

        Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
        yield Agent(model, tools=[find_invoice])
        Agent.instrument_all(False)

    def counted(self, wire, *numbers):
        return inside(total(*numbers), written=wire == "anthropic")

    async def test_a_run(self, stub, agent, wire, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            await agent.run("When?")
        traced.check(f"pydantic-ai-{wire}", self.counted(wire, 1, 2), **TOLD)

    async def test_a_streamed_run(self, stub, agent, wire, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            async with agent.run_stream("When?") as result:
                async for _ in result.stream_text():
                    pass
        traced.check(f"pydantic-ai-{wire}-stream", self.counted(wire, 1, 2), **TOLD)

    async def test_an_agent_in_a_tool(self, stub, agent, model, wire, traced):
        from pydantic_ai import Agent

        outer = Agent(model)

        @outer.tool_plain
        async def ask_finder(question: str) -> str:
            return (await agent.run(question)).output

        stub.script(Call("ask_finder", {"question": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
        with traced.recording():
            await outer.run("When?")
        traced.check(f"pydantic-ai-{wire}-nested", self.counted(wire, 1, 2, 3, 4), tools=["ask_finder", *TOOLS],
                     text=NESTED_ANSWER)  # fmt: skip

    async def test_a_second_turn(self, stub, agent, wire, traced):
        stub.script(*ONE_TURN, *ONE_TURN)
        first = await agent.run("When?")
        with traced.recording():
            await agent.run("And?", message_history=first.all_messages())
        traced.check(f"pydantic-ai-{wire}-second", self.counted(wire, 3, 4), **TOLD)


class TestLangGraph:
    @pytest.fixture(autouse=True)
    def instrumented(self, emitter):
        from openinference.instrumentation.langchain import LangChainInstrumentor

        emitter(LangChainInstrumentor())

    @pytest.fixture
    def agent(self, stub):
        from langchain.agents import create_agent
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="m", base_url=f"{stub.url}/v1", api_key="k", max_retries=0, stream_usage=True)
        return create_agent(model, tools=[find_invoice])

    def test_a_run(self, stub, agent, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            agent.invoke({"messages": [("user", "When?")]})
        traced.check("langgraph-openinference", inside(total(1, 2)), **TOLD)

    async def test_a_streamed_run(self, stub, agent, traced):
        stub.script(*ONE_TURN)
        with traced.recording():
            async for _ in agent.astream({"messages": [("user", "When?")]}, stream_mode="messages"):
                pass
        traced.check("langgraph-openinference-stream", inside(total(1, 2)), **TOLD)

    def test_a_client_that_makes_spans_of_its_own(self, stub, traced):
        from langchain.agents import create_agent
        from langchain_anthropic import ChatAnthropic

        agent = create_agent(ChatAnthropic(model="m", base_url=stub.url, api_key="k", max_retries=0), [find_invoice])
        stub.script(*ONE_TURN)
        with traced.recording():
            agent.invoke({"messages": [("user", "When?")]})
        traced.check("langgraph-openinference-anthropic", inside(total(1, 2), written=True), **TOLD)


class TestOpenAIAgents:
    @pytest.fixture(params=["responses", "chat"])
    def agent(self, request, stub):
        from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, function_tool
        from openai import AsyncOpenAI

        client = AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k", max_retries=0)
        kind = OpenAIResponsesModel if request.param == "responses" else OpenAIChatCompletionsModel
        self.wire = request.param
        settings = ModelSettings(include_usage=True)  # else a streamed chat tells no counts
        tools = [function_tool(find_invoice)]
        return Agent(name="finder", model=kind("stub-model", client), tools=tools, model_settings=settings)

    def tokens(self, *numbers):
        tokens = inside(total(*numbers))
        tokens.cache_read_tokens = tokens.cache_read_tokens if self.wire == "responses" else 0  # they are not told
        return tokens

    async def test_a_run(self, stub, emitter, agent, traced):
        from agents import Runner
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

        emitter(OpenAIAgentsInstrumentor())
        stub.script(*ONE_TURN)
        with traced.recording():
            await Runner.run(agent, "When?")
        traced.check(f"openai-agents-{self.wire}", self.tokens(1, 2), **TOLD)

    async def test_a_streamed_run(self, stub, emitter, agent, traced):
        from agents import Runner
        from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

        emitter(OpenAIAgentsInstrumentor())
        stub.script(*ONE_TURN)
        with traced.recording():
            async for _ in Runner.run_streamed(agent, "When?").stream_events():
                pass
        traced.check(f"openai-agents-{self.wire}-stream", self.tokens(1, 2), **TOLD)


class TestAgno:
    @pytest.mark.parametrize("wire", ["openai", "anthropic"])
    async def test_a_run(self, stub, emitter, traced, wire):
        from agno.agent import Agent
        from agno.models.anthropic import Claude
        from agno.models.openai import OpenAIChat
        from openinference.instrumentation.agno import AgnoInstrumentor

        emitter(AgnoInstrumentor())
        if wire == "openai":
            model = OpenAIChat(id="m", base_url=f"{stub.url}/v1", api_key="k")
        else:
            model = Claude(id="m", api_key="k", client_params={"base_url": stub.url})
        agent = Agent(name="finder", model=model, tools=[find_invoice], telemetry=False)
        stub.script(*ONE_TURN)
        with traced.recording():
            await agent.arun("When?")
        tokens = inside(total(1, 2), written=wire == "anthropic")
        if wire == "anthropic":
            tokens.prompt_tokens = total(1, 2).uncached
        traced.check(f"agno-{wire}", tokens, **TOLD)
