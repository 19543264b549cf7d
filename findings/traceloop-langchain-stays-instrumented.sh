#!/usr/bin/env bash
# opentelemetry-instrumentation-langchain: after uninstrument(), calls of LangChain still make spans.
#
# instrument() wraps BaseCallbackManager.__init__. uninstrument() asks for that to be undone under a path that names no
# class, which undoes nothing: a program that switches instrumentors, or a test that takes one away, is still traced,
# and beside another instrumentor each call is told twice.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-langchain==0.62.4 opentelemetry-sdk==1.45.2 langchain-core==1.8.3
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import sys

from langchain_core.language_models import FakeListChatModel
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))


def spans_of_a_call() -> int:
    exporter.clear()
    FakeListChatModel(responses=["yes"]).invoke("Is it?")
    return len(exporter.get_finished_spans())


before = spans_of_a_call()
instrumentor = LangchainInstrumentor()
instrumentor.instrument(tracer_provider=provider)
during = spans_of_a_call()
instrumentor.uninstrument()
after = spans_of_a_call()
name = "opentelemetry-instrumentation-langchain"
print(name, importlib.metadata.version(name))
print(f"spans of a call: {before} before instrument(), {during} after it, {after} after uninstrument()")
sys.exit(0 if (before, during, after) == (0, 1, 1) else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
