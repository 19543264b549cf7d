"""Outbox settings: where reports wait on disk, how fast they leave, and how many may wait."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
from collections.abc import Callable
from typing import Any, Literal

import attrs

from xpander_facade import _validation
from xpander_facade.configuration._connection_settings import check_hook
from xpander_facade.errors import ConfigurationError

Relay = Literal["process"]
WhenFull = Literal["block", "drop_oldest", "raise"]
Hook = Callable[[Any], object]
"""A function of an `OutboxEntry`; what it returns is ignored, what it raises is logged."""

AUTO = "auto"
"""The path of an outbox whose file is chosen by `outbox_path`."""
MEMORY = ":memory:"
"""The path of an outbox without a file."""
_AUTOMATIC = {"auto", "true", "1"}
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(second|minute|hour|day)\s*")
_POLICIES = ("block", "drop_oldest", "raise")


def _path(value: str | os.PathLike[str] | Literal[True]) -> str:
    if value is True:
        return AUTO
    if isinstance(value, bool) or not isinstance(value, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"outbox must be True or the path of a file, not {value!r}")
    path = os.fspath(value)
    if not isinstance(path, str) or not path.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError("outbox must be the path of a file, as a string that is not empty")
    if "\0" in path:
        raise ConfigurationError("outbox must be the path of a file, which holds no null character")
    if isinstance(value, str) and value.strip().lower() in _AUTOMATIC:
        return AUTO
    if value == MEMORY:
        return MEMORY
    # A process that changes its folder later must still find the same file.
    return os.path.abspath(os.path.expanduser(path))


def _rate(value: str | None) -> str | None:
    if value is None:
        return None
    match = _RATE.fullmatch(value) if isinstance(value, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if match is None or int(match[1]) == 0:
        raise ConfigurationError(f"rate must look like '90/minute' (second, minute, hour or day), not {value!r}")
    return f"{int(match[1])}/{match[2]}"


def _seconds(settings: OutboxSettings, field: attrs.Attribute[float], value: float) -> None:
    may_be_zero = field.name == "exit_timeout"
    seconds = _validation.number_of_seconds(
        field.name, value, at_most=math.inf, may_be_zero=may_be_zero, error=ConfigurationError
    )
    # SQLite takes no numbers of other libraries.
    object.__setattr__(settings, field.name, value if type(value) is int else seconds)


def _whole(settings: OutboxSettings, field: attrs.Attribute[int], value: int) -> None:
    whole = _validation.whole_number(field.name, value, at_least=1, error=ConfigurationError)
    object.__setattr__(settings, field.name, whole)


def _policy(_: OutboxSettings, field: attrs.Attribute[WhenFull | None], value: WhenFull | None) -> None:
    if value is not None and value not in _POLICIES:
        raise ConfigurationError(f"{field.name} must be one of {', '.join(_POLICIES)}, not {value!r}")


def _hook(_: OutboxSettings, field: attrs.Attribute[Hook | None], value: Hook | None) -> None:
    check_hook(field.name, value)


def _relay(_: OutboxSettings, field: attrs.Attribute[Relay | None], value: Relay | None) -> None:
    if value not in (None, "process"):
        raise ConfigurationError(f'{field.name} must be "process" or None, not {value!r}')


@attrs.frozen
class OutboxSettings:
    """How reports wait on disk until the platform has them.

    `Configuration(outbox=True)` is enough, or a path: `Configuration(outbox="runs.db")`. Processes that share a file
    should agree on the rest.

        settings = OutboxSettings("runs.db", rate="90/minute", when_full="drop_oldest")
        configuration = Configuration(outbox=settings)

    Args:
        path: The file; made where it does not exist, readable by its owner only. True (in the environment "true", "1"
            or "auto") takes a file in the folder where this user's programs keep their state, another one for each
            platform and organisation. ":memory:" keeps reports in memory: they are lost when the process is killed or
            ends by `os._exit`, in a child after a fork, and in a frozen Lambda.
        rate: How fast reports leave the file at most, over all processes, such as "90/minute". The platform documents
            100 a minute and 1,000 an hour. None sets no pace.
        lease: Seconds after which a run whose process has not been heard of counts as dead.
        max_reports: How many reports may wait.
        max_bytes: How many bytes the waiting reports may have together.
        max_age: Seconds after which a report that could not be sent is dropped.
        when_full: What happens to a report that would go beyond a bound. None and "raise" raise `OutboxFullError` at
            once (a recorded run is then reported without the outbox, where the platform is up); "block" waits for room
            as long as a call may take (`Configuration.deadline`), then raises; "drop_oldest" makes room.
        exit_timeout: Seconds that the end of the program waits for what is still to be sent; 0 does not wait.
        concurrency: How many reports a process sends at the same time at most. It starts with two, takes more while
            answers are good, and half as many when one is not.
        relay: "process" starts a process that only sends, one for each file, for as long as there is something to send:
            for programs whose own processes end by `os._exit` or a signal. None starts none.
        on_drop: Called with the `OutboxEntry` of a report that was dropped for lack of room or for its age, on the
            thread that dropped it.
        on_quarantine: Called with the `OutboxEntry` of a report that the platform refused, on the sending thread. The
            outbox's threads block SIGINT, SIGTERM, SIGHUP and SIGQUIT, and a program that a hook starts inherits that
            unless the hook lifts it by `signal.pthread_sigmask`.

    Raises:
        ConfigurationError: A value is malformed.
    """

    path: str = attrs.field(default=AUTO, converter=_path)
    rate: str | None = attrs.field(default=None, converter=_rate, kw_only=True)
    lease: float = attrs.field(default=30.0, validator=_seconds, kw_only=True)
    max_reports: int = attrs.field(default=100_000, validator=_whole, kw_only=True)
    max_bytes: int = attrs.field(default=100_000_000, validator=_whole, kw_only=True)
    max_age: float = attrs.field(default=7 * 86_400.0, validator=_seconds, kw_only=True)
    when_full: WhenFull | None = attrs.field(default=None, validator=_policy, kw_only=True)
    exit_timeout: float = attrs.field(default=5.0, validator=_seconds, kw_only=True)
    concurrency: int = attrs.field(default=16, validator=_whole, kw_only=True)
    relay: Relay | None = attrs.field(default=None, validator=_relay, kw_only=True)
    on_drop: Hook | None = attrs.field(default=None, validator=_hook, kw_only=True, eq=False)
    on_quarantine: Hook | None = attrs.field(default=None, validator=_hook, kw_only=True, eq=False)

    @property
    def seconds_per_report(self) -> float:
        """Seconds between two reports at the given rate; 0 without a rate."""
        if self.rate is None:
            return 0.0
        count, _, unit = self.rate.partition("/")
        return _UNITS[unit] / int(count)


_log = logging.getLogger("xpander_facade")
_told: set[str] = set()


def outbox_path(settings: OutboxSettings, *, base_url: str, organization_id: str | None, api_key: str | None) -> str:
    """Return the path of the file that settings mean for a platform and an organisation, or `MEMORY`.

    The name of a file that is chosen here holds a digest of the platform and the organisation; where none is named, of
    the key: two keys of one user never send each other's reports.

    Args:
        settings: The settings.
        base_url: Where the platform is.
        organization_id: The organisation; None where the key alone says it.
        api_key: The key; None where there is none.
    """
    if settings.path != AUTO:
        return settings.path
    from xpander_facade.configuration._state_folder import state_folder

    whose = f"organization {organization_id}" if organization_id else f"key {api_key or ''}"
    # A digest, since the name of a file is for everybody who may list its folder.
    digest = hashlib.sha256(f"{base_url}\n{whose}".encode("utf-8", "replace")).hexdigest()[:16]
    folder = state_folder()
    if folder is None:
        _tell_once(
            logging.WARNING, "there is no folder of this user's for the outbox: reports wait in memory; name a path"
        )
        return MEMORY
    path = str(folder / f"outbox-{digest}.db")
    _tell_once(logging.INFO, f"outbox: reports wait in {path} until the platform has them")
    return path


def _tell_once(level: int, text: str) -> None:
    if text not in _told:
        _told.add(text)
        _log.log(level, "%s", text)
