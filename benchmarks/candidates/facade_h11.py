"""xpander_facade with h11 as its parser of responses: `XPANDER_HTTP_PARSER=h11` in its environment."""

from candidates.facade import areport, report

__all__ = ["areport", "report"]
