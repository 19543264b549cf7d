"""What real emitters' spans tell counts once, in a run and by the agent's span alone."""

import contextlib
from types import SimpleNamespace

import pytest
from replayed_spans import SAMPLES, load, replay

from xpander_facade import Backend, Configuration, Tokens
from xpander_facade._process.threads import join
from xpander_facade.integrations.opentelemetry import RunSpanProcessor


class Reports:
    """A backend that keeps what it is told to report: under the same id the last report, as the platform does."""

    def __init__(self):
        self.configuration = SimpleNamespace(outbox=None)
        self.kept = {}

    def report_external_task(self, **report):
        self.kept[report["id"]] = report


def right(sample):
    counts = sample["told"]["tokens"]
    return {
        "tokens": None if counts is None else Tokens(*counts),
        "tools": sample["told"]["tools"],
        "text": sample["told"]["text"],
    }


@pytest.fixture
def backend():
    return Backend(Configuration(disabled=True, agent_id="agent-1"))


def test_there_are_recordings_of_twelve_emitters_and_more():
    emitters = {span["scope"] for name in SAMPLES for span in load(name)["spans"]}
    assert len(emitters) >= 12, sorted(emitters)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_run_has_the_calls_that_spans_tell(backend, name):
    sample = load(name)
    processor = RunSpanProcessor(backend)
    with backend.external_task() as run:
        replay(processor, sample["spans"])
    processor.shutdown()
    assert {"tokens": run.tokens, "tools": run.used_tools, "text": run.result} == right(sample)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_agent_without_a_run_is_one(name):
    sample = load(name)
    reports = Reports()
    processor = RunSpanProcessor(reports)
    replay(processor, sample["spans"])
    processor.shutdown()
    assert join(5)
    if not sample["told"]["is_agent"]:
        assert reports.kept == {}
        return
    (report,) = reports.kept.values()
    assert report["duration"] > 0
    assert {"tokens": report["tokens"], "tools": report["used_tools"], "text": report["result"]} == right(sample)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_servers_span_above_changes_nothing(name):
    sample = load(name)
    reports = Reports()
    processor = RunSpanProcessor(reports)
    traces = {span["trace"] for span in sample["spans"]}
    (trace, *_) = sorted(traces)
    last = max(span["end"] for span in sample["spans"])
    server = {
        "name": "POST /ask", "scope": "opentelemetry.instrumentation.asgi", "version": "1", "start": 0, "end": last + 1,
        "trace": trace, "id": "abcdef", "parent": None, "is_ok": True, "attributes": {}, "events": [],
    }  # fmt: skip
    below = [
        {**span, "parent": span["parent"] or ("abcdef" if span["trace"] == trace else None)} for span in sample["spans"]
    ]
    replay(processor, [server, *below])
    processor.shutdown()
    assert join(5)
    if len(traces) > 1 or not sample["told"]["is_agent"]:
        return
    (report,) = reports.kept.values()
    assert {"tokens": report["tokens"], "tools": report["used_tools"], "text": report["result"]} == right(sample)


# A crew's second kickoff has four: traceloop tells what its models have counted since they were made.
@pytest.mark.parametrize(("requests", "is_warned"), [(2, False), (4, True)])
@pytest.mark.parametrize("mode", ["run", "agent"])
def test_a_sum_that_can_hold_earlier_runs_is_warned_of(backend, caplog, mode, requests, is_warned):
    spans = load("crewai-traceloop-plain")["spans"]
    for span in spans:
        if usage := span["attributes"].get("crewai.crew.token_usage"):
            span["attributes"]["crewai.crew.token_usage"] = usage.replace(
                "successful_requests=2", f"successful_requests={requests}"
            )
    processor = RunSpanProcessor(backend if mode == "run" else Reports())
    with caplog.at_level("WARNING"), backend.external_task() if mode == "run" else contextlib.nullcontext():
        replay(processor, spans)
        assert join(5)
    processor.shutdown()
    warned = [record.getMessage() for record in caplog.records if "can hold earlier runs" in record.getMessage()]
    assert len(warned) == is_warned, warned
