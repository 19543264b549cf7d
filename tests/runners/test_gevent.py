"""A hub of gevent's goes on while a run waits for the outbox's file."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from running import PROGRAMS, Setting

if TYPE_CHECKING:
    from collections.abc import Callable


def test_waiting_for_a_busy_file_does_not_stop_the_hub(new_setting: Callable[..., Setting]):
    setting = new_setting()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "gevent_busy_file.py")], env=setting.environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process, contextlib.closing(sqlite3.connect(setting.outbox, isolation_level=None, timeout=30)) as holder:
        try:
            assert process.stdout.readline() == "ready\n"
            holder.execute("BEGIN EXCLUSIVE")
            process.stdin.write("held\n")
            process.stdin.flush()
            # Stopped, the hub would do nothing else until the wait for the file is given up.
            assert process.stdout.readline() == "goes on\n"
            holder.execute("ROLLBACK")
            assert process.stdout.readline()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert set(setting.runs()) == {"run-0", "run-1"}
