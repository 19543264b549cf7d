"""The user's hooks around requests. A hook that raises is logged and costs nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

import attrs

from xpander_facade.configuration._connection_settings import header_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade._transport.request import Attempt
    from xpander_facade._transport.response import Failure, Response
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.configuration._retry_event import RetryEvent

_log = logging.getLogger("xpander_facade")


class AttemptObserver(Protocol):
    """What sees each attempt begin and end, as a tracer does."""

    def begin(self, attempt: Attempt) -> tuple[Mapping[str, str], Callable[[Response | Failure | None], None]]:
        """Return the headers to add, and what is called with the outcome: None where the caller was interrupted."""
        ...


attempt_observers: list[AttemptObserver] = []
"""Those of this process; an integration adds one."""


def with_added_headers(configuration: Configuration, attempt: Attempt) -> Attempt:
    """Return an attempt with the headers that observers and `on_request` add."""
    # A copy, since another thread may install an integration meanwhile.
    for observer in [*attempt_observers]:
        try:
            headers, on_end = observer.begin(attempt)
        except Exception:
            _log.warning("%s is sent without being observed", _name(attempt), exc_info=True)
            continue
        attempt = attrs.evolve(attempt, headers={**attempt.headers, **headers}, on_end=(*attempt.on_end, on_end))
    if configuration.on_request is None:
        return attempt
    from xpander_facade.configuration._http_events import RequestEvent

    # Hooks log what they are given.
    shown = {name: value for name, value in attempt.headers.items() if name != "x-api-key"}
    event = RequestEvent(attempt.operation, attempt.method, attempt.url, MappingProxyType(shown))
    try:
        added = configuration.on_request(event)
    except Exception:
        _log.warning("on_request raised; %s is sent without headers of it", _name(attempt), exc_info=True)
        return attempt
    return attempt if added is None else attrs.evolve(attempt, headers={**attempt.headers, **_usable(attempt, added)})


def notify(configuration: Configuration, attempt: Attempt, outcome: Response | Failure, elapsed: float) -> None:
    """Tell observers and `on_response` how an attempt ended."""
    end(attempt, outcome)
    if configuration.on_response is None:
        return
    from xpander_facade._transport.response import Failure
    from xpander_facade.configuration._http_events import ResponseEvent

    status, headers, failure = None, dict[str, str](), None
    if isinstance(outcome, Failure):
        failure = outcome.kind
    else:
        status, headers = outcome.status_code, dict(outcome.headers)
    event = ResponseEvent(
        attempt.operation, attempt.method, attempt.url, status, MappingProxyType(headers), failure, elapsed
    )
    try:
        configuration.on_response(event)
    except Exception:
        _log.warning("on_response raised; %s goes on", _name(attempt), exc_info=True)


def end(attempt: Attempt, outcome: Response | Failure | None) -> None:
    """Tell observers how an attempt ended; None where its caller was interrupted."""
    for on_end in attempt.on_end:
        try:
            on_end(outcome)
        except Exception:
            _log.warning("the end of %s was not observed", _name(attempt), exc_info=True)


def notify_retry(configuration: Configuration, event: RetryEvent) -> None:
    """Tell `on_retry` of a retry."""
    if configuration.on_retry is None:
        return
    try:
        configuration.on_retry(event)
    except Exception:
        _log.warning("on_retry raised; %s %s is tried again all the same", event.method, event.url, exc_info=True)


def _usable(attempt: Attempt, added: Any) -> dict[str, str]:
    if not isinstance(added, Mapping):
        _log.warning("on_request gave no mapping; %s is sent without headers of it", _name(attempt))
        return {}
    usable: dict[str, str] = {}
    for name, value in cast("Mapping[Any, Any]", added).items():
        problem = header_problem(name, value)
        if problem:
            _log.warning("a header of on_request is left out of %s: %s", _name(attempt), problem)
        else:
            usable[name.lower()] = value
    return usable


def _name(attempt: Attempt) -> str:
    return f"{attempt.method} {attempt.url.partition('?')[0]}"
