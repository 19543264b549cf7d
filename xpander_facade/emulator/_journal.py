"""Request journal: one record for each request, in order of arrival, without secrets."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Complaint: TypeAlias = dict[str, Any]

_SECRET_HEADERS: Final = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})


@dataclass(slots=True)
class RecordedRequest:
    """One request.

    Attributes:
        method: In capitals.
        path: As it came, percent-encoded, without the query.
        query: Decoded pairs in their order.
        headers: Lower-case names; keys and cookies are left out.
        body: The JSON body, decoded; None when there was none or it was not JSON.
        operation_id: None when the path or the method is unknown.
        organization_id: From the path; None when the path does not name one.
        values: The path's parameters, decoded.
        status: None until it is answered, or when the connection ended without an answer.
        request_id: What the answer's header `x-request-id` says: the client's own id, else a new one.
        complaints: How the request breaks the contract; empty for a good one.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any = None
    operation_id: str | None = None
    organization_id: str | None = None
    values: dict[str, str] = field(default_factory=dict[str, str])
    status: int | None = None
    request_id: str = ""
    complaints: list[Complaint] = field(default_factory=list[Complaint])


class Journal:
    """The newest requests; older ones than the bound are forgotten."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._records: deque[RecordedRequest] = deque(maxlen=limit)

    def add(self, record: RecordedRequest) -> None:
        """Note a request."""
        with self._lock:
            self._records.append(record)

    def records(self, operation: str | None) -> list[RecordedRequest]:
        """Return copies of the records, of one operation or (None) of all."""
        with self._lock:
            return [replace(r) for r in self._records if operation is None or r.operation_id == operation]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._records.clear()


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that may be noted."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
