#!/usr/bin/env bash
# LangSmith writes its runs into OpenTelemetry afterwards, in batches on a thread of its own. The span of a run that has
# ended by then is started and ended at once, before the spans of the runs within it: in the order of events a child
# begins below a parent that is over. The context variables of the traced code are not set there either. A span
# processor that keeps a trace only while its parent is open, or that asks a context variable whose span it is, gets
# the pieces of one run as strangers.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet langsmith==0.15.1 opentelemetry-sdk==1.45.2

LANGSMITH_OTEL_ENABLED=true LANGSMITH_OTEL_ONLY=true LANGSMITH_TRACING=true "$folder/venv/bin/python" - <<'PYTHON'
import contextvars
import importlib.metadata
import threading

from langsmith import Client, traceable
from langsmith.run_helpers import tracing_context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

job = contextvars.ContextVar("job", default="none")
events = []


class Watch(SpanProcessor):
    def on_start(self, span, parent_context=None):
        events.append(("starts", span.name, job.get(), threading.current_thread() is threading.main_thread()))

    def on_end(self, span):
        events.append(("ends", span.name, job.get(), threading.current_thread() is threading.main_thread()))


@traceable
def inner():
    return "May"


@traceable
def outer():
    return inner()


provider = TracerProvider()
provider.add_span_processor(Watch())
client = Client(api_url="http://127.0.0.1:9", api_key="k", tracing_mode="otel", otel_tracer_provider=provider)
job.set("job 7")
with tracing_context(enabled=True, client=client):
    outer()
client.flush()

print("langsmith", importlib.metadata.version("langsmith"))
for event, name, seen, is_main in events:
    print(f"  {name} {event}, the job's variable says {seen!r}, {'main thread' if is_main else 'another thread'}")
order = [f"{name} {event}" for event, name, *_ in events]
assert order == ["outer starts", "outer ends", "inner starts", "inner ends"], order
assert {seen for _, _, seen, _ in events} == {"none"}
assert not any(is_main for *_, is_main in events)
print("as found: the outer span ends before the inner one begins, without the context of the traced code")
PYTHON
