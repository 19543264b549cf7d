"""The relay as a process that the program itself starts: one for each file, for as long as there is work.

A lock on a file beside the outbox says whether one runs. It is started by whoever first finds that none does. What it
needs to know, the key too, goes over a pipe, which nobody else can read; its arguments and its environment hold none.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import attrs

from xpander_facade.configuration import Configuration
from xpander_facade.configuration._environment import foreign_environment

if TYPE_CHECKING:
    from collections.abc import Generator

CHECK_EVERY = 5.0
"""Seconds after which a process with work looks again whether a relay runs."""
IDLE_SECONDS = 15.0
"""Seconds without a report or a run in flight after which a relay ends."""
START_SECONDS = 5.0
"""Seconds that a relay may take to start; past them the program takes it that it did not."""
_LEFT_OUT = frozenset({"http_client", "async_http_client", "redact", "on_request", "on_response", "on_retry", "outbox"})
_PACKAGES = ("xpander_facade", "xpander_api")
# A shell gives what it starts in the background no standard input, unless it is redirected to a copy of its own.
_LAUNCH = 'exec 3<&0; "$0" "$@" <&3 3<&- &'
_log = logging.getLogger("xpander_facade")


class RelayStarter:
    """What starts the relay of one file where none runs.

    Args:
        path: The outbox's file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._checked_at = -CHECK_EVERY
        self._started_at = -START_SECONDS

    def ensure(self, configuration: Configuration) -> None:
        """Start a relay, unless one runs or this looked a moment ago."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_EVERY:
            return
        self._checked_at = now
        try:
            with locked(self._path) as is_free:
                pass
            if is_free:
                _start(self._path, configuration)
                self._started_at = now
        except OSError as error:
            _log.warning("outbox %s: no relay could be started, and this process sends alone: %s", self._path, error)

    def is_running(self) -> bool:
        """Whether a relay sends, or is about to: then this process, which may end at any moment, had better not.

        What a process was sending as it died may still arrive, and is sent again only when that is over.
        """
        if time.monotonic() - self._started_at < START_SECONDS:
            return True
        try:
            with locked(self._path) as is_free:
                return not is_free
        except OSError:
            return False


@contextlib.contextmanager
def locked(path: str) -> Generator[bool]:
    """Hold the lock of a file's relay; give whether it was free."""
    import fcntl

    descriptor = os.open(f"{path}-relay", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _start(path: str, configuration: Configuration) -> None:
    values = {
        field.name: getattr(configuration, field.name)
        for field in attrs.fields(Configuration)
        if field.init and field.name not in _LEFT_OUT
    }
    if configuration.headers is not None:
        values["headers"] = dict(configuration.headers)
    folders = {
        os.path.dirname(os.path.dirname(os.path.abspath(sys.modules[name].__file__ or ""))) for name in _PACKAGES
    }
    # The shell ends at once, so that the relay is no child of this program, which may wait for its children.
    launcher = subprocess.Popen(
        ["/bin/sh", "-c", _LAUNCH, sys.executable, "-m", "xpander_facade.outbox", "--told-by-pipe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=foreign_environment(sorted(folders)),
        # Ctrl-C at the program's terminal is not meant for the relay.
        start_new_session=True,
    )
    with contextlib.suppress(BrokenPipeError):
        launcher.communicate(pickle.dumps((path, values)))
    if launcher.returncode:
        raise OSError(f"/bin/sh ended with {launcher.returncode}")
    _log.info("outbox %s: a process of its own sends what waits, until there is nothing left", path)
