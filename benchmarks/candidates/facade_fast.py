"""xpander_facade with its extra `[fast]`, in an environment that has it."""

from candidates.facade import aevents, areport, events, report

__all__ = ["aevents", "areport", "events", "report"]
