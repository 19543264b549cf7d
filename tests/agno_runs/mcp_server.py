"""A server after the Model Context Protocol, over streamable HTTP on loopback: it tells its tools and answers calls."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class McpServer:
    """Serves while its block lasts, and remembers the headers and calls that came.

    Args:
        tools: name -> JSON Schema of what it is given.
        token: What `Authorization: Bearer` must hold; None lets everybody in.
    """

    def __init__(self, tools: dict[str, dict[str, Any]], token: str | None = None) -> None:
        self.tools = tools
        self.token = token
        self.headers: list[dict[str, str]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if server.token is not None and self.headers.get("authorization") != f"Bearer {server.token}":
                    self.answer(401, {"error": "unauthorized"})
                elif "id" not in message:
                    self.answer(202, None)
                else:
                    self.answer(200, {"jsonrpc": "2.0", "id": message["id"], **server.answer(message)})

            def do_GET(self) -> None:
                self.answer(405, None)

            def do_DELETE(self) -> None:
                self.answer(405, None)

            def answer(self, status: int, body: Any) -> None:
                data = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/mcp"

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the `result` or `error` of a request."""
        method, params = message["method"], message.get("params") or {}
        if method == "initialize":
            told = {"name": "tests", "version": "1"}
            return {
                "result": {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": told,
                }
            }
        if method == "tools/list":
            tools = [{"name": n, "description": f"Do {n}.", "inputSchema": s} for n, s in self.tools.items()]
            return {"result": {"tools": tools}}
        if method == "tools/call":
            self.calls.append((params["name"], params.get("arguments") or {}))
            return {"result": {"content": [{"type": "text", "text": f"{params['name']} is done"}], "isError": False}}
        if method == "ping":
            return {"result": {}}
        return {"error": {"code": -32601, "message": f"no method {method}"}}

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
