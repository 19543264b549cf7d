"""Whether a process of its own can send a configuration's reports: where it can run, and what has to go there."""

from __future__ import annotations

import sys

from xpander_facade.configuration._environment import is_lambda
from xpander_facade.configuration._outbox_settings import MEMORY, OutboxSettings
from xpander_facade.errors import ConfigurationError

_STAY_HERE = ("http_client", "async_http_client", "redact", "on_request", "on_response", "on_retry")
_REMEDY = "run `xpander-facade outbox relay` beside the program, or leave relay out"


def check_relay(configuration: object, settings: OutboxSettings) -> None:
    """Check that a relay can be started here, and that all it has to know can be handed over to it.

    Args:
        configuration: The `Configuration`, whose file imports this one.
        settings: Its outbox.

    Raises:
        ConfigurationError: It can't; the text names the remedy.
    """
    if reason := _why_not_here(settings):
        raise ConfigurationError(f'relay="process" {reason}: {_REMEDY}')
    staying = [name for name in _STAY_HERE if getattr(configuration, name) is not None]
    staying += [
        f"OutboxSettings.{name}" for name in ("on_drop", "on_quarantine") if getattr(settings, name) is not None
    ]
    if not isinstance(getattr(configuration, "verify", True), bool | str):
        staying.append("verify (an ssl.SSLContext)")
    if staying:
        raise ConfigurationError(
            f'relay="process" sends from another process, where {", ".join(staying)} can\'t go: {_REMEDY}'
        )


def _why_not_here(settings: OutboxSettings) -> str | None:
    if settings.path == MEMORY:
        return "needs a file, and this outbox is in memory"
    if is_lambda():
        return "does not work in a Lambda, which freezes all processes between two calls (flush before you return)"
    if "uwsgi" in sys.modules:
        return "does not work under uWSGI, which waits for all children of a worker"
    if getattr(sys, "frozen", False) or not sys.executable:
        return "needs a Python to start, and a frozen program has none"
    if sys.platform == "win32":
        return "does not work on Windows"
    return None
