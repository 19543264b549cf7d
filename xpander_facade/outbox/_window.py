"""How many requests a process keeps under way to one platform: more while answers are good, else fewer. Pure."""

from __future__ import annotations

import attrs

FIRST = 2


@attrs.define
class Window:
    """The number of requests that may be under way: additive-increase rules of the field, with a doubling start.

    It starts at two and doubles with each round of good answers, up to the highest number that went well before; from
    there it grows by one a round. Trouble halves it, once for all requests that were under way together.

    Args:
        cap: The highest number.
        size: How many may be under way.
    """

    cap: int
    size: int = attrs.field(init=False)
    _threshold: int = attrs.field(init=False)
    _good: int = attrs.field(default=0, init=False)
    _halved_at: float = attrs.field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.size = min(FIRST, self.cap)
        self._threshold = self.cap

    def succeeded(self) -> None:
        """Count a good answer."""
        self._good += 1
        if self._good >= self.size:
            self._good = 0
            # As TCP does: doubled up to where it went wrong before, then one more at a time.
            self.size = min(self.size * 2 if self.size < self._threshold else self.size + 1, self.cap)

    def failed(self, began: float, now: float) -> None:
        """Count an answer that was not good, or none.

        Args:
            began: When the request began, in the same seconds as `now`.
            now: The time.
        """
        if began < self._halved_at:
            return  # it was under way already when the window was halved
        self._halved_at = now
        self._good = 0
        self.size = self._threshold = max(self.size // 2, 1)
