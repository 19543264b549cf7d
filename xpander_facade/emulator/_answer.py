"""Answers: a status, headers and the bytes of a body, and how they are sent, whole or cut off."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from ._json import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from ._connection import Connection
    from ._faults import Cut, Fail
    from ._problem import Problem

PIECE: Final = 64 * 1024
"""Bytes that are given to a connection at once; a larger body lets other requests go between two pieces."""


@dataclass(slots=True)
class Answer:
    """An answer that is yet to be sent. Names of headers are in lower case.

    A large body may be given in `parts` instead of `body`: to put 50 MB together takes longer than others should wait.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    parts: Sequence[bytes] = ()

    @property
    def size(self) -> int:
        """Bytes of the whole body."""
        return sum(map(len, self.parts)) if self.parts else len(self.body)

    async def send(self, send: Send, request_id: str) -> None:
        """Send the whole answer."""
        await send(self._head(request_id))
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)  # a client that reads fast would never let others go
        for start in range(0, max(len(self.body), 1), PIECE):
            is_last = start + PIECE >= len(self.body)
            piece = self.body if is_last and start == 0 else self.body[start : start + PIECE]
            await send({"type": "http.response.body", "body": piece, "more_body": not is_last})
            if not is_last:
                await asyncio.sleep(0)

    async def send_cut(self, cut: Cut, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Promise the whole answer, send a part of it or nothing, and end the connection."""
        if cut.after_bytes is not None:
            body = b"".join(self.parts) or self.body
            # One byte is missing in any case, or the answer would be whole.
            part = body[: min(cut.after_bytes, max(0, len(body) - 1))]
            await send(self._head(request_id))
            await send({"type": "http.response.body", "body": part, "more_body": True})
        connection_of(scope).drop()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _head(self, request_id: str) -> dict[str, Any]:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        # An answer with one of these has no body, and its length would make a client wait for one.
        if self.status >= 200 and self.status not in (204, 304):
            headers.append((b"content-length", b"%d" % self.size))
        if "x-request-id" not in self.headers:
            headers.append((b"x-request-id", request_id.encode("latin-1")))
        return {"type": "http.response.start", "status": self.status, "headers": headers}


def connection_of(scope: Scope) -> Connection:
    """Return the connection that a request came on."""
    connection: Connection = scope["state"]["connection"]
    return connection


def json_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer of a JSON text."""
    return Answer(status, text.encode(), {"content-type": "application/json", **(headers or {})})


def page_link(task: Mapping[str, Any]) -> str:
    """Return the header `Link` (RFC 8288) that leads to the page of a task, for people."""
    organization, task_id = quote_plus(str(task.get("organization_id", ""))), quote_plus(str(task.get("id", "")))
    return f'</_ui/task?organization={organization}&id={task_id}>; rel="alternate"; type="text/html"'


def problem_answer(problem: Problem) -> Answer:
    """Make the answer that a problem is."""
    return json_answer(problem.status, write({"detail": problem.detail}), problem.headers)


def fault_answer(fail: Fail) -> Answer:
    """Make the answer of an injected fault."""
    headers = {name.lower(): value for name, value in fail.headers.items()}
    if isinstance(fail.body, (str, bytes)):
        body = fail.body.encode() if isinstance(fail.body, str) else fail.body
        return Answer(fail.status, body, {"content-type": "text/plain; charset=utf-8", **headers})
    phrase = HTTPStatus(fail.status).phrase if fail.status in set(HTTPStatus) else f"status {fail.status}"
    text = json.dumps({"detail": phrase} if fail.body is None else fail.body, ensure_ascii=False)
    return json_answer(fail.status, text, headers)
