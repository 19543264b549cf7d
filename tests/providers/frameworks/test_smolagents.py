"""smolagents: results with return_full_result=True, plain answers and streamed steps."""

import pytest
from loopback import Call, Refuse, Say, total
from readings import check
from scenario import ANSWER, FOUND, LOOK_UP, NESTED_ANSWER, STRUCTURED
from smolagents import AgentGenerationError, CodeAgent, OpenAIServerModel, ToolCallingAgent, tool

from xpander_facade import Tokens

LIBRARY = "smolagents"
TOLD = {"tools": ["find_invoice"], "text": ANSWER}
ONE_RUN = (LOOK_UP, Call("final_answer", {"answer": ANSWER}))


def uncached(counts):
    """The library does not keep what came from a cache."""
    return Tokens(counts.prompt, counts.completion)


@tool
def find_invoice(number: str) -> str:
    """Find an invoice.

    Args:
        number: The number.
    """
    return FOUND


@pytest.fixture
def model(stub):
    return OpenAIServerModel(
        model_id="stub-model", api_base=f"{stub.url}/v1", api_key="k", client_kwargs={"max_retries": 0}
    )


@pytest.fixture
def agent(model):
    return ToolCallingAgent(tools=[find_invoice], model=model, verbosity_level=0, return_full_result=True)


def test_a_run(stub, agent):
    stub.script(*ONE_RUN)
    check(LIBRARY, "RunResult", agent.run("When?"), uncached(total(1, 2)), **TOLD, column="plain")


def test_a_run_returns_a_bare_answer_by_default(stub, model):
    agent = ToolCallingAgent(tools=[find_invoice], model=model, verbosity_level=0)
    stub.script(*ONE_RUN)
    answer = agent.run("When?")
    assert answer == ANSWER
    check(LIBRARY, "run() without return_full_result", answer, None,
          reason="a str without counts: return_full_result=True")  # fmt: skip


def test_a_streamed_run(stub, agent):
    stub.script(*ONE_RUN)
    check(LIBRARY, "run(stream=True)", list(agent.run("When?", stream=True)), uncached(total(1, 2)), **TOLD,
          column="streamed")  # fmt: skip


def test_a_second_turn(stub, agent):
    stub.script(*ONE_RUN, Call("final_answer", {"answer": "Only this."}))
    agent.run("When?")
    check(LIBRARY, "second RunResult", agent.run("And?", reset=False), uncached(total(3)), text="Only this.",
          column="second turn")  # fmt: skip


def test_a_second_turn_from_scratch(stub, agent):
    stub.script(*ONE_RUN, *ONE_RUN)
    agent.run("When?")
    check(LIBRARY, "second RunResult, reset", agent.run("And?"), uncached(total(3, 4)), **TOLD)


def test_a_managed_agent(stub, model):
    inner = ToolCallingAgent(tools=[find_invoice], model=model, verbosity_level=0, name="finder", description="Finds.")
    outer = ToolCallingAgent(tools=[], managed_agents=[inner], model=model, verbosity_level=0, return_full_result=True)
    stub.script(Call("finder", {"task": "When?"}), *ONE_RUN, Call("final_answer", {"answer": NESTED_ANSWER}))
    check(LIBRARY, "RunResult, managed agent", outer.run("When?"), uncached(total(1, 4)), tools=["finder"],
          text=NESTED_ANSWER, column="nested", reason="the steps of a managed agent are not in the result")  # fmt: skip


def test_structured_output(stub, agent):
    stub.script(LOOK_UP, Call("final_answer", {"answer": STRUCTURED}))
    check(LIBRARY, "RunResult, a dict", agent.run("When?"), uncached(total(1, 2)), tools=["find_invoice"],
          text=STRUCTURED, column="structured")  # fmt: skip


def test_a_code_agent(stub, model):
    agent = CodeAgent(tools=[find_invoice], model=model, verbosity_level=0, return_full_result=True)
    stub.script(
        Say("<code>\nprint(find_invoice(number='A1'))\n</code>"),
        Say(f"<code>\nfinal_answer({ANSWER!r})\n</code>"),
    )
    check(LIBRARY, "RunResult of a CodeAgent", agent.run("When?"), uncached(total(1, 2)), tools=["python_interpreter"],
          text=ANSWER)  # fmt: skip


def test_a_run_that_reached_its_last_step(stub, model, record):
    agent = ToolCallingAgent(tools=[find_invoice], model=model, verbosity_level=0, return_full_result=True, max_steps=1)
    stub.script(LOOK_UP, Say("I could not find it."))
    result = agent.run("When?")
    run = record(result)
    assert run.is_success is False
    check(LIBRARY, "RunResult, max_steps_error", result, uncached(total(1, 2)), tools=["find_invoice"],
          text="I could not find it.", column="failing")  # fmt: skip


def test_a_run_that_raises(stub, agent):
    stub.script(LOOK_UP, Refuse())
    with pytest.raises(AgentGenerationError) as caught:
        agent.run("When?")
    check(LIBRARY, type(caught.value).__name__, caught.value, None)
