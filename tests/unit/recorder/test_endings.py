"""What is told of a run that an exception has left."""

from __future__ import annotations

import asyncio

import pytest

from xpander_facade.recorder._endings import end_text

ANYIO = "Cancelled via cancel scope 7f3e89786800 by <Task pending coro=<work() running at /srv/app/main.py:3>>"


@pytest.mark.parametrize(
    ("error", "kept", "text"),
    [
        (None, "kept", "kept"),
        (ValueError("boom"), "kept", "boom"),
        (asyncio.CancelledError(), None, "CancelledError"),
        (asyncio.CancelledError(), "kept", "kept"),
        (asyncio.CancelledError("the user has left"), None, "the user has left"),
        (asyncio.CancelledError(ANYIO), None, "CancelledError"),
        (
            asyncio.CancelledError("Cancelled via cancel scope 7f3e89786800; reason: deadline exceeded"),
            None,
            "CancelledError: deadline exceeded",
        ),
        (asyncio.CancelledError("Cancelled via cancel scope 7f3e89786800; reason: <Task x>"), None, "CancelledError"),
    ],
)
def test_a_cancelled_run_keeps_its_text_and_shows_no_addresses(
    error: BaseException | None, kept: str | None, text: str
):
    assert end_text(error, kept) == text
