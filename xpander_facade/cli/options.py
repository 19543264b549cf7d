"""Options that several commands share, and the configuration that they make."""

from __future__ import annotations

import contextvars
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from xpander_facade import Configuration

T = TypeVar("T")
Output = Literal["table", "wide", "json"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _checked(check: Callable[[str, object], object], value: T, parameter: typer.CallbackParam) -> T:
    try:
        check(parameter.name or "it", value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def checked_id(value: str | None, parameter: typer.CallbackParam) -> str | None:
    """Return an id that is given, as a callback of an option or argument.

    Raises:
        BadParameter: It can't be one.
    """
    from xpander_facade import _validation

    return None if value is None else _checked(_validation.check_id, value, parameter)


def checked_ids(value: list[str], parameter: typer.CallbackParam) -> list[str]:
    """Return ids, as a callback.

    Raises:
        BadParameter: One of them can't be one.
    """
    from xpander_facade import _validation

    return [_checked(_validation.check_id, one, parameter) for one in value]


def checked_seconds(value: float | None, parameter: typer.CallbackParam) -> float | None:
    """Return seconds that are given, as a callback.

    Raises:
        BadParameter: They are not finite.
    """
    from xpander_facade import _validation

    return None if value is None else _checked(_validation.check_seconds, value, parameter)


def checked_moment(value: str | None, parameter: typer.CallbackParam) -> str | None:
    """Return a moment that is given, as a callback.

    Raises:
        BadParameter: It names none.
    """
    if value is not None:
        parse_moment(value)
    return value


def parse_moment(text: str) -> datetime:
    """Return the moment that a text names: an age such as 90m, 24h or 7d, or a date or time in ISO 8601.

    A time without an offset is that of this machine.

    Raises:
        BadParameter: It names none.
    """
    age = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    try:
        if age is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[age[2]]: float(age[1])})
        # A time without a zone is one of the clock that the user looks at.
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither an age such as 90m, 24h or 7d nor a time such as 2026-11-28 or 2026-11-28T14:00Z"
        ) from None


def _checked_or_default(value: str | None, parameter: typer.CallbackParam) -> str | None:
    # A script that passes on a variable without a value gives an empty text, which counts as not given.
    return checked_id(value, parameter) if value else None


BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the platform is; else XPANDER_BASE_URL, else the cloud."),
]
OrganizationId = Annotated[
    str | None,
    typer.Option(
        "--organization-id",
        metavar="ID",
        callback=_checked_or_default,
        help="The organisation; else XPANDER_ORGANIZATION_ID.",
    ),
]
AgentId = Annotated[
    str | None,
    typer.Option("--agent-id", metavar="ID", callback=_checked_or_default, help="The agent; else XPANDER_AGENT_ID."),
]
OutboxPath = Annotated[
    str | None, typer.Option("--outbox", metavar="PATH", help="The file of the outbox; else XPANDER_OUTBOX.")
]
ClientCert = Annotated[
    Path | None,
    typer.Option(
        "--client-cert",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The client's certificate for mutual TLS, as PEM, with its key or beside it; before the command.",
    ),
]
ClientKey = Annotated[
    Path | None,
    typer.Option(
        "--client-key", metavar="FILE", exists=True, dir_okay=False, help="Its key, where that is another file."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TableForm = Annotated[
    Output | None,
    typer.Option(
        "--output", "-o", help="A table that fits the terminal, all columns and nothing cut, or JSON (as --json)."
    ),
]
Interval = Annotated[
    float,
    typer.Option("--interval", min=0.1, metavar="SECONDS", callback=checked_seconds, help="Seconds between two looks."),
]


def output_form(output: Output | None, as_json: bool) -> Output:
    """Return how to print rows.

    Raises:
        BadParameter: Two options say different things.
    """
    if as_json and output not in (None, "json"):
        raise typer.BadParameter(f"--json and --output {output} can't be combined")
    return "json" if as_json else output or "table"


def configuration_of(
    base_url: str | None = None,
    organization_id: str | None = None,
    agent_id: str | None = None,
    outbox: str | None = None,
) -> Configuration:
    """Return what calls use. The key comes from the environment alone: other users of a machine can see arguments.

    Raises:
        ConfigurationError: A value is malformed.
    """
    from xpander_facade import Configuration

    return Configuration(
        base_url=base_url,
        organization_id=organization_id,
        agent_id=agent_id,
        outbox=outbox,
        cert=_client_certificate.get(),
    )


def keep_client_certificate(context: typer.Context, cert: Path | None, key: Path | None) -> None:
    """Keep the certificate that stands before a command for the configuration that the command makes.

    Raises:
        BadParameter: There is a key without a certificate, or the command takes neither.
    """
    if key is not None and cert is None:
        raise typer.BadParameter("--client-key needs --client-cert")
    if cert is not None and context.invoked_subcommand in _OWN_CONFIGURATION:
        raise typer.BadParameter(
            f"--client-cert is not for {context.invoked_subcommand!r}: {_OWN_CONFIGURATION[context.invoked_subcommand]}"
        )
    _client_certificate.set(None if cert is None else str(cert) if key is None else (str(cert), str(key)))


# Typer's contexts are of two kinds, by its release, so that what is current is kept here.
_client_certificate: contextvars.ContextVar[str | tuple[str, str] | None] = contextvars.ContextVar(
    "client_certificate", default=None
)
_OWN_CONFIGURATION = {
    "worker": "pass cert= to the handler's Configuration",
    "emulator": "it calls nobody",
    "migrate": "it calls nobody",
}
