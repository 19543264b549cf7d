"""Own how patient a worker is: all its intervals and limits, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class WorkerPace:
    """How patient a worker is.

    Args:
        heartbeat: Seconds between two heartbeats; one that is not answered by then is given up.
        message: Seconds that any other message may take.
        reopen: Seconds before a lost stream is opened again, for the first, second, ... time; then the last one.
        silence: Seconds without a byte after which the stream counts as lost: a connection that died without a word
            looks the same as a platform that has nothing to do.
        again: Seconds before something that must reach the platform is tried again, in the same way.
        unwind: Seconds that a cancelled handler gets for its `finally` blocks.
        farewell: Seconds to save what is left when the grace is over.
    """

    heartbeat: float = 2.0
    message: float = 10.0
    reopen: tuple[float, ...] = (1.0, 2.0, 3.0)
    silence: float = 600.0
    again: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
    unwind: float = 2.0
    farewell: float = 5.0


def wait_after(waits: Sequence[float], failures: int) -> float:
    """Return the seconds to wait after so many failures in a row, 1 or more."""
    return waits[min(failures, len(waits)) - 1]
