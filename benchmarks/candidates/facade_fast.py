"""xpander_facade with its extra `[fast]`, in an environment that has it."""

from candidates.facade import areport, report

__all__ = ["areport", "report"]
