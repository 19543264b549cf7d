"""How old reports can be at most, told without the wall clock, which may be wrong or be put forward."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A report may wait longer than `max_age` by such a part of it; more notes would make that exacter than anybody needs.
_NOTES_PER_AGE = 64


class Ages:
    """What one process has seen arrive in a file.

    A report gets a number above those of all that are there. So one whose number is above the highest that was there a
    while ago is not older than that while, whatever time it bears.

    Args:
        clock: Gives seconds that are never put forward or back.
    """

    def __init__(self, clock: Callable[[], float] = lambda: time.monotonic()) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self.has_begun = False
        """Whether anything was noted."""

    def note(self, newest: int, max_age: float) -> int:
        """Note the highest number in the file; return the lowest one that a report has which can't be too old yet.

        Args:
            newest: The highest number that is there.
            max_age: Seconds from which on a report is too old.
        """
        now = self._clock()
        while self._seen and self._seen[-1][1] > newest:
            self._seen.pop()  # all above it are gone, and their numbers are given out again
        if not self._seen or now - self._seen[-1][0] >= max_age / _NOTES_PER_AGE:
            self._seen.append((now, newest))
        while len(self._seen) > 1 and now - self._seen[0][0] >= max_age:
            self._seen.popleft()
        self.has_begun = True
        began, first = self._seen[0]
        return (first if now - began < max_age else newest) + 1
