"""The budget of a task's files: what they may cost together, and log lines for those that are not read."""

from __future__ import annotations

import logging
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xpander_facade.types.file_limits import FileLimits

_log = logging.getLogger("xpander_facade")


class FileBudget:
    """What a task's files may cost together: how many are fetched, and how long their texts may be.

    They are fetched in batches and counted in order, so that the same files are left out every time, and memory holds
    at most what may be kept plus one batch.

    Args:
        urls: Where the files are.
        limits: The limits of one file and of all.

    Attributes:
        until: The `time.monotonic()` by which all of them must be read.
        texts: The text of each file, in order; None for one that was not read.
    """

    def __init__(self, urls: Iterable[str], limits: FileLimits) -> None:
        self.texts: dict[str, str | None] = dict.fromkeys(urls)
        self._limits = limits
        self._remaining = limits.max_total_bytes
        self.until = time.monotonic() + limits.longest

    def batches(self) -> Iterator[list[str]]:
        """Yield the files to fetch next, until there are no more or nothing more fits."""
        urls = list(self.texts)
        size, end = self._limits.concurrency, min(len(urls), self._limits.max_files)
        for first in range(0, end, size):
            if time.monotonic() >= self.until:
                self._log_not_read(len(urls) - first, "all files together take too long")
                return
            if not self._remaining:
                self._log_not_read(len(urls) - first, self._too_long())
                return
            yield urls[first : min(first + size, end)]
        if len(urls) > end:
            self._log_not_read(len(urls) - end, f"there are more than {end}")

    def add(self, batch: Sequence[str], texts: Iterable[str | None], received: Iterable[int] = ()) -> None:
        """Keep the texts of a batch that fit into the budget.

        Args:
            batch: The URLs of the batch.
            texts: Their texts; None for one that was not read.
            received: How many bytes came of each, whatever became of them; left out, it is what the texts have.
        """
        for url, text, count in zip(batch, texts, chain(received, repeat(0)), strict=False):
            length = 0 if text is None else len(text.encode("utf-8", "surrogatepass"))
            if text is None:
                self._remaining = max(0, self._remaining - count)
                continue
            if length <= self._remaining:
                self.texts[url] = text
                self._remaining -= length
            else:
                log_unread(url, self._too_long())

    def _too_long(self) -> str:
        return f"all files together are longer than {self._limits.max_total_bytes} bytes"

    def _log_not_read(self, count: int, reason: str) -> None:
        _log.warning("%d files of the task were not read: %s", count, reason)


def log_unread(url: str, reason: str) -> None:
    """Log that a file could not be read, and why."""
    _log.warning("a file of the task could not be read: %s: %s", loggable_url(url), reason)


def loggable_url(url: str) -> str:
    """Return a URL for the log: without query, fragment, user and password, on one line, at most 200 characters."""
    start, mark, rest = url.partition("#")[0].partition("?")[0].partition("://")
    if mark:
        host, slash, path = rest.partition("/")
        start = f"{start}://{host.rpartition('@')[2]}{slash}{path}"
    return "".join(character if character.isprintable() else "?" for character in start[:200])
