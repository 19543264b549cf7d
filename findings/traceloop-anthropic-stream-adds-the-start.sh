#!/usr/bin/env bash
# opentelemetry-instrumentation-anthropic: a streamed answer's output tokens are those of its start and its end together.
#
# message_start tells the tokens written so far (1), message_delta the cumulative count (30): the span says 31, where the
# same answer without a stream, and the client's own final message, say 30. Each streamed call is counted too high.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-instrumentation-anthropic==0.62.4 opentelemetry-sdk==1.45.2 anthropic==2.14.0
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

HEAD = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
TEXT = {"type": "text", "text": "It rains."}


class Model(BaseHTTPRequestHandler):
    """Answers each question with one sentence of 30 tokens, of which one is there at the start."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if question.get("stream"):
            start = {**HEAD, "content": [], "stop_reason": None, "usage": {"input_tokens": 11, "output_tokens": 1}}
            events = [
                {"type": "message_start", "message": start},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT["text"]}},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 30}},
                {"type": "message_stop"},
            ]
            body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        else:
            usage = {"input_tokens": 11, "output_tokens": 30}
            body = json.dumps({**HEAD, "content": [TEXT], "stop_reason": "end_turn", "usage": usage})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if question.get("stream") else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
AnthropicInstrumentor().instrument(tracer_provider=provider)
messages = anthropic.Anthropic(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}").messages
ask = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Is it raining?"}]}
whole = messages.create(**ask).usage.output_tokens
with messages.stream(**ask) as stream:
    streamed = stream.get_final_message().usage.output_tokens
server.shutdown()
told = [span.attributes["gen_ai.usage.output_tokens"] for span in spans.get_finished_spans()]
print("opentelemetry-instrumentation-anthropic", importlib.metadata.version("opentelemetry-instrumentation-anthropic"))
print(f"whole: the client says {whole}, the span {told[0]}")
print(f"streamed: the client says {streamed}, the span {told[1]}")
sys.exit(0 if (whole, streamed, told) == (30, 30, [30, 31]) else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
