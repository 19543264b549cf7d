#!/usr/bin/env bash
# openinference-instrumentation-openai-agents: what the cache gave is told of the Responses API, not of chat completions.
#
# The library's own spans have `input_tokens_details` and `output_tokens_details` for both APIs, and so has the result. The
# instrumentor puts cached and reasoning tokens, and the total, on the spans of responses alone. With
# OpenAIChatCompletionsModel, which every other provider's model needs, a prompt that came from the cache to nine tenths
# is priced as a new one. No issue was found on this.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    openinference-instrumentation-openai-agents==2.6.0 openai-agents==0.24.0 openai==3.57.0 opentelemetry-sdk==1.45.2
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

READ, REASONED = {"cached_tokens": 900}, {"reasoning_tokens": 20}
CHAT = {"prompt_tokens": 1000, "completion_tokens": 30, "total_tokens": 1030}
CHAT |= {"prompt_tokens_details": READ, "completion_tokens_details": REASONED}
RESPONSES = {"input_tokens": 1000, "output_tokens": 30, "total_tokens": 1030}
RESPONSES |= {"input_tokens_details": READ, "output_tokens_details": REASONED}


class Model(BaseHTTPRequestHandler):
    """Answers both APIs with the same words and counts."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/responses"):
            said = [{"type": "output_text", "text": "In May.", "annotations": []}]
            message = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": said}
            answer = {"id": "r1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
            answer |= {"output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
            answer["usage"] = RESPONSES
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "In May."}, "finish_reason": "stop"}
            answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            answer["usage"] = CHAT
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


async def main():
    client = openai.AsyncOpenAI(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}/v1")
    told = {}
    for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel):
        spans.clear()
        agent = Agent(name="Clerk", model=kind(model="m", openai_client=client))
        usage = (await Runner.run(agent, "When is it to be paid?")).context_wrapper.usage
        (span,) = (s for s in spans.get_finished_spans() if s.attributes["openinference.span.kind"] == "LLM")
        begins = "llm.token_count."
        told[kind.__name__] = {k.removeprefix(begins): v for k, v in span.attributes.items() if k.startswith(begins)}
        print(f"{kind.__name__}: the result has {usage.input_tokens_details.cached_tokens} cached tokens")
        print(f"  the span: {told[kind.__name__]}")
    await client.close()
    return told


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)
name = "openinference-instrumentation-openai-agents"
print(name, importlib.metadata.version(name), "openai-agents", importlib.metadata.version("openai-agents"))
told = asyncio.run(main())
server.shutdown()
chat = {"prompt": 1000, "completion": 30}
details = {"total": 1030, "prompt_details.cache_read": 900, "completion_details.reasoning": 20}
expected = {"OpenAIResponsesModel": chat | details, "OpenAIChatCompletionsModel": chat}
sys.exit(0 if told == expected else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
