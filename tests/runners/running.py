"""A platform, a broker and workers in processes of their own, and what the platform has in the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xpander_facade.emulator import Emulator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAMS = HERE / "programs"
BIN = Path(sys.executable).parent


class Setting:
    """What a worker's environment says, and where its processes are.

    Args:
        emulator: The platform.
        redis: The URL of the broker.
        folder: Where files go.
        has_outbox: Whether reports go to an outbox.
    """

    def __init__(self, emulator: Emulator, redis: str, folder: Path, *, has_outbox: bool) -> None:
        self.emulator = emulator
        self.redis = redis
        self.folder = folder
        self.outbox = folder / "runs.db" if has_outbox else None
        self.processes: list[subprocess.Popen[bytes]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a worker."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("XPANDER_")}
        return {
            **clean,
            "PYTHONPATH": os.pathsep.join(map(str, (PROGRAMS, ROOT, ROOT / "generated"))),
            "PYTHONUNBUFFERED": "1",
            "REDIS": self.redis,
            "FOLDER": str(self.folder),
            "HOST": "here",
            "XPANDER_API_KEY": "key-1",
            "XPANDER_ORGANIZATION_ID": "org-1",
            "XPANDER_AGENT_ID": "agent-1",
            "XPANDER_BASE_URL": self.emulator.url,
            **({"XPANDER_OUTBOX": str(self.outbox)} if self.outbox else {}),
            **more,
        }

    def start(self, *command: str, name: str = "worker", **more: str) -> subprocess.Popen[bytes]:
        """Start a worker in a process group of its own; its output goes to NAME.log."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.folder,
                env=self.environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def log(self, name: str = "worker") -> str:
        """Return what a worker has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def call(self, code: str, *arguments: str, outbox: bool = False) -> str:
        """Run a program beside the worker, without an outbox by default, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self.environment() if outbox else {**self.environment(), "XPANDER_OUTBOX": ""},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self, process: subprocess.Popen[bytes], timeout: float = 30) -> float:
        """Let a worker end in order; return the seconds that this took."""
        began = time.monotonic()
        process.terminate()
        process.wait(timeout)
        return time.monotonic() - began

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a worker with all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def close(self) -> None:
        """End what still runs."""
        for process in self.processes:
            self.kill(process)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the platform's records by id."""
        return {task["id"]: task for task in self.emulator.tasks()}


def eventually(check: Callable[[], object], seconds: float = 90) -> object:
    """Wait until something is true, and return it."""
    until = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def told(run: dict[str, Any]) -> tuple[str, str, str | None, int]:
    """Return what matters most of a record: status, input, result, prompt tokens."""
    return run["status"], run["input"]["text"], run["result"], (run["tokens"] or {}).get("prompt_tokens", 0)


@contextlib.contextmanager
def redis_server(folder: Path, port: int) -> Iterator[str]:
    """Run a Redis server that keeps nothing, and give its URL."""
    import redis

    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        client = redis.Redis(port=port)

        def answers() -> bool:
            with contextlib.suppress(redis.ConnectionError):
                return bool(client.ping())
            return False

        assert eventually(answers, 10), "redis-server did not start"
        client.close()
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
