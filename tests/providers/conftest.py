"""The stub for all tests, and the tables of what was read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loopback import Loopback

pytest.register_assert_rewrite("readings")

from readings import READINGS, Run  # noqa: E402 (its asserts are rewritten)

from xpander_facade import Backend, Configuration, Usage  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# No library may report on its use, and none may find a key or a proxy of the machine.
for name in [name for name in os.environ if name.endswith(("_API_KEY", "_proxy", "_PROXY")) or name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AGNO_TELEMETRY": "false",
    "ANONYMIZED_TELEMETRY": "false",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OTEL_SDK_DISABLED": "true",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def loopback_server() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def stub(loopback_server: Loopback, request: pytest.FixtureRequest) -> Iterator[Loopback]:
    """Give the provider on this machine, with an empty script; what the script has must be asked for."""
    loopback_server.reset()
    failed_before = request.session.testsfailed
    yield loopback_server
    has_passed = request.session.testsfailed == failed_before
    assert not has_passed or loopback_server.is_done, "the library did not make all the calls of the script"


@pytest.fixture
def record(caplog: pytest.LogCaptureFixture) -> Callable[..., Run]:
    """Record something in a run of a backend that sends nothing, and return what the run reports."""
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))

    def recorded(value: object, **options: object) -> Run:
        caplog.clear()
        with caplog.at_level("WARNING", logger="xpander_facade"), backend.external_task(input="When?") as run:
            run.record(value, **options)
        usage = Usage(tokens=run.tokens, tools=run.used_tools, text=run.result)
        return Run(usage, run.is_success, [message.getMessage() for message in caplog.records])

    return recorded


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("what was read")
    for reading in READINGS.kept:
        where = f" [{reading.column}]" if reading.column else ""
        terminalreporter.write_line(f"{reading.library:34} {reading.what}{where}: {reading.told}")
    if path := os.environ.get("READINGS_FILE"):
        Path(path).write_text(READINGS.dump(), encoding="utf-8")
