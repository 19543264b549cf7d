"""How a run that raised is described: the exception's text, without what only the process's memory knows."""

from __future__ import annotations

import re
import sys

from xpander_facade._serialization.jsonable import error_text

_REASON = re.compile(r"reason: (?P<reason>[^<>]*)$")
_INTERNAL = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{9,}\b|<[\w.]*(Task|Future|Handle)\b|\.py\b")


def end_text(error: BaseException | None, kept: str | None) -> str | None:
    """Return what a report says as the result of a run that an exception has left.

    Args:
        error: The exception.
        kept: The text that the run has given until then; a run that was cancelled keeps it.
    """
    if error is None:
        return kept
    if not _is_cancellation(error):
        return error_text(error)
    return kept if kept is not None else _cancellation_text(error)


def _is_cancellation(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def _cancellation_text(error: BaseException) -> str:
    """Return why a task was cancelled. anyio's messages hold addresses, paths and, at their end, the reason."""
    text = error_text(error)
    if _INTERNAL.search(text) is None:
        return text
    reason = _REASON.search(text)
    if reason is None or _INTERNAL.search(reason["reason"]):
        return type(error).__name__
    return f"{type(error).__name__}: {reason['reason'].strip()}"
