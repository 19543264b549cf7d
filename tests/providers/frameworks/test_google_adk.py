"""Google's ADK: events of a runner, with Gemini and with LiteLLM."""

import pytest
from google.adk.agents import Agent, RunConfig
from google.adk.agents.run_config import StreamingMode
from google.adk.models.google_llm import Gemini
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.adk.tools.agent_tool import AgentTool
from google.genai import types
from loopback import Call, Refuse, Say, total
from readings import check, inside
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, ONE_TURN, STRUCTURED, Due

LIBRARY = "google-adk"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.fixture(params=["gemini", "litellm"])
def wire(request):
    return request.param


@pytest.fixture
def model(stub, wire, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stub.url)
    if wire == "gemini":
        return lambda: Gemini(model="gemini-stub-001", retry_options=types.HttpRetryOptions(attempts=1))
    return lambda: LiteLlm(model="openai/gemini-stub-001", api_base=f"{stub.url}/v1", api_key="k", num_retries=0)


@pytest.fixture
def agent(model):
    return lambda **options: Agent(name="finder", description="Finds.", model=model(), tools=[find_invoice], **options)


class Conversation:
    """One session of an agent."""

    def __init__(self, agent):
        self.runner = InMemoryRunner(agent=agent, app_name="app")
        self.id = None

    async def ask(self, question="When?", mode=None):
        if self.id is None:
            self.id = (await self.runner.session_service.create_session(app_name="app", user_id="u")).id
        message = types.Content(role="user", parts=[types.Part(text=question)])
        config = RunConfig(streaming_mode=mode) if mode else None
        stream = self.runner.run_async(user_id="u", session_id=self.id, new_message=message, run_config=config)
        return [event async for event in stream]

    async def session(self):
        return await self.runner.session_service.get_session(app_name="app", user_id="u", session_id=self.id)


async def test_a_run(stub, agent):
    stub.script(*ONE_TURN)
    conversation = Conversation(agent())
    events = await conversation.ask()
    check(LIBRARY, "run_async()", events, inside(total(1, 2)), **TOLD, model="gemini-stub-001", column="plain")
    check(LIBRARY, "Session", await conversation.session(), inside(total(1, 2)), **TOLD)


async def test_a_streamed_run(stub, agent):
    stub.script(*ONE_TURN)
    events = await Conversation(agent()).ask(mode=StreamingMode.SSE)
    check(LIBRARY, "run_async(), SSE", events, inside(total(1, 2)), **TOLD, column="streamed")


async def test_a_second_turn(stub, agent):
    conversation = Conversation(agent())
    stub.script(*ONE_TURN, Say("Only this."))
    await conversation.ask()
    check(LIBRARY, "second run_async()", await conversation.ask("And?"), inside(total(3)), text="Only this.",
          column="second turn")  # fmt: skip


async def test_an_agent_as_a_tool(stub, agent, model):
    outer = Agent(name="office", model=model(), tools=[AgentTool(agent=agent())])
    stub.script(Call("finder", {"request": "When?"}), *ONE_TURN, Say(NESTED_ANSWER))
    check(LIBRARY, "run_async(), AgentTool", await Conversation(outer).ask(), inside(total(1, 4)), tools=["finder"],
          text=NESTED_ANSWER, column="nested", reason="an AgentTool's run is in none of the events")  # fmt: skip


async def test_a_transfer_is_not_a_tool(stub, agent, model):
    outer = Agent(name="office", model=model(), sub_agents=[agent()])
    stub.script(Call("transfer_to_agent", {"agent_name": "finder"}), *ONE_TURN)
    check(LIBRARY, "run_async(), transfer", await Conversation(outer).ask(), inside(total(1, 2, 3)), **TOLD)


async def test_structured_output(stub, agent):
    stub.script(LOOK_UP, Say(STRUCTURED))
    events = await Conversation(agent(output_schema=Due)).ask()
    check(LIBRARY, "run_async(), output_schema", events, inside(total(1, 2)), tools=["find_invoice"], text=STRUCTURED,
          column="structured")  # fmt: skip


async def test_structured_output_by_a_tool(stub, agent, wire):
    if wire == "litellm":
        pytest.skip("the library asks LiteLLM's models for a schema and has no such tool there")
    stub.script(LOOK_UP, Call("set_model_response", STRUCTURED))
    events = await Conversation(agent(output_schema=Due)).ask()
    check(LIBRARY, "run_async(), set_model_response", events, inside(total(1, 2)), tools=["find_invoice"],
          text=STRUCTURED)  # fmt: skip


async def test_a_failing_run(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(Exception, match="the stub refuses") as caught:
        await Conversation(agent()).ask()
    check(LIBRARY, type(caught.value).__name__, caught.value, None, column="failing",
          reason="raises; the events before it tell what the run cost")  # fmt: skip
