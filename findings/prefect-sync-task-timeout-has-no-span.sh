#!/usr/bin/env bash
# prefect: the OpenTelemetry span of a sync task that exceeds its `timeout_seconds` is never ended, so never exported.
#
# Task runs have spans by default (PrefectHQ/prefect#9271). The engine of async tasks ends that of a timeout as an error,
# with the exception, and both engines do so for other failures. The one of sync tasks sets the state TimedOut and leaves
# the span open: a trace lacks just those runs that took too long. No issue was found on this.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prefect==3.9.1 opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import os
import sys
import time

os.environ |= {
    "PREFECT_HOME": sys.argv[1],
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prefect import task
from prefect.testing.utilities import prefect_test_harness


@task(task_run_name="sync, too slow", timeout_seconds=0.3)
def sync_slow():
    time.sleep(1)


@task(task_run_name="async, too slow", timeout_seconds=0.3)
async def async_slow():
    await asyncio.sleep(1)


@task(task_run_name="sync, raises", timeout_seconds=30)
def sync_raises():
    raise ValueError("no such invoice")


spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
print("prefect", importlib.metadata.version("prefect"))
with prefect_test_harness(server_startup_timeout=120):
    states = {
        "sync, too slow": sync_slow(return_state=True).name,
        "async, too slow": asyncio.run(async_slow(return_state=True)).name,
        "sync, raises": sync_raises(return_state=True).name,
    }
ended = {span.name: span.status.status_code.name for span in spans.get_finished_spans()}
told = {name: (state, ended.get(name)) for name, state in states.items()}
for name, (state, status) in told.items():
    print(f"{name}: the run's state is {state}, its span:", status or "none")
expected = {
    "sync, too slow": ("TimedOut", None),
    "async, too slow": ("TimedOut", "ERROR"),
    "sync, raises": ("Failed", "ERROR"),
}
sys.exit(0 if told == expected else 1)
PY
"$folder/venv/bin/python" "$folder/check.py" "$folder/home"
