#!/usr/bin/env bash
# langchain-openai: a ChatOpenAI that is made anew in a second event loop fails there with "Event loop is closed".
#
# Models with the same base_url share one cached asynchronous HTTP client for the whole process, whose kept-alive
# connection belongs to the first loop. A job runner that calls `asyncio.run` for each job, and makes its model in the
# job, loses a job; `http_async_client=` avoids it.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langchain-openai==1.7.4
cat > "$folder/check.py" <<'PY'
import asyncio
import importlib.metadata
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langchain_openai import ChatOpenAI


class Chat(BaseHTTPRequestHandler):
    """Answers, and keeps the connection, as providers do."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        body = json.dumps(
            {"id": "chat", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()


async def job() -> str:
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    model = ChatOpenAI(model="m", base_url=url, api_key="k", max_retries=0)
    try:
        return (await model.ainvoke("Is it?")).content
    except Exception as error:
        return f"{type(error).__name__}: {error}"


print("langchain-openai", importlib.metadata.version("langchain-openai"))
outcomes = [asyncio.run(job()) for _ in range(2)]
for number, outcome in enumerate(outcomes, 1):
    print(f"job {number}, an event loop and a model of its own: {outcome}")
sys.exit(0 if outcomes[0] == "Yes." and "Event loop is closed" in outcomes[1] else 1)
PY
"$folder/venv/bin/python" "$folder/check.py"
