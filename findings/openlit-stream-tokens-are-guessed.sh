#!/usr/bin/env bash
# openlit: a stream that tells no usage has a span with token counts all the same: half the number of its characters.
#
# OpenAI streams chat completions without usage unless `stream_options={"include_usage": True}` is asked for. The span
# then has `gen_ai.usage.input_tokens`, by the semantic conventions the tokens that were used, and a cost made of them,
# and nothing tells that they are a guess. Who adds up spans adds guesses to counts. No issue was found on this.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    openlit==1.45.0 openai==2.54.0 opentelemetry-sdk==1.45.1
cat > "$folder/prices.json" <<'JSON'
{"chat": {"m": {"promptPrice": 1, "completionPrice": 1}}}
JSON
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import math
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import openlit
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

QUESTION, ANSWER = "When is the invoice of April to be paid?", "By the end of May."
COUNTS = {"prompt_tokens": 17, "completion_tokens": 6, "total_tokens": 23}


class Model(BaseHTTPRequestHandler):
    """Streams an answer, and its usage where that is asked for."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = {"id": "c1", "created": 1, "model": "m", "object": "chat.completion.chunk"}
        words = {"index": 0, "delta": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
        chunks = [{**answer, "choices": [words]}]
        if asked.get("stream_options", {}).get("include_usage"):
            chunks.append({**answer, "choices": [], "usage": COUNTS})
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
openlit.init(disable_metrics=True, disable_events=True, pricing_json=sys.argv[1])
completions = openai.OpenAI(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}/v1").chat.completions
ask = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "stream": True}
print("openlit", importlib.metadata.version("openlit"))
told = {}
for way, options in {"usage": {"stream_options": {"include_usage": True}}, "no usage": {}}.items():
    spans.clear()
    list(completions.create(**ask, **options))
    (span,) = (span for span in spans.get_finished_spans() if span.name == "chat m")
    names = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cost"
    told[way] = [span.attributes.get(name) for name in names]
    print(f"a stream that tells {way}: input tokens, output tokens, cost: {told[way]}")
    print("  attributes that tell a guess:", [name for name in span.attributes if "estimat" in name or "guess" in name])
server.shutdown()
halves = [math.ceil(len(f"user: {QUESTION}") / 2), math.ceil(len(ANSWER) / 2)]
print(f"half the characters of question and answer: {halves}")
guess = [*halves, sum(halves) / 1000]
sys.exit(0 if told == {"usage": [17, 6, 0.023], "no usage": guess} else 1)
PY
"$folder/venv/bin/python" "$folder/check.py" "$folder/prices.json"
