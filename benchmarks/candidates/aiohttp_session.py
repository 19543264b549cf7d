"""aiohttp with one ClientSession for all calls."""

from __future__ import annotations

import asyncio
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


def amany(url: str, at_once: int) -> Callable[[int], Awaitable[None]]:
    target = url + REPORT_PATH
    sessions: list[aiohttp.ClientSession] = []

    async def send(count: int) -> None:
        if not sessions:
            sessions.append(aiohttp.ClientSession(headers=HEADERS))
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                async with sessions[0].post(target, json={**REPORT, "id": f"run-{number}"}) as response:
                    response.raise_for_status()
                    await response.json()

        await asyncio.gather(*[work() for _ in range(at_once)])

    return send
