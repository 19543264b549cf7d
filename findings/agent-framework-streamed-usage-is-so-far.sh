#!/usr/bin/env bash
# agent-framework: with tools, the usage content that streamed updates bring after each model call is the run's so far.
#
# A run of two calls that cost 10 and 20 tokens streams usage contents of 10 and 30. Their sum, 40, is not what the run
# cost; the final response tells 30. Without tools there is one call, and the content is that call's.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check agent-framework-core==1.23.0 agent-framework-openai==1.17.0
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from agent_framework import Agent
from agent_framework.openai import OpenAIChatCompletionClient

COSTS = iter((10, 20))


class Chat(BaseHTTPRequestHandler):
    """Streams a tool call first, then an answer, each with its own usage at its end."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        cost = next(COSTS)
        call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "ask", "arguments": "{}"}}
        delta = {"role": "assistant", "tool_calls": [call]} if cost == 10 else {"role": "assistant", "content": "Yes."}
        head = {"id": f"chat-{cost}", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        choices = [
            {"index": 0, "delta": delta, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": "tool_calls" if cost == 10 else "stop"},
        ]
        usage = {"prompt_tokens": cost, "completion_tokens": 1, "total_tokens": cost + 1}
        chunks = [{**head, "choices": [choice]} for choice in choices] + [{**head, "choices": [], "usage": usage}]
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments):
        pass


def ask() -> str:
    """Ask."""
    return "yes"


async def main() -> list[int]:
    server = HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    agent = Agent(client=OpenAIChatCompletionClient(model="m", api_key="k", base_url=url), tools=[ask])
    stream = agent.run("Is it?", stream=True)
    told = []
    async for update in stream:  # looked at as they come, before anything could change them
        told += [c.usage_details["input_token_count"] for c in update.contents if c.type == "usage"]
    final = (await stream.get_final_response()).usage_details["input_token_count"]
    server.shutdown()
    print("agent-framework-core", importlib.metadata.version("agent-framework-core"))
    print(f"the calls cost 10 and 20; streamed usage {told}, which add up to {sum(told)}; the final response {final}")
    return [*told, final]


sys.exit(0 if asyncio.run(main()) == [10, 30, 30] else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
