"""xpander_facade of the revision that today's is compared with, in an environment of its own."""

from candidates.facade import areport, drain, enqueue, record, report

__all__ = ["areport", "drain", "enqueue", "record", "report"]
