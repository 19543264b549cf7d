#!/usr/bin/env bash
# crewai: a crew whose agents share one LLM object counts each of its calls once for every agent that has it.
#
# `CrewOutput.token_usage` adds up the lives of the agents' models: two agents with one LLM, two calls in all, give
# `successful_requests=4` and twice the tokens. A second kickoff of the same crew has the first in it, too.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crewai==1.15.30
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"}
from crewai import LLM, Agent, Crew, Task

asked = []


class Chat(BaseHTTPRequestHandler):
    """Answers each call for 10 tokens in and 1 out."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        asked.append(self.path)
        message = {"role": "assistant", "content": "Yes."}
        body = json.dumps({
            "id": "chat", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Chat)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/v1"
model = LLM(model="openai/gpt-4o-mini", base_url=url, api_key="k")
agents = [Agent(role=role, goal="Answer.", backstory="A clerk.", llm=model) for role in ("first", "second")]
tasks = [Task(description="Is it?", expected_output="Yes or no.", agent=agent) for agent in agents]
crew = Crew(agents=agents, tasks=tasks)
seen = []
for kickoff in (1, 2):
    usage = crew.kickoff().token_usage
    seen.append((len(asked), usage.successful_requests, usage.prompt_tokens))
server.shutdown()
print("crewai", importlib.metadata.version("crewai"))
for kickoff, (calls, requests, prompt) in enumerate(seen, 1):
    print(f"kickoff {kickoff}: {calls} calls of 10 tokens so far; successful_requests={requests}, prompt_tokens={prompt}")
sys.exit(0 if seen == [(2, 4, 40), (4, 8, 80)] else 1)
PY
"$folder/venv/bin/python" "$folder/check.py" 2>/dev/null
