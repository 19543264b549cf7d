"""Late imports: made in one place, on a thread that nothing interrupts, before any background thread needs them.

What costs time is imported when it is first used, so that importing this package is cheap. That has three traps. A
child that is forked while a thread imports inherits the lock of that import, which nobody is left to release. A signal
handler that comes into an import finds a module of which half is there. An exception that comes into one leaves half a
module behind. So whoever first needs a group of modules waits for a thread that imports all of them, and a fork waits
for it, too.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from xpander_facade._process.threads import AlreadyToldError, DetachedCall, end_idle_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FORK_TIMEOUT = 10.0
"""Seconds that a fork waits for imports that are under way."""
_IMPORT_TIMEOUT = 30.0

LOGGING = "logging"
CALLS = "calls"
TASKS = "tasks"
CREATION = "creation"
UPDATES = "updates"
METRICS = "metrics"
SUMMARIES = "summaries"
TOOL_CALLS = "tool calls"
EVENTS = "events"
WORKERS = "workers"
RECORDER = "recorder"
OUTBOX = "outbox"
ASYNC = "async"
REMOTE = "remote"
OBJECTS = "objects"
STATUSES = "statuses"
DIGESTS = "digests"
PROXIES = "proxies"
TLS = "tls"
HEADS = "heads"
DATES = "dates"
BATCHES = "batches"

# A name that ends with a question mark need not be installed.
_MODULES = {
    LOGGING: ("logging",),
    CALLS: (
        "encodings.idna",
        "xpander_facade._transport.pool_registry",
        "xpander_facade._client.sending",
        "xpander_facade._serialization.codec",
        "xpander_facade._serialization.json_bytes",
        "xpander_facade._serialization.redaction",
        "xpander_facade._requests.report",
        "xpander_facade._requests.tasks",
        "xpander_facade.tasks._task",
        "xpander_facade.tasks._reporting",
        "xpander_facade.types.models",
        "xpander_api.api.tasks",
        "xpander_api.models.report_external_task_request",
        "xpander_api.models.tokens",
    ),
    TASKS: (
        "xpander_api.api.events.stream_task_events",
        "xpander_api.api.tasks.get_task",
        "xpander_api.api.tasks.list_tasks",
        "xpander_api.api.tasks.update_task",
        "xpander_facade._client.event_stream",
        "xpander_facade.tasks._list_item",
        "xpander_facade.tasks._stream",
        "xpander_facade.tasks._tasks",
        "xpander_facade.tasks._waiting",
    ),
    CREATION: (
        "xpander_api.api.tasks.create_task",
        "xpander_api.models.agent_execution_input",
        "xpander_api.models.attachment",
        "xpander_api.models.create_task_request",
        "xpander_api.models.json_object",
        "xpander_api.models.known_attachment_kind",
        "xpander_api.models.known_principal_kind",
        "xpander_api.models.mcp_server_details",
        "xpander_api.models.known_mcp_server_auth_type",
        "xpander_api.models.known_mcp_server_sso_token",
        "xpander_api.models.known_mcp_server_transport",
        "xpander_api.models.known_mcp_server_type",
        "xpander_api.models.principal",
        "xpander_api.models.user",
    ),
    UPDATES: (
        "xpander_api.api.tasks.update_task",
        "xpander_api.models.deep_planning",
        "xpander_api.models.deep_planning_item",
        "xpander_api.models.human_in_the_loop_request",
        "xpander_api.models.pending_eca_request",
        "xpander_api.models.string_map",
        "xpander_api.models.update_task_request",
    ),
    METRICS: (
        "xpander_api.models.metrics_tokens",
        "xpander_api.models.report_metrics_request",
    ),
    SUMMARIES: (
        "xpander_api.models.known_summarizer_preset",
        "xpander_api.models.summarize_tool_call_payload",
        "xpander_api.models.summarize_tool_call_request",
    ),
    TOOL_CALLS: ("xpander_api.models.operation_payload",),
    EVENTS: (
        "xpander_facade._requests.events",
        "xpander_api.models.event_identity",
        "xpander_api.models.known_task_update_event_type",
        "xpander_api.models.task_update_event",
    ),
    WORKERS: (
        "xpander_api.models.known_worker_message_event",
        "xpander_api.models.worker_capacity_update",
        "xpander_api.models.worker_message",
    ),
    RECORDER: (
        "concurrent.futures",
        "xpander_facade.recorder._attempts",
        "xpander_facade.recorder._external_task",
        "xpander_facade.recorder._run_options",
        "xpander_facade.usage._reading",
        "xpander_facade.usage._reader",
    ),
    OUTBOX: (
        "sqlite3",
        "xpander_facade.configuration._outbox_settings",
        "xpander_facade.outbox._outbox",
    ),
    BATCHES: (
        "csv",
        "heapq",
        "queue",
        "sqlite3",
        "xpander_facade.batches._drivers",
        "xpander_facade.batches._options",
    ),
    ASYNC: (
        "asyncio",
        "concurrent.futures.thread",
        "xpander_facade._transport.async_pool",
        "xpander_facade._transport.async_network",
    ),
    REMOTE: ("certifi", "urllib.request"),
    TLS: ("ssl", "xpander_facade._transport.tls"),
    PROXIES: (
        "xpander_facade._transport.httpx_loading",
        "xpander_facade._transport.httpcore_connections",
        # httpcore uses these where they are installed.
        "anyio?",
        "anyio.abc?",
        "anyio.lowlevel?",
        "anyio.streams.tls?",
        "anyio._backends._asyncio?",
        "sniffio?",
    ),
    HEADS: ("h11",),
    DATES: ("email.utils",),
    STATUSES: ("http",),
    DIGESTS: ("hashlib",),
    OBJECTS: ("xpander_facade._serialization.jsonable", "xpander_facade.usage._snapshots"),
}
_preparations: list[Callable[[], object]] = []
_loaded: set[str] = set()
_loading: dict[object, DetachedCall[None]] = {}
_starting = threading.RLock()  # reentrant, since a signal handler may import while its thread is about to


def preload() -> None:
    """Import now what this package would import when it is first used.

    Call it before a process forks its workers, or while a function's environment starts: each child, or the first
    call, would pay for it otherwise, some 0.3 seconds. It opens no connection and no file, and starts no thread that
    stays.

        import xpander_facade

        xpander_facade.preload()  # before a server forks its workers
    """
    load(*_MODULES)
    for prepare in _preparations:
        prepare()
    end_idle_threads()


def on_preload(prepare: Callable[[], object]) -> None:
    """Have something made by `preload` that would be made when it is first used."""
    _preparations.append(prepare)


def module_names() -> list[str]:
    """Return the names of all modules that are imported by name, which no reader of the source can see."""
    return sorted({name.removesuffix("?") for names in _MODULES.values() for name in names})


def load(*groups: str) -> None:
    """Import groups of modules, unless that was done. A caller that is interrupted leaves the import to go on."""
    for group in groups:
        if group in _loaded:
            continue
        if group != LOGGING:
            load(LOGGING)
        call_once(group, _import, _MODULES[group])
        if group == LOGGING:
            # A fork takes the lock of logging, for which most modules ask while they are imported. It calls first what
            # was registered last: so that it waits for imports before it takes that lock, this comes after logging's.
            _watch_forks()
        _loaded.add(group)


def call_once(key: object, function: Callable[..., None], *arguments: Any) -> None:
    """Call a function that imports, on a thread that nothing interrupts; a fork waits for it.

    Who was about to ask when it ended may call it again, and so does who asks after it has failed: a process may be out
    of files for a moment.

    Args:
        key: What tells the call from others. Of two threads that ask for it at once, one makes the call for both.
        function: What is called.
        arguments: What it is called with.
    """
    with _starting:
        call = _loading.get(key) or _loading.setdefault(key, DetachedCall(function, *arguments))
        call.start()
    if call.wait(_IMPORT_TIMEOUT):
        if _loading.get(key) is call:
            _loading.pop(key, None)
        try:
            call.value  # noqa: B018 (raises what the call did)
        except AlreadyToldError:
            call_once(key, function, *arguments)
    else:
        # Another thread imports what it can't before the present import is done; Python itself can tell.
        function(*arguments)
        _loading.pop(key, None)


def _import(names: Iterable[str]) -> None:
    for name in names:
        module = name.removesuffix("?")
        if module in sys.modules:
            continue
        try:
            importlib.import_module(module)
        except ImportError:
            # A group can name modules that only some installations have.
            if module == name:
                raise


def _await_imports() -> None:
    """Let no import begin until the fork is over, and wait for those that have begun."""
    until = time.monotonic() + FORK_TIMEOUT
    with contextlib.suppress(BaseException):
        _starting.acquire(timeout=FORK_TIMEOUT)
    for call in list(_loading.values()):
        while True:
            # Python takes no exception from a hook: what a signal handler raises here must not let the fork go on.
            with contextlib.suppress(BaseException):
                call.wait(max(until - time.monotonic(), 0.0))
                break


def _continue_imports() -> None:
    with contextlib.suppress(RuntimeError):  # the wait for it was interrupted
        _starting.release()


def _begin_anew() -> None:
    global _starting
    _starting = threading.RLock()
    _loading.clear()


def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):  # there is none on Windows
        os.register_at_fork(before=_await_imports, after_in_parent=_continue_imports, after_in_child=_begin_anew)


_watch_forks()
