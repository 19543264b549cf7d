"""How many reports of this process were made and how many failed."""

from __future__ import annotations

import threading

import attrs


@attrs.frozen
class ReportCounts:
    """What became of the reports of the runs that this process has recorded; starts that were reported count too.

        counts: ReportCounts = report_counts()
        print(counts.reported, counts.failed, counts.dropped)

    Args:
        reported: The platform has them.
        queued: They went to the outbox.
        failed: They went nowhere. The log of `xpander_facade.recorder` says why.
        dropped: They were not tried, since the platform had failed again and again; an outbox keeps such reports.
    """

    reported: int = 0
    queued: int = 0
    failed: int = 0
    dropped: int = 0


def report_counts() -> ReportCounts:
    """Return what became of the reports of the runs that this process has recorded until now.

    For example:

        print(report_counts().failed)
    """
    with _counting:
        return ReportCounts(**_counts)


_counts: dict[str, int] = {}


_counting = threading.RLock()  # a signal handler may report while the thread that it interrupts is in here


def count_report(name: str) -> None:
    with _counting:
        _counts[name] = _counts.get(name, 0) + 1


def restart_counts() -> None:
    """Count from zero: what the parent of a forked process has done is not its own."""
    global _counting
    _counting = threading.RLock()
    _counts.clear()
