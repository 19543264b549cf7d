"""Own the options that several commands share, and the configuration that they make."""

from __future__ import annotations

from typing import Annotated

import typer

from xpander_facade import Configuration

BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the platform is; else XPANDER_BASE_URL, else the cloud."),
]
OrganizationId = Annotated[
    str | None, typer.Option("--organization-id", metavar="ID", help="The organisation; else XPANDER_ORGANIZATION_ID.")
]
AgentId = Annotated[str | None, typer.Option("--agent-id", metavar="ID", help="The agent; else XPANDER_AGENT_ID.")]
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
