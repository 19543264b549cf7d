"""Worker timeouts: all intervals and limits of a worker, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class WorkerTimeouts:
    """Intervals and limits of a worker.

    Args:
        heartbeat: Seconds between two heartbeats; one that is not answered by then is given up.
        message: Seconds that any other message may take.
        reconnect: Seconds before a lost stream is opened again, for the first, second, ... time; then the last one.
        idle_timeout: Seconds without a byte after which the stream counts as lost. A connection that died silently
            looks the same as a platform that has nothing to do.
        retry: Seconds before something that must reach the platform is tried again, in the same way.
        unwind: Seconds that a cancelled handler gets for its `finally` blocks.
        deregister: Seconds to save outcomes and deregister after the grace period.
    """

    heartbeat: float = 2.0
    message: float = 10.0
    reconnect: tuple[float, ...] = (1.0, 2.0, 3.0)
    idle_timeout: float = 600.0
    retry: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
    unwind: float = 2.0
    deregister: float = 5.0


def backoff(waits: Sequence[float], failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, 1 or more."""
    return waits[min(failures, len(waits)) - 1]
