"""What is told of reports that were dropped or quarantined: log lines, one for many, and the user's hooks."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from xpander_facade.outbox._entry import entry_at

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.outbox._database import Database
    from xpander_facade.outbox._entry import OutboxEntry

LOG_EVERY = 60.0
"""Seconds in which dropping is logged at most once for each reason."""
_MAX_NAMED = 5
_log = logging.getLogger("xpander_facade")


class _Pending(threading.local):
    """What a thread has noted and not told yet."""

    dropped: list[OutboxEntry]
    quarantined: list[OutboxEntry]


class Hooks:
    """What one process tells of what became of reports.

    A hook is called after the transaction that dropped or quarantined the report, on whichever thread did it. What it
    raises is logged and costs nothing else.

    Args:
        database: The file.
        settings: Gives the present settings, which name the hooks.
    """

    def __init__(self, database: Database, settings: Callable[[], OutboxSettings]) -> None:
        self._database = database
        self._settings = settings
        self._pending = _Pending()
        self._logged_at: dict[str, float] = {}
        self._unlogged: dict[str, list[str]] = {}

    @contextlib.contextmanager
    def after(self) -> Generator[None]:
        """Tell what a block has noted, once its transaction is done; nothing where that was taken back."""
        self._pending.dropped, self._pending.quarantined = [], []
        yield
        # After the transaction: a hook may use the outbox itself, and must not hold the file while it does what it
        # does.
        dropped, quarantined = self._pending.dropped, self._pending.quarantined
        self._pending.dropped, self._pending.quarantined = [], []
        settings = self._settings()
        for entry in dropped:
            self._unlogged.setdefault(entry.reason or "", []).append(entry.id)
            self._call(settings.on_drop, entry)
        for entry in quarantined:
            self._call(settings.on_quarantine, entry)
        if dropped:
            self.log_dropped()

    def note_dropped(self, rowid: int, reason: str) -> None:
        """Note that a report is about to be dropped."""
        has_hook = self._settings().on_drop is not None
        self._pending.dropped.extend(entry_at(self._database, rowid, reason, with_body=has_hook))

    def note_quarantined(self, rowid: int) -> None:
        """Note that a report was quarantined."""
        if self._settings().on_quarantine is not None:
            self._pending.quarantined.extend(entry_at(self._database, rowid))

    def log_dropped(self) -> None:
        """Log what was dropped, once a minute for each reason."""
        now = time.monotonic()
        for reason, ids in list(self._unlogged.items()):
            if ids and now - self._logged_at.get(reason, -LOG_EVERY) >= LOG_EVERY:
                self._logged_at[reason] = now
                self._unlogged[reason] = []
                named = ", ".join(ids[:_MAX_NAMED]) + (", ..." if len(ids) > _MAX_NAMED else "")
                _log.warning(
                    "outbox %s: %s dropped, and will not be sent: %s (%s)",
                    self._database.path,
                    "1 report was" if len(ids) == 1 else f"{len(ids)} reports were",
                    reason,
                    named,
                )

    def _call(self, hook: Callable[[OutboxEntry], object] | None, entry: OutboxEntry) -> None:
        if hook is None:
            return
        try:
            hook(entry)
        except Exception:
            _log.exception(
                "outbox %s: the hook %r raised; it is called again for the next report", self._database.path, hook
            )
