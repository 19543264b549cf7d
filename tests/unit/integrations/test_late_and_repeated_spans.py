"""Spans that end after what is above them, that several processors see, or that tell calls beside a framework's."""

import logging
import threading

import pytest
from kept_reports import Reports
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased

from xpander_facade import Tokens
from xpander_facade._process.threads import join
from xpander_facade.integrations.opentelemetry import RunSpanProcessor, _processor

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "finder"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
FRAMEWORK, CLIENT = "framework", "com.anthropic.sdk.python"


@pytest.fixture
def provider(backend, make_provider):
    return make_provider(RunSpanProcessor(backend))


def call(provider, *, scope=FRAMEWORK, prompt=7, **attributes):
    """Make the span of a model's call, and return it open."""
    told = CHAT | {"gen_ai.usage.input_tokens": prompt}
    told |= {f"gen_ai.response.{name}": value for name, value in attributes.items()}
    return provider.get_tracer(scope).start_span("chat", attributes=told)


def agent(provider, **attributes):
    return provider.get_tracer(FRAMEWORK).start_as_current_span("agent", attributes=AGENT | attributes)


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("xpander_facade")]


class TestCallsThatEndLate:
    def test_a_call_that_ends_after_its_agent_counts_in_the_run(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider, final_result="In May."):
                call(provider).end()
                stream = call(provider, prompt=10)
            assert run.tokens == Tokens(7, 2)
            stream.set_attribute("gen_ai.completion", "In")
            stream.end()
        assert run.tokens == Tokens(17, 4)
        assert run.result == "In May."

    def test_so_does_one_deep_below_with_what_is_below_it(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider), provider.get_tracer(FRAMEWORK).start_as_current_span("step"):
                call(provider).end()
                inner = provider.get_tracer(FRAMEWORK).start_span("agent", attributes=AGENT)
                with trace.use_span(inner):
                    call(provider).end()
                    stream = call(provider, prompt=10)
            assert run.tokens == Tokens(14, 4)
            with trace.use_span(inner):
                call(provider, prompt=20).end()
            inner.end()
            stream.end()
        assert run.tokens == Tokens(44, 8)

    def test_its_text_is_the_runs_where_the_agent_told_none(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider):
                stream = call(provider)
            stream.set_attribute("gen_ai.completion", "In May.")
            stream.end()
        assert (run.tokens, run.result) == (Tokens(7, 2), "In May.")

    def test_a_client_below_a_call_that_was_told_adds_nothing(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider):
                framework = call(provider)
                with trace.use_span(framework):
                    client = call(provider, scope=CLIENT, prompt=8)
                framework.end()
            client.end()
        assert run.tokens == Tokens(7, 2)

    def test_a_client_that_ends_before_its_frameworks_late_call_adds_nothing(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider):
                framework = call(provider)
                with trace.use_span(framework):
                    client = call(provider, scope=CLIENT, prompt=8)
            client.end()
            framework.end()
        assert run.tokens == Tokens(7, 2)

    def test_a_late_call_takes_the_place_of_the_agents_own_sum(self, backend, provider):
        with backend.external_task() as run:
            with agent(provider, **{"gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 2}):
                stream = call(provider)
            assert run.tokens == Tokens(70, 2)
            stream.end()
        assert run.tokens == Tokens(7, 2)

    def test_calls_of_threads_that_outlast_the_agent_count_once_each(self, backend, provider):
        for _ in range(50):
            with backend.external_task() as run:
                with agent(provider):
                    streams = [call(provider) for _ in range(8)]
                    threads = [threading.Thread(target=stream.end) for stream in streams]
                    for thread in threads[:4]:
                        thread.start()
                for thread in threads[4:]:
                    thread.start()
                for thread in threads:
                    thread.join()
            assert run.tokens == Tokens(56, 16)

    def test_an_agent_without_a_run_is_reported_again_with_all(self, make_provider):
        reports = Reports()
        provider = make_provider(RunSpanProcessor(reports))
        with provider.get_tracer("asgi").start_as_current_span("POST /ask"), agent(provider, final_result="In May."):
            call(provider).end()
            with provider.get_tracer("asgi").start_as_current_span("other"):
                stream, connection = call(provider, prompt=10), provider.get_tracer("asgi").start_span("connect")
        connection.end()
        assert join(5)
        assert [report["tokens"] for report in reports.kept] == [Tokens(7, 2)]
        stream.end()
        assert join(5)
        assert [report["tokens"] for report in reports.kept] == [Tokens(7, 2), Tokens(17, 4)]
        first, last = reports.kept
        assert (first["id"], first["result"]) == (last["id"], "In May.") == (first["id"], last["result"])

    def test_the_later_report_waits_for_the_earlier(self, make_provider):
        reports, may_report = Reports(), threading.Event()
        report = reports.report_external_task

        def slow_at_first(**told):
            if told["tokens"] == Tokens(7, 2):
                assert may_report.wait(30)
            report(**told)

        reports.report_external_task = slow_at_first
        provider = make_provider(RunSpanProcessor(reports))
        with agent(provider):
            call(provider).end()
            stream = call(provider, prompt=10)
        stream.end()
        may_report.set()
        assert join(30)
        assert [report["tokens"] for report in reports.kept] == [Tokens(7, 2), Tokens(17, 4)]


class TestSeveralProcessors:
    def test_a_processor_that_was_added_twice_counts_once(self, backend, make_provider):
        processor = RunSpanProcessor(backend)
        for processors in ((processor, processor), (RunSpanProcessor(backend), RunSpanProcessor(backend))):
            provider = make_provider(*processors)
            with backend.external_task() as run:
                with agent(provider):
                    call(provider).end()
                call(provider).end()
            assert run.tokens == Tokens(14, 4)

    def test_two_backends_have_the_same_run_each(self, make_provider):
        several = Reports(), Reports()
        provider = make_provider(*map(RunSpanProcessor, several))
        with agent(provider):
            root = call(provider)  # some emitters give calls no parent
            provider.get_tracer(FRAMEWORK).start_span("chat", context=trace.set_span_in_context(trace.INVALID_SPAN),
                                                      attributes=CHAT).end()  # fmt: skip
            root.end()
        assert join(5)
        assert [[report["tokens"] for report in reports.kept] for reports in several] == [[Tokens(14, 4)]] * 2


class TestResponseIds:
    @pytest.mark.parametrize("is_recorded", [False, True], ids=["spans", "spans and record"])
    def test_other_counts_under_the_id_of_a_server_that_has_one_id_are_another_call(
        self, backend, provider, is_recorded
    ):
        with backend.external_task() as run:
            for prompt in (7, 10):
                call(provider, prompt=prompt, id="chatcmpl-123").end()
            for prompt in (7, 10) if is_recorded else ():
                run.record({"id": "chatcmpl-123", "object": "chat.completion", "choices": [],
                            "usage": {"prompt_tokens": prompt, "completion_tokens": 2}})  # fmt: skip
        assert run.tokens == Tokens(17, 4)

    @pytest.mark.parametrize("order", ["before", "after", "within"])
    def test_a_clients_call_with_another_id_than_all_of_the_frameworks_is_one_of_its_own(
        self, backend, provider, order
    ):
        own = lambda: call(provider, scope=CLIENT, prompt=10, id="msg_9").end()  # noqa: E731
        with backend.external_task() as run:
            if order == "before":
                own()
            with agent(provider):
                call(provider, scope=CLIENT, id="msg_1").end()
                call(provider, id="msg_1").end()
                if order == "within":
                    own()
                call(provider, id="msg_2").end()
            call(provider, scope=CLIENT, prompt=8, id="msg_2").end()  # a client that counts in its own way
            if order == "after":
                own()
        assert run.tokens == Tokens(24, 6)

    def test_a_clients_call_beside_a_framework_without_ids_may_be_the_frameworks(self, backend, provider):
        with backend.external_task() as run:
            call(provider, scope=CLIENT, prompt=10, id="msg_1").end()
            with agent(provider):
                call(provider).end()
            call(provider, scope=CLIENT, prompt=8, id="msg_2").end()
        assert run.tokens == Tokens(7, 2)

    def test_an_agent_without_a_run_has_its_clients_own_call(self, make_provider):
        reports = Reports()
        provider = make_provider(RunSpanProcessor(reports))
        with agent(provider):
            call(provider, id="msg_1").end()
            call(provider, scope=CLIENT, prompt=10, id="msg_9").end()
            call(provider, scope=CLIENT, id="msg_1").end()
        assert join(5)
        assert [report["tokens"] for report in reports.kept] == [Tokens(17, 4)]


class TestSpansThatNobodyEnds:
    def test_the_oldest_are_forgotten_and_new_ones_count(self, backend, provider, monkeypatch):
        monkeypatch.setattr(_processor, "MAX_OPEN_SPANS", 3)
        with backend.external_task() as run:
            left = [call(provider) for _ in range(9)]
            call(provider).end()
        assert run.tokens == Tokens(7, 2)
        for span in left:
            span.end()


class TestWhatKeepsSpansAway:
    @pytest.fixture(autouse=True)
    def level(self, caplog):
        caplog.set_level(logging.WARNING)

    def test_a_sampler_by_parents_that_takes_a_part_is_said(self, backend, make_provider, caplog, monkeypatch):
        provider = make_provider(RunSpanProcessor(backend), sampler=ParentBased(TraceIdRatioBased(0)))
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        with backend.external_task(), agent(provider):
            call(provider).end()
        (text,) = warnings_in(caplog)
        assert "the sampler ParentBased{root:TraceIdRatioBased{0}" in text
        assert "not sampled" in text

    def test_a_caller_that_does_not_sample_is_said(self, backend, provider, caplog, monkeypatch):
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        caller = trace.SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=trace.TraceFlags(0))
        with trace.use_span(trace.NonRecordingSpan(caller)), backend.external_task(), agent(provider):
            call(provider).end()
        (text,) = warnings_in(caplog)
        assert f"{0xABC:032x}, which is not sampled, by the caller's choice" in text

    @pytest.mark.parametrize("sampler", [ALWAYS_ON, ParentBased(ALWAYS_ON), ParentBased(TraceIdRatioBased(1.0))])
    def test_a_provider_without_the_processor_is_said(self, backend, make_provider, caplog, monkeypatch, sampler):
        processor, provider = RunSpanProcessor(backend), make_provider(sampler=sampler)
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        for _ in range(2):
            with backend.external_task(), agent(provider):
                call(provider).end()
        processor.shutdown()
        (text,) = warnings_in(caplog)
        assert "none has reached the RunSpanProcessor yet: add it to the provider" in text
        assert "TracerProvider of opentelemetry.sdk.trace" in text

    def test_a_run_without_calls_is_no_reason_where_spans_come(self, backend, provider, caplog):
        with backend.external_task():
            call(provider).end()
        with backend.external_task():
            pass
        assert warnings_in(caplog) == []
