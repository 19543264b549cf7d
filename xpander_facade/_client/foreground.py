"""Calls that somebody waits for: what sends in the background counts them, and lets them go first."""

from __future__ import annotations

import functools
import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration


class ForegroundCalls:
    """The calls of this process with one key to one platform, but for those that are made in the background."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self.sent = 0
        """How many requests have left."""
        self._held: set[object] = set()

    def note(self) -> None:
        """Count a request that leaves."""
        self.sent = next(self._counter)

    def hold(self, call: object) -> None:
        """Note that a call waits, since the platform said that there are too many requests."""
        self._held.add(call)

    def release(self, call: object) -> None:
        """Note that a call waits no more."""
        self._held.discard(call)

    @property
    def are_held(self) -> bool:
        """Whether a call waits since the platform said that there are too many requests."""
        return bool(self._held)


BACKGROUND = ForegroundCalls()
"""Counts what is sent in the background, which nobody looks at."""


def foreground_calls(configuration: Configuration) -> ForegroundCalls:
    """Return the calls to the platform with the organisation and key of a configuration, whatever its limits."""
    return _calls(configuration.base_url, configuration.organization_id, configuration.api_key)


@functools.lru_cache(maxsize=256)
def _calls(base_url: str, organization_id: str | None, api_key: str | None) -> ForegroundCalls:
    return ForegroundCalls()


# A child of a fork has none of the calls that the parent's threads were making.
if hasattr(os, "register_at_fork"):  # there is none on Windows
    os.register_at_fork(after_in_child=_calls.cache_clear)
