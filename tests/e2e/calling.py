"""How the tests over real sockets call: sync and async alike, with short limits, and from processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpander_facade import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    from xpander_facade.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
KEY = "key-7d1f"


class Caller:
    """One of the two ways of calling: `call(object, "verb", ...)` calls `verb` or `averb`."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, target: Any, verb: str, *args: Any, **kwargs: Any) -> Any:
        if self.way == "sync":
            return getattr(target, verb)(*args, **kwargs)

        async def main() -> Any:
            return await getattr(target, f"a{verb}")(*args, **kwargs)

        return asyncio.run(main())

    def events(self, task: Any, took: Callable[[Any], object] = lambda event: None) -> list[Any]:
        """Take a task's events to the end, and tell of each as it is taken."""
        events: list[Any] = []
        if self.way == "sync":
            for event in task.events():
                events.append(event)
                took(event)
            return events

        async def main() -> None:
            async for event in task.aevents():
                events.append(event)
                took(event)

        asyncio.run(main())
        return events


def configured(server: Misbehaving | Emulator, **given: Any) -> Configuration:
    """Return how to call a server, with an answer expected soon and no repeating unless asked for."""
    values: dict[str, Any] = {"api_key": "key-1", "organization_id": "org-1", "timeout": 5, "max_retries": 0}
    return Configuration(**{**values, "base_url": server.url, **given})


def run_python(
    program: str,
    *arguments: str,
    flags: tuple[str, ...] = ("-W", "error"),
    first: Callable[[], bool] = lambda: True,
) -> str:
    """Run a program in a Python of its own to its end, with all warnings as errors, and return what it printed.

    Its standard input ends when `first` has come true, so a program that reads it waits for that.
    """
    process = subprocess.Popen(
        [sys.executable, *flags, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            came = first()
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    if not came or err or process.returncode != 0:
        raise AssertionError(f"exit {process.returncode}, {'' if came else 'what was waited for did not come, '}{err}")
    return out
