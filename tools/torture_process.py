"""One process of the torture: `tools/torture` starts it, and takes it away as it likes.

Each step goes into the process's file of notes before it is taken and after, with the time of a clock that is never put
forward or back; so it is known what the outbox had accepted, whatever became of the process.

    python tools/torture_process.py SETTINGS        (JSON; see `Settings`)
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import logging
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "generated")]

if TYPE_CHECKING:
    from types import FrameType

    from xpander_facade.configuration import RequestEvent


@dataclass(frozen=True)
class Settings:
    """What a process is told.

    Args:
        name: Its slot and how many there were in the slot before, such as "w1.7".
        kind: "writer", "flusher" or "relay".
        url: Where the platform is.
        outbox: The outbox's file.
        notes: The file of notes.
        log: The file of what is logged.
        clock: The file that says how wrong the wall clock is, in seconds.
        lease: The lease of runs, in seconds.
        deadline: Seconds that a call may take.
        pause: The longest pause of a thread between two runs, in seconds.
        seed: Makes the same choices again.
        parent: The process id of the torture; this process ends when it is gone.
    """

    name: str
    kind: str
    url: str
    outbox: str
    notes: str
    log: str
    clock: str
    lease: float
    deadline: float
    pause: float
    seed: int
    parent: int


def set_clock_by(path: str) -> None:
    """Let `time.time` be wrong by what a file says, at each moment, as if the machine's clock were set."""
    with open(path, "rb") as file:
        offset = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    right, right_ns = time.time, time.time_ns

    def seconds() -> float:
        return float(struct.unpack("d", offset[:8])[0])

    time.time = lambda: right() + seconds()
    time.time_ns = lambda: right_ns() + int(seconds() * 1e9)


class Interruption(Exception):  # noqa: N818 (as a job runner's time limit is raised)
    """What a signal handler raises, wherever the main thread is."""


class Notes:
    """The file of notes."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, step: str, id: str = "-") -> None:
        """Write a step down; it survives this process."""
        os.write(self._file, f"{time.monotonic():.4f} {step} {id}\n".encode())


class LogFile(logging.Handler):
    """What this process logs, with times that no step of the clock changes."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        text = record.getMessage().replace("\n", " ")
        if record.levelno < logging.INFO and "can't take the report" not in text:
            return
        with contextlib.suppress(OSError):
            os.write(self._file, f"{time.monotonic():.4f} {record.levelname} {text[:600]}\n".encode())


class Process:
    """What a process does until it is told to end, or killed."""

    def __init__(self, settings: Settings) -> None:
        from xpander_facade import Backend, Configuration, OutboxSettings, preload

        preload()
        self.settings = settings
        self.notes = Notes(settings.notes)
        self.ending = threading.Event()
        self.is_quiet = threading.Event()
        self.numbers = iter(range(1 << 60))
        self.open_on_main_thread: set[str] = set()
        """The runs that the main thread, which signal handlers interrupt, has not noted the end of."""
        self.configuration = Configuration(
            api_key="torture-key",
            base_url=settings.url,
            agent_id="torture",
            organization_id="org-1",
            outbox=OutboxSettings(settings.outbox, lease=settings.lease, exit_timeout=2.0),
            timeout=settings.deadline / 2,
            deadline=settings.deadline,
            record_deadline=settings.deadline,
            on_request=self.name_sender,
        )
        self.backend = Backend(self.configuration)

    def name_sender(self, event: RequestEvent) -> dict[str, str]:
        """Say in each request which process sends it."""
        return {"X-Torture-Sender": f"{self.settings.name}-{os.getpid()}"}

    def run(self) -> None:
        """Do what this kind of process does."""
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(signal.SIGHUP, lambda number, frame: self.is_quiet.set())
        threading.Thread(target=self.watch_parent, daemon=True).start()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        self.notes.write("ready", str(os.getpid()))
        {"writer": self.write, "flusher": self.flush, "relay": self.relay}[self.settings.kind]()
        self.notes.write("leaving", str(os.getpid()))

    def end(self, number: int, frame: FrameType | None) -> None:
        """End in good order."""
        self.is_quiet.set()
        self.ending.set()

    def watch_parent(self) -> None:
        """End this process when the one that started it is gone: nobody else would."""
        while os.getppid() == self.settings.parent:
            time.sleep(0.5)
        os._exit(3)

    # --- flushers and relays ---

    def flush(self) -> None:
        """Flush again and again."""
        from xpander_facade import XpanderError

        chance = random.Random(f"{self.settings.seed} {self.settings.name}")
        while not self.ending.is_set():
            id = self.new_id("flush")
            self.notes.write("calling", id)
            with contextlib.suppress(XpanderError):
                self.backend.flush(chance.choice((0.1, 0.5, 1.0)))
            self.notes.write("called", id)
            self.ending.wait(chance.uniform(0.05, 0.4))

    def relay(self) -> None:
        """Send what others store."""
        from xpander_facade.outbox._relay import relay

        relay(self.configuration, [self.settings.outbox], stop=self.ending)

    # --- writers ---

    def write(self) -> None:
        """Report and record runs: on two threads, on an event loop, in signal handlers and in forked children."""
        threads = [threading.Thread(target=self.work_in_thread), threading.Thread(target=self.work_in_loop)]
        for thread in threads:
            thread.start()
        chance = random.Random(f"{self.settings.seed} {self.settings.name} main")
        while not self.is_quiet.is_set():
            with contextlib.suppress(Interruption):
                self.work_on_main_thread(chance)
            self.note_interrupted()
        for thread in threads:
            thread.join()
        self.notes.write("quiet", str(os.getpid()))
        self.ending.wait()

    def work_on_main_thread(self, chance: random.Random) -> None:
        """Report and record runs, where signal handlers come in between, and fork now and then."""
        try:
            signal.signal(signal.SIGUSR1, self.report_in_handler)
            signal.signal(signal.SIGUSR2, self.interrupt)
            while not self.is_quiet.is_set():
                if chance.random() < 1 / 12:
                    self.fork()
                else:
                    self.do_one(chance)
                self.note_interrupted()
                self.is_quiet.wait(chance.uniform(0, self.settings.pause))
        finally:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    def note_interrupted(self) -> None:
        """Note what the main thread has left: the exception may have come before or after the lines that note it."""
        while self.open_on_main_thread:
            self.notes.write("interrupted", self.open_on_main_thread.pop())

    def work_in_thread(self) -> None:
        """Report and record runs, one after the other."""
        chance = random.Random(f"{self.settings.seed} {self.settings.name} thread")
        while not self.is_quiet.is_set():
            self.do_one(chance)
            self.is_quiet.wait(chance.uniform(0, self.settings.pause))

    def do_one(self, chance: random.Random) -> None:
        """Report or record one run."""
        kind = chance.choices(("once", "twice", "block", "direct"), (5, 4, 4, 1))[0]
        {"once": self.report_once, "twice": self.report_twice, "block": self.record, "direct": self.report_directly}[
            kind
        ](self.new_id(kind), chance)

    def report_once(self, id: str, chance: random.Random) -> None:
        """Store a report."""
        with self.accepting(id):
            self.backend.enqueue_external_task(id=id, input=f"input of {id}", result=f"result of {id}")

    def report_twice(self, id: str, chance: random.Random) -> None:
        """Store what is known of a run first, and the rest later; the platform has both in the end."""
        with self.accepting(id):
            self.backend.enqueue_external_task(id=id, input=f"input of {id}")
            self.backend.enqueue_external_task(id=id, result=f"result of {id}")

    def report_directly(self, id: str, chance: random.Random) -> None:
        """Report without the outbox."""
        with self.accepting(id):
            self.backend.report_external_task(id=id, input=f"input of {id}", result=f"result of {id}")

    def record(self, id: str, chance: random.Random) -> None:
        """Record a run that takes a while."""
        with self.accepting(id, "beginning") as accepted:
            run = self.backend.external_task(
                id=id, input=f"input of {id}", report_start=chance.random() < 0.5, strict=True
            )
            with run:
                self.notes.write("begun", id)
                time.sleep(chance.uniform(0, 2 * self.settings.pause))
                run.result = f"result of {id}"
                self.notes.write("storing", id)
            accepted.append(run.delivery in ("queued", "reported"))

    @contextlib.contextmanager
    def accepting(self, id: str, first: str = "storing"):  # noqa: ANN201 (a generator of this file's alone)
        """Note what became of a run: stored, refused with an error, or interrupted by a signal handler."""
        from xpander_facade import XpanderError

        accepted: list[bool] = []
        try:
            if threading.current_thread() is threading.main_thread():
                self.open_on_main_thread.add(id)
            self.notes.write(first, id)
            yield accepted
        except Interruption:
            self.notes.write("interrupted", id)
            raise
        except XpanderError as error:
            self.notes.write("reason", f"{id} {type(error).__name__}: {str(error)[:200]}".replace("\n", " "))
            self.notes.write("refused", id)
        else:
            self.notes.write("stored" if all(accepted) else "refused", id)
        self.open_on_main_thread.discard(id)

    def work_in_loop(self) -> None:
        """Report and record runs on an event loop."""
        asyncio.run(self.work_async())

    async def work_async(self) -> None:
        """Report and record runs, several at a time."""
        chance = random.Random(f"{self.settings.seed} {self.settings.name} loop")
        while not self.is_quiet.is_set():
            ids = [self.new_id("loop") for _ in range(3)]
            await asyncio.gather(*(self.do_one_async(id, chance.uniform(0, self.settings.pause)) for id in ids))
            await asyncio.sleep(chance.uniform(0, 2 * self.settings.pause))

    async def do_one_async(self, id: str, pause: float) -> None:
        """Report or record one run."""
        if int(id.rpartition("-")[2]) % 2:
            with self.accepting(id):
                await self.backend.aenqueue_external_task(id=id, input=f"input of {id}", result=f"result of {id}")
            return
        with self.accepting(id, "beginning") as accepted:
            async with self.backend.external_task(id=id, input=f"input of {id}", strict=True) as run:
                self.notes.write("begun", id)
                await asyncio.sleep(pause)
                run.result = f"result of {id}"
                self.notes.write("storing", id)
            accepted.append(run.delivery in ("queued", "reported"))

    def fork(self) -> None:
        """Let a forked child report, while the other threads are in the midst of it."""
        from xpander_facade import XpanderError

        ids = [self.new_id("forked") for _ in range(3)]
        is_storing = threading.Event()
        beside = threading.Thread(target=self.store_in_haste, args=(is_storing,))
        try:
            # Python 3.11 makes a KeyError of an exception that comes while a thread starts.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
            beside.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})
        is_storing.wait(1.0)
        pid = os.fork()
        if pid:
            self.notes.write("forked", str(pid))
            self.await_child(pid)
            return
        code = 1
        try:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            self.notes.write("child", str(os.getpid()))
            for id in ids:
                self.report_once(id, random.Random(id))
            with contextlib.suppress(XpanderError):
                self.backend.flush(0.2)
            self.notes.write("leaving", str(os.getpid()))
            code = 0
        except Interruption:
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def store_in_haste(self, is_storing: threading.Event) -> None:
        """Store one report after the other, so that a fork comes while this thread has the file."""
        for _ in range(8):
            id = self.new_id("haste")
            self.report_once(id, random.Random(id))
            is_storing.set()

    def await_child(self, pid: int) -> None:
        """Wait until a child has ended."""
        code = 0
        while True:
            try:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            except Interruption:
                continue
            except ChildProcessError:
                pass  # the interruption came when it was already known to have ended
            self.notes.write("reaped", f"{pid}:{code}")
            return

    def report_in_handler(self, number: int, frame: FrameType | None) -> None:
        """Store a report in a signal handler, wherever the main thread is."""
        id = self.new_id("signal")
        self.report_once(id, random.Random(id))

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise an exception, wherever the main thread is but in the log: that would never give its lock back.

        Raises:
            Interruption: The main thread is not in the log.
        """
        while frame is not None:
            if frame.f_globals.get("__name__") == "logging":
                return
            frame = frame.f_back
        raise Interruption

    def new_id(self, kind: str) -> str:
        """Return an id that no other run has."""
        return f"{kind}-{self.settings.name}-{next(self.numbers)}"


def main() -> None:
    """Do what the one argument says."""
    settings = Settings(**json.loads(sys.argv[1]))
    set_clock_by(settings.clock)
    faulthandler.enable()
    faulthandler.register(signal.SIGQUIT, all_threads=True)
    logger = logging.getLogger("xpander_facade")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(LogFile(settings.log))
    Process(settings).run()


if __name__ == "__main__":
    main()
