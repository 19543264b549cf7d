"""Configuration: argument, environment variable, default. The only reader of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.configuration._http_events import RequestEvent, ResponseEvent
    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.configuration._retry_event import RetryEvent

__all__ = [
    "Configuration",
    "OutboxSettings",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
]

_HOMES = {
    "Configuration": "_configuration",
    "OutboxSettings": "_outbox_settings",
    "RequestEvent": "_http_events",
    "ResponseEvent": "_http_events",
    "RetryEvent": "_retry_event",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
