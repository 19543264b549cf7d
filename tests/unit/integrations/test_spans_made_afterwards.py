"""Emitters that make spans after the fact: a span ends before those below it begin, on a thread without the run."""

import threading

import pytest
from kept_reports import Reports
from opentelemetry import trace

from xpander_facade import Backend, Configuration, Tokens
from xpander_facade._process.threads import join
from xpander_facade.integrations.opentelemetry import RunSpanProcessor, _processor

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
CHAIN = {"langsmith.span.kind": "chain"}
TOOL = {"langsmith.span.kind": "tool", "gen_ai.tool.name": "look"}


@pytest.fixture
def make_tracer(make_provider):
    def make(backend):
        processor = backend if isinstance(backend, RunSpanProcessor) else RunSpanProcessor(backend)
        return make_provider(processor).get_tracer("langsmith")

    return make


def emit(tracer, above=None, *, text="In May."):
    """Make the spans of an agent that calls a model, a tool and the model again, on another thread."""

    def made(name, parent, attributes):
        span = tracer.start_span(name, context=trace.set_span_in_context(parent), attributes=attributes)
        span.end()
        return span

    def work():
        agent = made("agent", above or trace.INVALID_SPAN, CHAIN | {"gen_ai.prompt": "When?"})
        step = made("model", agent, CHAIN)
        call = made("chat", step, CHAT | {"gen_ai.completion": ""})
        made("client", call, CHAT)  # tells the call again
        made("look", made("tools", agent, CHAIN), TOOL)
        made("chat", made("model", agent, CHAIN), CHAT | {"gen_ai.completion": text})

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_they_are_one_run_whose_last_report_has_all(make_tracer):
    reports = Reports()
    emit(make_tracer(reports))
    assert join(5)
    assert len({report["id"] for report in reports.kept}) == 1
    last = reports.kept[-1]
    assert (last["tokens"], last["used_tools"], last["result"]) == (Tokens(14, 4), ["look"], "In May.")
    assert [report["tokens"] for report in reports.kept] == [Tokens(7, 2), Tokens(7, 2), Tokens(14, 4)]
    assert all(report["input"] == "When?" for report in reports.kept)


def test_a_chain_without_a_call_is_no_run(make_tracer):
    reports = Reports()
    tracer = make_tracer(reports)
    with tracer.start_as_current_span("chain", attributes=CHAIN | {"gen_ai.operation.name": "chain"}) as chain:
        pass
    tracer.start_span("look", context=trace.set_span_in_context(chain), attributes=TOOL).end()
    assert join(5)
    assert reports.kept == []


def test_below_a_span_of_a_run_they_are_the_runs(make_tracer):
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    tracer = make_tracer(backend)
    with backend.external_task() as run:
        with tracer.start_as_current_span("ask") as above:
            pass
        emit(tracer, above)
    assert (run.tokens, run.used_tools, run.result) == (Tokens(14, 4), ["look"], "In May.")


def test_after_the_end_of_their_run_they_are_no_other_runs(make_tracer):
    reports = Reports()
    tracer = make_tracer(reports)
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    with backend.external_task() as run, tracer.start_as_current_span("ask") as above:
        pass
    emit(tracer, above)
    assert join(5)
    assert (run.tokens, reports.kept) == (None, [])


def test_few_ended_spans_are_kept(make_tracer, monkeypatch):
    monkeypatch.setattr(_processor, "MAX_ENDED_SPANS", 2)
    processor = RunSpanProcessor(Reports())
    emit(make_tracer(processor))
    assert len(processor._ended) == 2


@pytest.mark.parametrize("name", ["gen_ai.completion", "final_result"])
def test_the_output_of_a_span_that_is_open_is_no_result(make_tracer, name):
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    tracer = make_tracer(backend)
    with backend.external_task() as run:
        with tracer.start_as_current_span("ask"):
            span = tracer.start_span("chat", attributes=CHAT | CHAIN | {name: "{}"})
        assert run.result is None
        span.set_attribute(name, "In May.")
        span.end()
    assert run.result == "In May." if name == "gen_ai.completion" else run.result is None


def test_a_span_with_a_model_and_counts_is_a_call_without_a_kind(make_tracer):
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
    tracer = make_tracer(backend)
    told = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
    with (
        backend.external_task() as run,
        tracer.start_as_current_span("turn", attributes={"usage": '{"input_tokens":9}'}),
    ):
        tracer.start_span("Chat completion with {gen_ai.request.model!r}", attributes=told).end()
    assert run.tokens == Tokens(7, 2)
