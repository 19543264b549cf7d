"""The time as the emulator writes it: ISO 8601 in UTC, microseconds, `Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """Return the present."""
    return _text(datetime.now(UTC))


def before(moment: str, seconds: float) -> str:
    """Return the time some seconds before one that `now` wrote; the same time when the calendar does not reach."""
    try:
        return _text(datetime.fromisoformat(moment) - timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return moment


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
