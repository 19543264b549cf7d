"""Contract recorder of the whole suite: every request that the facade sends in any test, against `openapi.yaml`.

Sits below the facade, at the connections of its HTTP engine, and beside every emulator's journal, which also sees the
clients in processes of their own. A request is the facade's when its user agent says so and it carries a key.
"""

from __future__ import annotations

import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore

from xpander_facade._transport.async_http1 import AsyncHTTP1Connection
from xpander_facade._transport.http1 import HTTP1Connection
from xpander_facade.emulator._contract import Contract, load
from xpander_facade.emulator._journal import Journal, RecordedRequest
from xpander_facade.emulator._requests import body_of, call_of, query_of
from xpander_facade.emulator._undeclared import undeclared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpander_facade._transport.request import OutgoingRequest
    from xpander_facade.emulator._contract import Complaint

OURS = "xpander-facade/"
HEADERS = frozenset({
    "accept", "accept-encoding", "cache-control", "connection", "content-length", "content-type", "host", "user-agent",
    "x-api-key",
})  # fmt: skip
"""What the facade sends with any request; every other header must be declared."""


def judge(
    method: str, target: str, headers: Mapping[str, str], body: bytes, contract: Contract | None = None
) -> tuple[str | None, list[str]]:
    """Return the operation id of a request, and how the request breaks the contract or goes beyond it."""
    contract = contract or load()
    parts = urlsplit(target)
    name = f"{method} {parts.path}"
    match = contract.route(method, parts.path)
    if match is None or match.operation is None:
        return None, [f"{name}: the contract has no such operation"]
    operation = match.operation
    query, is_text = query_of(parts.query.encode("ascii"))
    if match.undecodable or not is_text:
        return operation.id, [f"{name}: the path or the query is no UTF-8"]
    faults: list[Complaint] = []
    value: Any = None
    if operation.body is not None:
        value, faults = body_of(body, headers)
    elif body:
        faults = [{"loc": ["body"], "msg": "the operation takes none"}]
    if not headers.get("x-api-key"):
        faults.append({"loc": ["header", "x-api-key"], "msg": "the key is missing"})
    faults = faults or call_of(contract, match, operation, query, headers, value, bool(body))[1]
    faults = faults or undeclared(contract, operation, query, headers, value, HEADERS)
    return operation.id, [_line(name, fault) for fault in faults]


def judge_record(record: RecordedRequest) -> list[str]:
    """Say how a request of an emulator's journal breaks the contract or goes beyond it."""
    name = f"{record.method} {record.path}"
    if record.operation_id is None:
        return [f"{name}: the contract has no such operation"]
    contract = load()
    operation = contract.operations[record.operation_id]
    faults = record.complaints or undeclared(contract, operation, record.query, record.headers, record.body, HEADERS)
    return [_line(name, fault) for fault in faults]


def _line(name: str, fault: Complaint) -> str:
    return f"{name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"


class ContractRecorder:
    """What the facade sent since the last look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._judged: list[tuple[str | None, list[str]]] = []
        self._records: list[RecordedRequest] = []
        self._breaches: set[str] = set()
        self.total = 0

    def saw(self, request: httpcore.Request) -> None:
        """Judge a request that goes out."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers}
        if headers.get("user-agent", "").startswith(OURS) and "x-api-key" in headers:
            target = request.url.target.decode("ascii")
            target = target if target.startswith("/") else urlsplit(target)._replace(scheme="", netloc="").geturl()
            body = b"".join(request.stream)
            outcome = judge(request.method.decode("ascii"), target, headers, body)
            with self._lock:
                self._judged.append(outcome)

    def noted(self, record: RecordedRequest) -> None:
        """Remember a request that came in at an emulator; it is judged when it has been dealt with."""
        if record.headers.get("user-agent", "").startswith(OURS):
            with self._lock:
                self._records.append(record)

    def take(self) -> set[str]:
        """Return the operation ids seen since the last look; breaches are kept until they are told."""
        with self._lock:
            judged, self._judged = self._judged, []
            records, self._records = self._records, []
        self.total += len(judged)
        self._breaches |= {line for _, lines in judged for line in lines}
        self._breaches |= {line for record in records for line in judge_record(record)}
        return {operation for operation, _ in judged if operation} | {r.operation_id for r in records if r.operation_id}

    def breaches(self) -> list[str]:
        """Return the breaches found since they were last told."""
        self.take()
        found, self._breaches = self._breaches, set()
        return sorted(found)

    def sent(self, request: OutgoingRequest) -> None:
        """Judge a request that goes out over a connection of the facade's own."""
        attempt = request.attempt
        if attempt.headers.get("user-agent", "").startswith(OURS) and "x-api-key" in attempt.headers:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers()}
            judged = judge(attempt.method, request.target.path.decode("ascii"), headers, attempt.content or b"")
            with self._lock:
                self._judged.append(judged)

    def install(self) -> None:
        """Take the place beside all connections and journals, once for the process."""
        for connection in (HTTP1Connection, AsyncHTTP1Connection):
            connection.send = _before(connection.send, self.sent)
        for engine, name in (
            (httpcore.HTTPConnection, "handle_request"),
            (httpcore.HTTP11Connection, "handle_request"),
            (httpcore.AsyncHTTPConnection, "handle_async_request"),
            (httpcore.AsyncHTTP11Connection, "handle_async_request"),
        ):
            setattr(engine, name, _before(getattr(engine, name), self.saw))
        Journal.add = _before(Journal.add, self.noted)


def _before(original: Callable[..., Any], told: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapped(self: Any, request: Any) -> Any:  # named as in httpcore: libraries that mock it look for the name
        told(request)
        return original(self, request)

    @functools.wraps(original)
    async def awrapped(self: Any, request: Any) -> Any:
        told(request)
        return await original(self, request)

    return awrapped if inspect.iscoroutinefunction(original) else wrapped


RECORDER = ContractRecorder()
