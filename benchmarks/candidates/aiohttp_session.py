"""aiohttp with one ClientSession for all calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from payload import HEADERS, REPORT, REPORT_PATH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def areport(url: str) -> Callable[[], Awaitable[Any]]:
    session = aiohttp.ClientSession(headers=HEADERS)
    target = url + REPORT_PATH

    async def call() -> Any:
        async with session.post(target, json=REPORT) as response:
            return await response.json()

    return call
