#!/usr/bin/env bash
# opentelemetry-sdk: BatchSpanProcessor.force_flush(timeout_millis) takes as long as the exporter does, and returns True.
#
# A Lambda's handler or a job's end that gives a flush 100 ms, so that an unreachable collector costs no more than that,
# waits for as long as the exporter tries. The parameter and its meaning are part of the documented interface; the answer
# says that everything was exported in that time.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import sys
import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Slow(SpanExporter):
    """Stands for a collector that answers after a second and a half."""

    def export(self, spans):
        time.sleep(1.5)
        return SpanExportResult.SUCCESS


provider = TracerProvider(shutdown_on_exit=False)
processor = BatchSpanProcessor(Slow(), schedule_delay_millis=60_000)
provider.add_span_processor(processor)
provider.get_tracer("shop").start_span("order").end()
began = time.monotonic()
answer = processor.force_flush(timeout_millis=100)
took = time.monotonic() - began
provider.shutdown()
print("opentelemetry-sdk", importlib.metadata.version("opentelemetry-sdk"))
print(f"force_flush(timeout_millis=100) returned {answer} after {'less' if took < 1.5 else 'more'} than 1.5 seconds")
sys.exit(0 if answer and took >= 1.5 else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
