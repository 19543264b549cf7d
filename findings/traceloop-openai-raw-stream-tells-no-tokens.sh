#!/usr/bin/env bash
# opentelemetry-instrumentation-openai: the span of a stream asked for with_raw_response tells no tokens.
#
# Without a stream the raw form is told like the plain one, and so is a plain stream. A raw stream's span ends when its
# head has come: no token counts, no text, and a duration without the answer. Who asks this way, to read the headers of
# rate limits say, is missing in every sum of costs, without a word.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opentelemetry-instrumentation-openai==0.62.4 opentelemetry-sdk==1.45.2 openai==3.57.0
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

COUNTS = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


class Model(BaseHTTPRequestHandler):
    """Answers each question with one word."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = {"id": "c1", "created": 1, "model": "m", "object": "chat.completion"}
        if question.get("stream"):
            answer["object"] += ".chunk"
            word = {"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"}
            chunks = [{**answer, "choices": [word]}, {**answer, "choices": [], "usage": COUNTS}]
            body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        else:
            word = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
            body = json.dumps({**answer, "choices": [word], "usage": COUNTS})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if question.get("stream") else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
OpenAIInstrumentor().instrument(tracer_provider=provider)
completions = openai.OpenAI(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}/v1").chat.completions
ask = {"model": "m", "messages": [{"role": "user", "content": "Is it raining?"}]}
streamed = {**ask, "stream": True, "stream_options": {"include_usage": True}}
ways = {
    "plain": lambda: completions.create(**ask),
    "plain stream": lambda: list(completions.create(**streamed)),
    "raw": lambda: completions.with_raw_response.create(**ask).parse(),
    "raw stream": lambda: list(completions.with_raw_response.create(**streamed).parse()),
}
print("opentelemetry-instrumentation-openai", importlib.metadata.version("opentelemetry-instrumentation-openai"))
told = {}
for way, call in ways.items():
    call()
    (span,) = spans.get_finished_spans()
    spans.clear()
    told[way] = span.attributes.get("gen_ai.usage.input_tokens")
    print(f"{way}: input tokens {told[way]}")
server.shutdown()
sys.exit(0 if told == {"plain": 11, "plain stream": 11, "raw": 11, "raw stream": None} else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
