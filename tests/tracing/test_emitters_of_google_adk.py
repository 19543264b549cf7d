"""Google's ADK, which makes spans by itself."""

import pytest
from google.adk.agents import Agent
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.genai import types
from loopback import total
from readings import inside
from scenario import ANSWER, FOUND, ONE_TURN


def find_invoice(number: str) -> str:
    """Find an invoice."""
    return FOUND


@pytest.mark.parametrize("has_content", [False, True], ids=["bare", "content"])
async def test_google_adk(stub, traced, monkeypatch, has_content):
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stub.url)
    if has_content:
        monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")
    model = Gemini(model="gemini-stub-001", retry_options=types.HttpRetryOptions(attempts=1))
    agent = Agent(name="finder", description="Finds.", model=model, tools=[find_invoice])
    runner = InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name="app", user_id="u")
    stub.script(*ONE_TURN)
    with traced.recording():
        message = types.Content(role="user", parts=[types.Part(text="When?")])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=message):
            pass
    traced.check(f"google-adk-{'content' if has_content else 'bare'}", inside(total(1, 2)), tools=["find_invoice"],
                 text=ANSWER if has_content else None)  # fmt: skip
