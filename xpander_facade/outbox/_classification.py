"""What an error says of the report that was being sent: try again, never, or not from this process. Pure."""

from __future__ import annotations

import enum

import attrs

from xpander_facade._client.retry import TRANSIENT_STATUSES
from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    ModuleException,
    PermissionDeniedError,
    RedirectError,
)

_MAX_REASON = 500


class Disposition(enum.Enum):
    """What becomes of a report that did not get through."""

    RETRY = "it is tried again later"
    SUSPECT = "the report's agent or this process's key may be at fault: what becomes of others tells"
    DEAD_LETTER = "the platform will never take it as it is"
    UNAUTHORIZED = "this process's key or address is at fault, not the report"


@attrs.frozen
class Classification:
    """What an error means.

    Args:
        disposition: What becomes of the report.
        reason: Why, for people.
        throttled: Whether the platform said that there are too many requests.
        retry_after: Seconds that the platform asked to wait, or None.
    """

    disposition: Disposition
    reason: str
    throttled: bool = False
    retry_after: float | None = None


def classify(error: Exception) -> Classification:
    """Return what an error of a send means for the report.

    An answer that can't be read is tried again: a login page that answers 200 has taken nothing, and a platform that
    has taken the report takes it once more under the same id without doubling it.
    """
    reason = _reason(error)
    if isinstance(error, ConfigurationError | AuthenticationError | RedirectError):
        return Classification(Disposition.UNAUTHORIZED, reason)
    if isinstance(error, PermissionDeniedError):
        return Classification(Disposition.SUSPECT, reason)
    if isinstance(error, APIConnectionError | APIResponseParseError):
        return Classification(Disposition.RETRY, reason)
    if isinstance(error, APIStatusError):
        status = error.status_code or 0
        if status in TRANSIENT_STATUSES or status >= 500:
            return Classification(Disposition.RETRY, reason, status == 429, error.retry_after)
        return Classification(Disposition.DEAD_LETTER, reason)
    # What can't be written as JSON never can; any other error is the process's, not the report's.
    return Classification(Disposition.DEAD_LETTER if isinstance(error, ValueError) else Disposition.RETRY, reason)


def _reason(error: Exception) -> str:
    text = error.description if isinstance(error, ModuleException) else f"{type(error).__name__}: {error}"
    return text[:_MAX_REASON]
