#!/usr/bin/env bash
# taskiq: a task that may be retried and fails for good leaves spans none of which is an error.
#
# OpenTelemetryMiddleware.on_error is described as closing the span "with error", and does so for a task without retries.
# With the label `retry_on_error` it only notes a reason to retry, also after the last try, when nothing is retried any
# more: each span's status is unset, no exception is recorded, and an alert on failed jobs never comes. Beside it, the
# first try says `taskiq._retries` 1, and of two tries the last one 2. No issue was found on this.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    "taskiq[opentelemetry]==0.13.0" opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import logging
import sys

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from taskiq import InMemoryBroker, SimpleRetryMiddleware
from taskiq.middlewares.opentelemetry_middleware import OpenTelemetryMiddleware

logging.disable(logging.CRITICAL)
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
broker = InMemoryBroker(await_inplace=True).with_middlewares(
    SimpleRetryMiddleware(default_retry_count=2), OpenTelemetryMiddleware(tracer_provider=provider)
)
tries = []


async def pay(invoice):
    tries.append(invoice)
    raise ValueError("no such invoice")


async def run(name, **labels):
    """Tell of each try's span its status, its events and its number, and whether the task has failed."""
    tries.clear()
    spans.clear()
    sent = await broker.register_task(pay, task_name=name, **labels).kiq("A1")
    failed = (await sent.wait_result(timeout=10)).is_err
    executed = [span for span in spans.get_finished_spans() if span.name.startswith("execute/")]
    told = [
        (span.status.status_code.name, len(span.events), span.attributes.get("taskiq._retries"))
        for span in sorted(executed, key=lambda span: span.start_time)
    ]
    print(f"{name}: {len(tries)} tries, failed: {failed}, spans (status, events, _retries): {told}")
    return len(tries), failed, told


async def main():
    await broker.startup()
    seen = [await run("pay_once"), await run("pay_again", retry_on_error=True)]
    await broker.shutdown()
    return seen


print("taskiq", importlib.metadata.version("taskiq"))
seen = asyncio.run(main())
without, retried = (1, True, [("ERROR", 1, None)]), (2, True, [("UNSET", 0, 1), ("UNSET", 0, 2)])
sys.exit(0 if seen == [without, retried] else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
