"""Exception that becomes an error answer: a status, its `detail`, perhaps headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Problem(Exception):  # noqa: N818 - it is an answer, not an error of the emulator
    """An error answer, FastAPI style: `{"detail": ...}`."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
