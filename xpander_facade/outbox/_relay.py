"""The relay: a process that only sends what others store, for programs whose own processes end without sending."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade.configuration._outbox_settings import MEMORY, OutboxSettings
from xpander_facade.errors import ConfigurationError, XpanderError
from xpander_facade.outbox._outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import FrameType

    from xpander_facade.configuration._configuration import Configuration

LOOPBACK = "127.0.0.1"
_POLL = 0.5
_FLUSH_SECONDS = 5.0
_MAX_FRUITLESS = 60.0
"""Seconds in which at least one report must get through, or `until_empty` gives up."""
_NO_AGE = 100 * 365 * 86_400.0
_log = logging.getLogger("xpander_facade")


def relay(
    configuration: Configuration,
    paths: Sequence[str],
    *,
    until_empty: bool = False,
    health_port: int | None = None,
    health_host: str = LOOPBACK,
    rate: str | None = None,
    stop: threading.Event | None = None,
    idle_timeout: float | None = None,
) -> int:
    """Send what other processes store in files until told to stop; return how many reports wait.

    On the main thread SIGTERM and SIGINT end it: what is under way is finished for up to two seconds, the rest is left
    to others. A file that is not there yet is waited for.

    Args:
        configuration: What to send with.
        paths: The files; by default the configuration's outbox.
        until_empty: End once nothing waits, or nothing could be sent for a minute.
        health_port: A port on which GET requests are answered with the state, as JSON.
        health_host: The address to listen on there, such as "0.0.0.0" or "::" for all of them, where another machine or
            a container's supervisor asks. By default only this machine can ask.
        rate: How fast at most, such as "90/minute".
        stop: Set, it ends the relay.
        idle_timeout: End after so many seconds in which nothing waited and no run was in flight; None goes on.

    Raises:
        ConfigurationError: There is no key or no file, or a file can't be used.
    """
    configuration.get_api_key()
    if configuration.disabled:
        raise ConfigurationError("nothing can be sent, for sending is disabled: unset XPANDER_DISABLED")
    outboxes = [_outbox(configuration, path, rate) for path in paths] or [_outbox(configuration, None, rate)]
    stop = stop or threading.Event()
    with _stopped_by_signals(stop), _health(outboxes, health_host, health_port):
        _log.info("relay of %s: sending until told to stop", ", ".join(box.path for box in outboxes))
        _run(outboxes, stop, until_empty=until_empty, idle_timeout=idle_timeout)
    # To close what nobody has opened would make the file.
    for box in filter(_is_there, outboxes):
        box.close()  # what was under way is settled by this, and the rest is handed over
    left = sum(_waiting(box) for box in outboxes)
    for box in filter(_is_there, outboxes):
        box.close()
    if left:
        _log.warning("relay: stopped; %d reports wait until the next process sends them", left)
    else:
        _log.info("relay: stopped; nothing waits")
    return left


def has_work(configuration: Configuration, path: str) -> bool:
    """Whether there is something to do for a relay of a file: a report waits, or a run is in flight."""
    box = _outbox(configuration, path, None)
    try:
        return _is_there(box) and _is_busy(box)
    finally:
        if _is_there(box):
            box.close()


def _is_there(box: Outbox) -> bool:
    return os.path.exists(box.path)


def _outbox(configuration: Configuration, path: str | None, rate: str | None) -> Outbox:
    settings = configuration.outbox if path is None else OutboxSettings(path)
    if settings is None:
        raise ConfigurationError("there is no outbox: name its file or set XPANDER_OUTBOX")
    # How old a report may get is for the program to say that stored it.
    settings = attrs.evolve(settings, rate=rate or settings.rate, max_age=_NO_AGE, exit_timeout=0)
    box = Outbox(attrs.evolve(configuration, outbox=settings))
    if box.path == MEMORY:
        raise ConfigurationError("an outbox in memory has no file that a relay could send: name one")
    return box


def _run(outboxes: list[Outbox], stop: threading.Event, *, until_empty: bool, idle_timeout: float | None) -> None:
    fruitful_at = busy_at = time.monotonic()
    for box in outboxes:
        if until_empty and not _is_there(box):
            _log.warning("relay: there is no file %s, and nothing to send from it", box.path)
    while not stop.is_set():
        present = list(filter(_is_there, outboxes))
        # Started anew each time: a file may have come just now, or its threads may have ended.
        for box in present:
            with contextlib.suppress(XpanderError):
                box.start()
        if until_empty:
            results = [box.flush(_FLUSH_SECONDS) for box in present]
            if not any(result.waiting for result in results) and not any(box.is_confirming() for box in present):
                return
            if any(result.sent or result.quarantined for result in results):
                fruitful_at = time.monotonic()
            elif time.monotonic() - fruitful_at > _MAX_FRUITLESS:
                return
        if any(_is_busy(box) for box in present):
            busy_at = time.monotonic()
        elif idle_timeout is not None and time.monotonic() - busy_at >= idle_timeout:
            return
        stop.wait(_POLL)


def _is_busy(box: Outbox) -> bool:
    """Whether a report waits, or a run is in flight; of a file that can't be read, nobody knows."""
    try:
        status = box.status()
    except XpanderError:
        return True
    return bool(status.waiting + status.sending + status.confirming + status.running)


def _waiting(box: Outbox) -> int:
    if not _is_there(box):
        return 0
    with contextlib.suppress(XpanderError):
        status = box.status()
        return status.waiting + status.sending
    return 0


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _health(outboxes: list[Outbox], host: str, port: int | None) -> Generator[None]:
    """Answer on a port while a block runs: 200 and the state, or 503 where a file can't be read."""
    if port is None:
        yield
        return
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, state = _state(outboxes)
            body = json.dumps(state).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass  # a probe every few seconds is not worth a log line

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]

        class Server(ThreadingHTTPServer):
            address_family = found[0]
            # A probe that hangs must not keep the relay from ending.
            daemon_threads = True

        server = Server((str(found[4][0]), port), Handler)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not the name of a host"
        if isinstance(error, OverflowError):
            reason = "ports are numbers from 0 to 65535"
        raise ConfigurationError(
            f"port {port} of {host!r} can't be listened on ({reason}): name another port or host"
        ) from None
    _log.info("relay: its state is at port %d of %s", server.server_port, host)
    threading.Thread(target=server.serve_forever, name="xpander-outbox-health", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _state(outboxes: list[Outbox]) -> tuple[int, dict[str, Any]]:
    state: dict[str, Any] = {}
    code = 200
    for box in outboxes:
        if not os.path.exists(box.path):
            state[box.path] = None
            continue
        try:
            status = box.status()
        except XpanderError as error:
            code, state[box.path] = 503, {"error": str(error)}
            continue
        state[box.path] = {
            "waiting": status.waiting + status.sending,
            "quarantined": status.quarantined,
            "oldest_age": status.oldest_age,
            "circuit": status.circuit,
            "sent": status.sent,
        }
    return code, state
