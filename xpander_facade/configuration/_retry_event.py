"""The event that `on_retry` gets."""

from __future__ import annotations

from xpander_facade._process import late_attrs


@late_attrs.frozen
class RetryEvent:
    """What an `on_retry` hook is told before a call is tried again.

        def show(event: RetryEvent) -> None:
            print(event)

        configuration = Configuration(on_retry=show)

    Args:
        attempt: Which retry this is; the first is 1.
        wait: Seconds until it is sent.
        cause: Why: a status ("503") or what happened to the connection.
        method: The HTTP method.
        url: The URL without its query.
    """

    attempt: int
    wait: float
    cause: str
    method: str
    url: str
