"""A tracer that all emitters share, with the processor, and what it makes of their spans."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from loopback import Loopback
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from span_samples import SpanRecording

from xpander_facade import Backend, Configuration, Tokens
from xpander_facade._process.threads import join
from xpander_facade.integrations.opentelemetry import RunSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Iterator

# No library may report on its use, and none may find a key or a proxy of the machine.
for name in [name for name in os.environ if name.endswith(("_API_KEY", "_proxy", "_PROXY")) or name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AGNO_TELEMETRY": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DONT_LOG_MODEL_DATA": "1",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "OTEL_TRACES_EXPORTER": "none",
    "TRACELOOP_TELEMETRY": "false",
    "AWS_EC2_METADATA_DISABLED": "true",
}
FINISHED: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="session")
def loopback_server() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def stub(loopback_server: Loopback) -> Loopback:
    loopback_server.reset()
    return loopback_server


class Reports:
    """A backend that keeps what it is told to report: under the same id the last report, as the platform does."""

    def __init__(self) -> None:
        self.configuration = SimpleNamespace(outbox=None)
        self.kept: dict[str, dict[str, Any]] = {}

    def report_external_task(self, **report: Any) -> None:
        self.kept[report["id"]] = report


class Traced:
    """What the processor makes of the spans of one test."""

    def __init__(self, provider: TracerProvider, recording: SpanRecording, mode: str) -> None:
        self.provider = provider
        self.mode = mode
        self.run: Any = None
        self.reports: list[dict[str, Any]] = []
        self.backend = Backend(Configuration(disabled=True, agent_id="agent-1"))
        self._recording = recording

    @contextlib.contextmanager
    def recording(self) -> Iterator[Any]:
        """Record what is called: in a run, or by the agent's span alone."""
        reports = Reports()
        processor = RunSpanProcessor(self.backend if self.mode == "run" else reports)
        multi = self.provider._active_span_processor
        before = multi._span_processors
        multi._span_processors = (processor, self._recording)
        self._recording.clear()
        try:
            if self.mode == "run":
                with self.backend.external_task(input="When?") as self.run:
                    yield self.run
            else:
                yield None
                join(5)
                self.reports = [*reports.kept.values()]
        finally:
            multi._span_processors = before
            processor.shutdown()

    def check(
        self,
        sample: str,
        tokens: Tokens | None,
        *,
        tools: list[str] | None = None,
        text: str | None = None,
        is_agent: bool = True,
    ) -> None:
        """Hold what was made of the spans against what is right, and keep the recording where that is wanted."""
        told: dict[str, Any]
        if self.mode == "run":
            told = {"tokens": self.run.tokens, "tools": self.run.used_tools, "text": self.run.result}
        elif is_agent:
            (report,) = self.reports
            told = {"tokens": report["tokens"], "tools": report["used_tools"], "text": report["result"]}
        else:  # the spans of a client alone are no agent's run
            assert self.reports == []
            return
        right = {"tokens": tokens, "tools": tools or [], "text": text}
        FINISHED[f"{sample} ({self.mode})"] = {**told, "spans": len(self._recording.spans)}
        if (folder := os.environ.get("RECORD_SPANS")) and self.mode == "run":
            counts = None if tokens is None else [tokens.prompt_tokens, tokens.completion_tokens,
                tokens.cache_read_tokens, tokens.cache_write_tokens]  # fmt: skip
            self._recording.write(Path(folder), sample, right | {"tokens": counts, "is_agent": is_agent})
        assert told == right


_PROVIDER = TracerProvider()
trace.set_tracer_provider(_PROVIDER)
_RECORDING = SpanRecording()


@pytest.fixture(scope="session")
def provider() -> TracerProvider:
    return _PROVIDER


@pytest.fixture(params=["run", "agent"])
def traced(request: pytest.FixtureRequest, provider: TracerProvider) -> Traced:
    return Traced(provider, _RECORDING, request.param)


@pytest.fixture
def emitter(provider: TracerProvider) -> Iterator[Any]:
    """Give what switches an instrumentor on until the test ends."""
    on: list[Any] = []

    def switch_on(instrumentor: Any, **options: Any) -> None:
        instrumentor.instrument(tracer_provider=provider, **options)
        on.append(instrumentor)

    yield switch_on
    for instrumentor in reversed(on):
        instrumentor.uninstrument()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("what spans told")
    for name, told in FINISHED.items():
        terminalreporter.write_line(
            f"{name:44} {told['spans']:3} spans  {told['tokens']} {told['tools']} {told['text']!r}"
        )
    names = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    emitters = sorted(f"{n} {v}" for n, v in names.items() if n and "instrumentation" in n)
    terminalreporter.write_line(", ".join(emitters))
