"""Bare httpx, one client for all calls; streams by httpx-sse and json.loads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import httpx_sse
from payload import HEADERS, ORGANIZATION_ID, REPORT, REPORT_PATH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator


def report(url: str) -> Callable[[], Any]:
    client = httpx.Client(headers=HEADERS)
    target = url + REPORT_PATH
    return lambda: client.post(target, json=REPORT).json()


def drain(url: str) -> tuple[Callable[[], Any], Callable[[], None]]:
    """Give a loop that sends each report as it comes: nothing is left to wait for."""
    return report(url), lambda: None


def areport(url: str) -> Callable[[], Awaitable[Any]]:
    client = httpx.AsyncClient(headers=HEADERS)
    target = url + REPORT_PATH

    async def call() -> Any:
        return (await client.post(target, json=REPORT)).json()

    return call


_client: httpx.Client | None = None
_aclient: httpx.AsyncClient | None = None


def events(url: str, task_id: str) -> Iterator[Any]:
    global _client
    _client = _client or httpx.Client(headers=HEADERS)
    target = f"{url}/{ORGANIZATION_ID}/agent-execution/{task_id}/events"
    with httpx_sse.connect_sse(_client, "GET", target) as source:
        for frame in source.iter_sse():
            yield json.loads(frame.data)["data"]


async def aevents(url: str, task_id: str) -> AsyncIterator[Any]:
    global _aclient
    _aclient = _aclient or httpx.AsyncClient(headers=HEADERS)
    target = f"{url}/{ORGANIZATION_ID}/agent-execution/{task_id}/events"
    async with httpx_sse.aconnect_sse(_aclient, "GET", target) as source:
        async for frame in source.aiter_sse():
            yield json.loads(frame.data)["data"]
