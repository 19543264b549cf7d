"""What a flush came to: light, so that whoever has no outbox need not load one."""

from __future__ import annotations

import attrs


@attrs.frozen
class FlushResult:
    """What a flush came to.

        outcome: FlushResult = backend.flush()
        print(outcome.sent, outcome.waiting, outcome.quarantined)

    Args:
        sent: How many reports were sent since this process's last flush (or since it began to use the outbox), by
            whichever process of the file.
        waiting: How many are still to be sent; they stay on disk.
        quarantined: How many the platform refused in the same time.
    """

    sent: int
    waiting: int
    quarantined: int

    def _repr_html_(self) -> str:
        """Return the counts as a table for a notebook."""
        from xpander_facade._serialization.notebook import table_of_fields

        return table_of_fields("Flush of the outbox", attrs.asdict(self).items())
