#!/usr/bin/env bash
# opentelemetry-sdk: with a ConcurrentMultiSpanProcessor, span processors do not see the context of who starts a span.
#
# SpanProcessor.on_start is documented to be called on the thread that starts the span. The concurrent form calls it in an
# executor, into which the context is not copied: a context variable that a processor reads (a request, a tenant, the
# current run) has its default there, and the attributes that it would add are missing without an error.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import contextvars
import importlib.metadata
import sys

from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor, SynchronousMultiSpanProcessor, TracerProvider

tenant = contextvars.ContextVar("tenant", default="unknown")


class Tenant(SpanProcessor):
    """Notes the tenant of each span."""

    def __init__(self):
        self.seen = []

    def on_start(self, span, parent_context=None):
        self.seen.append(tenant.get())


def seen_with(several) -> list[str]:
    processor, provider = Tenant(), TracerProvider(active_span_processor=several, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    token = tenant.set("acme")
    provider.get_tracer("shop").start_span("order").end()
    tenant.reset(token)
    provider.shutdown()
    return processor.seen


synchronous, concurrent = seen_with(SynchronousMultiSpanProcessor()), seen_with(ConcurrentMultiSpanProcessor())
print("opentelemetry-sdk", importlib.metadata.version("opentelemetry-sdk"))
print(f"on_start sees the tenant {synchronous} with the synchronous processor, {concurrent} with the concurrent one")
sys.exit(0 if (synchronous, concurrent) == (["acme"], ["unknown"]) else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
