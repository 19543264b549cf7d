"""Request journal: one record for each request, in order of arrival, without secrets.

Bodies are kept as the bytes that came, so that the memory of the journal is known; they are decoded when they are read.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ._requests import body_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Complaint: TypeAlias = dict[str, Any]

_SECRET_HEADERS: Final = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
_RECORD_COST: Final = 1_500
"""Bytes of memory that a record takes beside its texts, as measured with tracemalloc."""


@dataclass(slots=True)
class RecordedRequest:
    """One request.

        requests: list[RecordedRequest] = emulator.requests()
        print([request.operation_id for request in requests])

    Attributes:
        method: In capitals.
        path: As it came, percent-encoded, without the query.
        query: Decoded pairs in their order.
        headers: Lower-case names; keys and cookies are left out.
        operation_id: None when the path or the method is unknown.
        organization_id: From the path; None when the path does not name one.
        values: The path's parameters, decoded.
        status: None until it is answered, or when the connection ended without an answer.
        request_id: What the answer's header `x-request-id` says: the client's own id, else a new one.
        complaints: How the request breaks the contract; empty for a good one.
        raw: The body as it came; empty until then, and where it is too large for the journal.
        began: When it came, by `time.time` (seconds since 1970).
        seconds: How long it took until it was answered; None before. For an event stream: until it ended.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    operation_id: str | None = None
    organization_id: str | None = None
    values: dict[str, str] = field(default_factory=dict[str, str])
    status: int | None = None
    request_id: str = ""
    complaints: list[Complaint] = field(default_factory=list[Complaint])
    raw: bytes = field(default=b"", repr=False)
    began: float = 0.0
    seconds: float | None = None
    _cost: int = field(default=0, repr=False)

    @property
    def body(self) -> Any:
        """The JSON body, decoded anew each time; None where there is none, it is not JSON, or it has not come yet."""
        return body_of(self.raw, self.headers)[0]


class Journal:
    """The newest requests: at most so many, and about so many bytes of memory; older ones are forgotten.

    Args:
        max_requests: How many requests.
        max_bytes: How many bytes. A body that is larger on its own is left out of its record.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._lock = threading.Lock()
        self._records: deque[RecordedRequest] = deque()
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._size = 0

    def add(self, record: RecordedRequest) -> None:
        """Record a request."""
        texts = sum(map(len, record.headers)) + sum(map(len, record.headers.values()))
        texts += sum(len(name) + len(value) for name, value in record.query) if record.query else 0
        record._cost = _RECORD_COST + len(record.path) + texts
        with self._lock:
            self._records.append(record)
            self._size += record._cost
            self._trim()

    def set_body(self, record: RecordedRequest, raw: bytes) -> None:
        """Record a request's body, once it was read."""
        with self._lock:
            # A record that was dropped has no cost, and its body must not count.
            if record._cost and len(raw) <= self._max_bytes:
                record.raw = raw
                record._cost += len(raw)
                self._size += len(raw)
                self._trim()

    def records(self, operation: str | None = None, newest: int | None = None) -> list[RecordedRequest]:
        """Return copies of the records, oldest first.

        Args:
            operation: Only those of one operation.
            newest: Only so many, the newest ones.
        """
        with self._lock:
            found = [record for record in self._records if operation is None or record.operation_id == operation]
            if newest is not None:
                found = found[-newest:]
            return [replace(record) for record in found]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            for record in self._records:
                record._cost = 0
            self._records.clear()
            self._size = 0

    def _trim(self) -> None:
        while self._records and (len(self._records) > self._max_requests or self._size > self._max_bytes):
            oldest = self._records.popleft()
            self._size -= oldest._cost
            oldest._cost = 0


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that may be recorded."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
