"""Signals: background threads leave those that end the process to the threads of the program."""

from __future__ import annotations

import signal

_ENDING = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)}


def leave_signals_to_program() -> None:
    """Let this thread take none of the signals that end the process.

    Python's own handlers run on the main thread in any case. A server that is written in C, as uWSGI, may end the
    process within its handler, on whichever thread that came to run: on top of a report that is being sent, which
    neither arrives then nor is given up.
    """
    if hasattr(signal, "pthread_sigmask"):  # there is none on Windows
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def take_signals() -> None:
    """Let this thread take the signals that end the process, whatever it inherited.

    A program inherits what the thread blocks that starts it, and nothing but SIGKILL ends it where that is SIGTERM.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
