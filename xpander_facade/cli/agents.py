"""Commands of agents: list."""

from __future__ import annotations

import typer

from xpander_facade.cli.options import AsJson, BaseUrl, OrganizationId, TableForm, configuration_of, output_form
from xpander_facade.cli.output import print_json
from xpander_facade.cli.progress import waiting
from xpander_facade.cli.table import Column, print_table

agents = typer.Typer(no_args_is_help=True, help="See the agents of the organisation.")

_COLUMNS = (
    Column("id"),
    Column("name"),
    Column("status", is_optional=True, styles={"ACTIVE": "green"}),
    Column("type", is_optional=True),
    Column("created", is_optional=True),
    Column("description", is_optional=True, overflow="cut"),
)


@agents.command("list")
def list_agents(
    output: TableForm = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """List the agents that the key may use, in the platform's order."""
    from xpander_facade import Agents

    form = output_form(output, as_json)
    with Agents(configuration_of(base_url, organization_id)) as platform, waiting("asking for the agents"):
        items = platform.list()
    if form == "json":
        print_json(items)
    else:
        print_table(
            _COLUMNS,
            [(one.id, one.name, one.status, one.type, one.created_at, one.description) for one in items],
            is_wide=form == "wide",
        )
