"""Runs over real sockets: how they are recorded, and what the platform has of them in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from calling import Caller, configured, run_python

from xpander_facade import (
    Backend,
    ExternalTask,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xpander_facade.emulator import Emulator

AGENT = "agent-123"
FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")  # Python 3.12 warns of a fork in a process with threads


class Setting:
    """A backend that reports in one of the two ways, and what the platform has in the end."""

    def __init__(self, emulator: Emulator, outbox: Path | None) -> None:
        self.emulator = emulator
        self.outbox = outbox
        self.configuration = configured(emulator, agent_id=AGENT, outbox=outbox, deadline=20)
        self.backend = Backend(self.configuration)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the platform's records by id, after everything has been sent."""
        result = self.backend.flush()
        assert (result.waiting, result.quarantined) == (0, 0)
        return {task["id"]: task for task in self.emulator.tasks()}

    def run(self) -> dict[str, Any]:
        """Return the one record that there is."""
        (run,) = self.runs().values()
        return run

    def reports(self) -> list[dict[str, Any]]:
        """Return the reports that the platform got."""
        self.runs()
        return [request.body for request in self.emulator.requests("report_external_task")]


def told(run: dict[str, Any]) -> tuple[str, str, str | None]:
    """Return what matters most of a record: status, input, result."""
    return run["status"], run["input"]["text"], run["result"]


def block(call: Caller, handle: ExternalTask, work: Callable[[ExternalTask], None]) -> None:
    """Do some work in a `with` block, or in an `async with` block."""
    if call.way == "sync":
        with handle as run:
            work(run)
        return

    async def main() -> None:
        async with handle as run:
            work(run)

    asyncio.run(main())


def throw(error: BaseException) -> None:
    raise error


PREAMBLE = """
    import asyncio, os, sys
    from xpander_facade import Backend, Configuration, report_counts
    outbox, arguments = sys.argv[2] or None, sys.argv[3:]
    backend = Backend(Configuration("k", "org-1", sys.argv[1], "agent-123", outbox=outbox))
"""


def program(setting: Setting, code: str, *arguments: str, **given: Any) -> str:
    """Run a program that has a backend of its own, with the setting's outbox; further arguments are `arguments`."""
    return run_python(PREAMBLE + code, setting.emulator.url, str(setting.outbox or ""), *arguments, **given)
