"""The hosts of `tools/soak_runners` as it sees them from outside: a runner's processes, and an outbox of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv-runners-short" / "bin"
CHILDREN = 3
_COMMANDS = {
    "celery": (
        "celery", "-A", "soak_celery", "worker", "-n", "{name}@soak", "-P", "prefork", "-c", str(CHILDREN),
        "-l", "INFO", "--without-gossip", "--without-mingle",
    ),
    "rq": ("rq", "worker-pool", "-n", str(CHILDREN), "-w", "soak_rq.Worker", "--url", "{redis}"),
    "dramatiq": ("dramatiq", "soak_dramatiq", "-p", "2", "-t", str(CHILDREN)),
}  # fmt: skip
_READY = {"celery": " ready.", "rq": "Listening on", "dramatiq": "ready for action"}
_MAX_STOP = 60.0


class Host:
    """A host of workers. What ends by itself, as Dramatiq does when it loses a process, is started again.

    Args:
        runner: The job runner.
        name: The host's name.
        folder: Where its outbox and its log are.
        variables: The environment of its processes.
    """

    def __init__(self, runner: str, name: str, folder: Path, variables: dict[str, str]) -> None:
        self.name = name
        self.outbox = folder / f"{name}.db"
        self.starts_at = 0.0
        self._runner = runner
        self._log = folder / f"{name}.log"
        self._variables = {**variables, "XPANDER_OUTBOX": str(self.outbox)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start its processes."""
        command = [part.format(name=self.name, redis=self._variables["REDIS"]) for part in _COMMANDS[self._runner]]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self._log.parent,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Whether it waits for jobs."""
        return _READY[self._runner] in self._log.read_text(errors="replace")

    def is_up(self) -> bool:
        """Whether its main process runs."""
        return self._process is not None and self._process.poll() is None

    def keep_up(self) -> None:
        """Start it again when it is time to."""
        if not self.is_up() and time.monotonic() >= self.starts_at:
            self._end_rest()
            self.start()

    def descendants(self) -> list[int]:
        """Return the ids of all its processes, the main one first."""
        if self._process is None:
            return []
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError):
                fields = entry.read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
        found = [self._process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def kill(self) -> list[int]:
        """Kill all its processes at once; return their ids."""
        if self._process is None:
            return []
        pids: list[int] = []
        while left := [pid for pid in self.descendants() if pid not in pids]:
            for pid in left:  # the main one first, which would start others
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if pid != self._process.pid or pids else signal.SIGSTOP)
            pids += left
        self._process.kill()
        self._process.wait(10)
        return pids

    def stop(self) -> None:
        """Let it end in order."""
        if self._process is not None and self.is_up():
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_MAX_STOP)
        self._end_rest()

    def drain(self) -> int:
        """Send what its outbox holds; return how many reports are left."""
        if not self.outbox.exists():
            return 0
        paths = os.pathsep.join([str(ROOT), str(ROOT / "generated")])
        done = subprocess.run(
            [sys.executable, "-m", "xpander_facade.outbox", str(self.outbox), "--until-empty"],
            env={**self._variables, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
        return done.returncode

    def _end_rest(self) -> None:
        """End what the main process has left behind."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class Control:
    """The process that gives jobs to the runner, and asks it what became of them."""

    def __init__(self, runner: str, folder: Path, variables: dict[str, str]) -> None:
        self._log = (folder / "control.log").open("ab")
        self._process = subprocess.Popen(
            [str(BIN / "python"), str(ROOT / "tools" / "soak_runner_jobs" / f"soak_{runner}.py")],
            env={**variables, "XPANDER_OUTBOX": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def send(self, numbers: list[int]) -> None:
        """Give the runner jobs."""
        self._ask(["send", numbers])

    def states(self) -> dict[str, str]:
        """Return how the jobs have ended that have, by id."""
        answer: dict[str, str] = json.loads(self._ask(["states"]))
        return answer

    def count_held(self) -> int | None:
        """Return how many jobs the runner still has; None where it can lose none."""
        answer: int | None = json.loads(self._ask(["held"]))
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def _ask(self, question: list[object]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that sends jobs has ended; see {self._log.name}")
        return answer
