#!/usr/bin/env bash
# langfuse: its LangChain handler tells what Claude wrote to the cache twice, unless the answer was streamed.
#
# Anthropic tells the sum (`cache_creation_input_tokens`) and, within `cache_creation`, the same tokens by lifetime. The
# handler puts both side by side into `usage_details`, of which Langfuse documents that it "sums up all usage type units to
# a total" where none is told, and takes all types with "input" in their name as input. An answer of 540 tokens counts
# 1,040. Streamed, the same answer is read from LangChain's own usage, and is told once. No issue was found on this.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    langfuse==5.0.4 langchain==1.5.2 langchain-anthropic==1.7.10 opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langchain_anthropic import ChatAnthropic
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

LIFETIMES = {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 0}
INPUT = {"input_tokens": 10, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 500}
USAGE = {**INPUT, "output_tokens": 30, "cache_creation": LIFETIMES}
ABOUT = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
END = {"stop_reason": "end_turn", "stop_sequence": None}
EVENTS = [
    {"type": "message_start", "message": {**ABOUT, "content": [], "usage": {**USAGE, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "In May."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": END, "usage": {**INPUT, "output_tokens": 30}},
    {"type": "message_stop"},
]


class Service(BaseHTTPRequestHandler):
    """Stands for Anthropic; what Langfuse sends is taken and dropped."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/v1/messages":
            kind, body = "application/json", "{}"
        elif json.loads(asked).get("stream"):
            kind = "text/event-stream"
            body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
        else:
            said = [{"type": "text", "text": "In May."}]
            kind, body = "application/json", json.dumps({**ABOUT, **END, "content": said, "usage": USAGE})
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
langfuse = Langfuse(public_key="pk", secret_key="sk", base_url=url, tracer_provider=provider)
model = ChatAnthropic(model="claude", api_key="k", base_url=url)
told = {}
ask = {"input": "When is the invoice to be paid?", "config": {"callbacks": [CallbackHandler()]}}
for name in ("langfuse", "langchain-anthropic"):
    print(name, importlib.metadata.version(name))
for way, call in {"whole": model.invoke, "streamed": lambda **asked: list(model.stream(**asked))}.items():
    spans.clear()
    call(**ask)
    (details,) = (
        json.loads(span.attributes["langfuse.observation.usage_details"])
        for span in spans.get_finished_spans()
        if "langfuse.observation.usage_details" in span.attributes
    )
    total = details.get("total", sum(details.values()))
    told[way] = total
    print(f"{way}: {details}\n  the total of it: {total}")
langfuse.shutdown()
server.shutdown()
sys.exit(0 if told == {"whole": 1040, "streamed": 540} else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
