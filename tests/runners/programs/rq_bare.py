"""A job of RQ that records a run by itself, without the integration."""

from __future__ import annotations

from xpander_facade import Backend

backend = Backend()


def named(text: str) -> None:
    with backend.external_task(id="named", input=text) as run:
        run.result = text.upper()
