"""`httpx.post` per call: a new client, connection and TLS context each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from payload import HEADERS, REPORT, REPORT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable


def report(url: str) -> Callable[[], Any]:
    target = url + REPORT_PATH
    return lambda: httpx.post(target, json=REPORT, headers=HEADERS).json()
