"""The span processor beside a real tracer: which run a span is in, what it says, and what it never does."""

import contextvars
import json
import threading
import time
from types import SimpleNamespace

import pytest
from kept_reports import Reports
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from xpander_facade import IntegrationError, Tokens
from xpander_facade._process.threads import join
from xpander_facade.integrations.opentelemetry import RunSpanProcessor

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "finder"}


@pytest.fixture
def make_tracer(make_provider):
    return lambda processor, **options: make_provider(processor, **options).get_tracer("framework")


@pytest.fixture
def tracer(backend, make_tracer):
    return make_tracer(RunSpanProcessor(backend))


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("xpander_facade")]


def test_a_call_counts_as_soon_as_its_tree_has_ended(backend, tracer):
    with backend.external_task() as run:
        with tracer.start_as_current_span("agent", attributes=AGENT):
            with tracer.start_as_current_span("chat", attributes=CHAT):
                pass
            assert run.tokens is None
        assert run.tokens == Tokens(7, 2)


def test_each_run_has_its_own_calls(backend, tracer):
    with backend.external_task() as outer:
        with tracer.start_as_current_span("chat", attributes=CHAT):
            pass
        with backend.external_task() as inner, tracer.start_as_current_span("chat", attributes=CHAT):
            pass
    assert (outer.tokens, inner.tokens) == (Tokens(7, 2), Tokens(7, 2))


def test_a_run_inside_of_a_servers_span_takes_its_own(backend, tracer):
    with tracer.start_as_current_span("POST /ask"):
        with backend.external_task() as first, tracer.start_as_current_span("chat", attributes=CHAT):
            pass
        with backend.external_task() as second, tracer.start_as_current_span("chat", attributes=CHAT):
            pass
    assert (first.tokens, second.tokens) == (Tokens(7, 2), Tokens(7, 2))


def test_threads_with_a_copied_context_are_in_the_run(backend, tracer):
    def call():
        with tracer.start_as_current_span("chat", attributes=CHAT):
            pass

    with backend.external_task() as run:
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(call,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert run.tokens == Tokens(56, 16)


def test_a_tree_that_is_left_is_taken_when_the_run_ends(backend, tracer):
    with backend.external_task() as run:
        agent = tracer.start_span("agent", attributes=AGENT)
        with trace.use_span(agent), tracer.start_as_current_span("chat", attributes=CHAT):
            pass
    assert run.tokens == Tokens(7, 2)
    agent.end()
    assert run.tokens == Tokens(7, 2)


def test_a_response_that_is_recorded_too_counts_once(backend, tracer):
    told = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2}}  # fmt: skip
    for attributes in (CHAT, CHAT | {"gen_ai.response.id": "chatcmpl-1"}):
        with backend.external_task() as run:
            with tracer.start_as_current_span("chat", attributes=attributes):
                pass
            run.record(told)
        assert run.tokens == Tokens(7, 2)


def test_a_response_with_another_id_is_another_call(backend, tracer):
    with backend.external_task() as run:
        with tracer.start_as_current_span("chat", attributes=CHAT | {"gen_ai.response.id": "chatcmpl-1"}):
            pass
        run.record({"id": "chatcmpl-2", "object": "chat.completion", "choices": [],
                    "usage": {"prompt_tokens": 7, "completion_tokens": 2}})  # fmt: skip
    assert run.tokens == Tokens(14, 4)


def test_a_sum_that_is_recorded_too_counts_once(backend, tracer):
    with backend.external_task() as run:
        for number in (1, 2):
            with tracer.start_as_current_span("chat", attributes=CHAT | {"gen_ai.response.id": f"msg_{number}"}):
                pass
        run.record(SimpleNamespace(raw="done", token_usage=SimpleNamespace(
            prompt_tokens=14, completion_tokens=4, total_tokens=18, cached_prompt_tokens=0, successful_requests=2),
            tasks_output=[], json_dict=None, pydantic=None))  # fmt: skip
    assert run.tokens == Tokens(14, 4)


def test_an_outermost_agent_is_a_run_of_its_own(make_tracer):
    reports = Reports()
    tracer = make_tracer(RunSpanProcessor(reports, agent_id="agent-2"))
    with (
        tracer.start_as_current_span("agent", attributes=AGENT | {"input.value": "When?", "final_result": "May"}),
        tracer.start_as_current_span("agent", attributes=AGENT),
        tracer.start_as_current_span("chat", attributes=CHAT),
    ):
        pass
    assert join(5)
    (report,) = reports.kept
    assert (report["agent_id"], report["input"], report["result"]) == ("agent-2", "When?", "May")
    assert report["tokens"] == Tokens(7, 2)
    assert report["is_success"]
    assert len(report["id"]) == 32 + 1 + 16


def test_an_agent_that_fails_is_a_failed_run_with_its_reason(make_tracer):
    reports = Reports()
    tracer = make_tracer(RunSpanProcessor(reports, content=False))
    with pytest.raises(LookupError), tracer.start_as_current_span("agent", attributes=AGENT):
        raise LookupError("no invoice")
    assert join(5)
    (report,) = reports.kept
    assert not report["is_success"]
    assert report["result"] == "LookupError: no invoice"


def test_agents_can_be_left_to_blocks_alone(make_tracer):
    reports = Reports()
    tracer = make_tracer(RunSpanProcessor(reports, agents=False))
    with tracer.start_as_current_span("agent", attributes=AGENT):
        pass
    assert join(5)
    assert reports.kept == []


def test_agents_at_the_same_time_in_one_trace_are_a_run_each(make_tracer):
    reports = Reports()
    tracer = make_tracer(RunSpanProcessor(reports))

    def agent():
        with tracer.start_as_current_span("agent", attributes=AGENT):
            barrier.wait(10)
            with tracer.start_as_current_span("chat", attributes=CHAT):
                barrier.wait(10)

    barrier = threading.Barrier(3)
    with tracer.start_as_current_span("POST /ask"):
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(agent,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert join(5)
    assert [report["tokens"] for report in reports.kept] == [Tokens(7, 2)] * 3
    assert len({report["id"] for report in reports.kept}) == 3


def test_an_end_does_not_wait_for_the_report(make_tracer):
    reports, may_report = Reports(), threading.Event()
    report = reports.report_external_task
    reports.report_external_task = lambda **told: may_report.wait(30) and report(**told)
    tracer = make_tracer(RunSpanProcessor(reports))
    began = time.monotonic()
    with tracer.start_as_current_span("agent", attributes=AGENT):
        pass
    assert time.monotonic() - began < 10
    assert reports.kept == []
    may_report.set()
    assert join(30)
    assert len(reports.kept) == 1


def test_a_report_that_fails_is_logged(make_tracer, caplog):
    reports = Reports()

    def fail(**told):
        raise ValueError("no agent")

    reports.report_external_task = fail
    tracer = make_tracer(RunSpanProcessor(reports))
    with tracer.start_as_current_span("agent", attributes=AGENT):
        pass
    assert join(5)
    assert any("was not reported: no agent" in text for text in warnings_in(caplog))


def test_no_provider_is_said_once(backend, caplog):
    processor = RunSpanProcessor(backend)
    for _ in range(2):
        with backend.external_task():
            pass
    processor.shutdown()
    (text,) = warnings_in(caplog)
    assert "no tracer provider is set" in text
    assert "set_tracer_provider" in text


def test_what_is_not_sampled_is_said(backend, make_tracer, caplog, monkeypatch):
    provider = TracerProvider(sampler=TraceIdRatioBased(0))
    provider.add_span_processor(RunSpanProcessor(backend))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    with backend.external_task(), provider.get_tracer("x").start_as_current_span("chat", attributes=CHAT):
        pass
    provider.shutdown()
    (text,) = warnings_in(caplog)
    assert "TraceIdRatioBased{0" in text
    assert "not sampled" in text


def test_a_run_with_tokens_needs_no_spans(backend, caplog):
    processor = RunSpanProcessor(backend)
    with backend.external_task() as run:
        run.tokens = Tokens(1, 1)
    processor.shutdown()
    assert warnings_in(caplog) == []


def test_attributes_that_were_cut_are_said(backend, make_tracer, caplog):
    tracer = make_tracer(RunSpanProcessor(backend), span_limits=SpanLimits(max_span_attributes=2))
    attributes = {**CHAT, **{f"llm.input_messages.{number}": "x" for number in range(9)}}
    with backend.external_task(), tracer.start_as_current_span("chat", attributes=attributes):
        pass
    (text,) = warnings_in(caplog)
    assert "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" in text


def test_a_processor_that_was_shut_down_watches_no_runs(backend, caplog):
    RunSpanProcessor(backend).shutdown()
    with backend.external_task():
        pass
    assert warnings_in(caplog) == []


def test_it_takes_a_backend_and_nothing_else():
    with pytest.raises(IntegrationError, match="takes a Backend, not a str"):
        RunSpanProcessor("key")


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("cache_read_input_tokens", "cache_creation_input_tokens"),  # as Claude calls them
        ("input_cache_read", "input_cache_creation"),  # of a streamed answer, by the handler for LangChain
    ],
)
def test_langfuse_names_what_a_cache_did_by_the_way_an_answer_came(backend, make_tracer, read, write):
    tracer = make_tracer(RunSpanProcessor(backend))
    used = json.dumps({"input": 10, "output": 30, "total": 547, read: 7, write: 500})
    told = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": used}
    with backend.external_task() as run:
        tracer.start_span("chat", attributes=told).end()
    assert run.tokens == Tokens(10, 30, cache_read_tokens=7, cache_write_tokens=500)
