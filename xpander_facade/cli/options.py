"""Options that several commands share, and the configuration that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from xpander_facade import Configuration, _validation

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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
    return None if value is None else _checked(_validation.check_id, value, parameter)


def checked_ids(value: list[str], parameter: typer.CallbackParam) -> list[str]:
    """Return ids, as a callback.

    Raises:
        BadParameter: One of them can't be one.
    """
    return [_checked(_validation.check_id, one, parameter) for one in value]


def checked_seconds(value: float | None, parameter: typer.CallbackParam) -> float | None:
    """Return seconds that are given, as a callback.

    Raises:
        BadParameter: They are not finite.
    """
    return None if value is None else _checked(_validation.check_seconds, value, parameter)


def _checked_or_default(value: str | None, parameter: typer.CallbackParam) -> str | None:
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
    return Configuration(base_url=base_url, organization_id=organization_id, agent_id=agent_id, outbox=outbox)
