"""The command `doctor`: what is set, whether the key is accepted, which versions there are, how the outbox stands.

It never shows the key, nor the value of a variable that can hold a password.
"""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING, Any, Literal

import attrs
import typer

from xpander_facade import ConfigurationError, XpanderError
from xpander_facade.cli.options import (
    AgentId,
    AsJson,
    BaseUrl,
    OrganizationId,
    OutboxPath,
    configuration_of,
)
from xpander_facade.cli.output import format_count, format_seconds, in_terms_of_options, print_json
from xpander_facade.cli.progress import waiting
from xpander_facade.cli.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade import Configuration

Status = Literal["ok", "warning", "error"]

# A person waits: a wrong URL must not take the two minutes that a program would give it.
_LIMITS: dict[str, Any] = {"timeout": 10.0, "max_retries": 1, "deadline": 15.0}
_OLD = 3600.0
"""Seconds after which a report that still waits deserves a word."""

_PACKAGES = ("attrs", "httpx", "httpcore", "typer", "rich", "starlette", "uvicorn", "agno", "genai-prices")
_OF_PROGRAMS = (
    "XPANDER_ENV_FILE",
    "XPANDER_EMULATOR_API_KEY",
    "XPANDER_EMULATOR_ALLOW_HOST",
    "XPANDER_LLM_MAX_OUTPUT_TOKENS",
)
"""Variables that are read elsewhere than in the configuration."""

_COLUMNS = (
    Column("check"),
    Column("status", styles={"ok": "green", "warning": "yellow", "error": "red"}),
    Column("detail", overflow="folded"),
)


@attrs.frozen
class Check:
    """What was looked at, and what came of it; the detail of a warning or an error says what to do."""

    name: str
    status: Status
    detail: str


def doctor(
    agent_id: AgentId = None,
    outbox: OutboxPath = None,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    organization_id: OrganizationId = None,
) -> None:
    """Check the set-up: versions, variables, whether the platform accepts the key and knows the agent, the outbox.

    Lists the organisation's agents to try the key, and changes nothing. The exit code is 1 where a check failed.
    """
    checks: list[Check] = [Check("versions", "ok", _versions()), *_variables()]
    try:
        configuration = configuration_of(base_url, organization_id, agent_id, outbox)
    except ConfigurationError as error:
        checks.append(Check("configuration", "error", in_terms_of_options(str(error))))
    else:
        with waiting("asking the platform"):
            checks += [*_platform(configuration), *_outbox(configuration)]
    is_well = not any(one.status == "error" for one in checks)
    if as_json:
        print_json({"ok": is_well, "checks": checks})
    else:
        print_table(_COLUMNS, [(one.name, one.status, one.detail) for one in checks])
    if not is_well:
        raise typer.Exit(1)


def _versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    from xpander_facade import __version__

    found = [f"xpander-facade {__version__}", f"Python {platform.python_version()} on {platform.system()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _variables() -> Iterator[Check]:
    from difflib import get_close_matches

    from xpander_facade.configuration._environment import VARIABLES, network_variables, variables_set

    names = variables_set()
    known = [name for name in names if name in VARIABLES or name in _OF_PROGRAMS]
    yield Check("variables", "ok", f"set: {', '.join(known) or 'none of ours'}")
    for name in sorted(set(names) - set(known)):
        close = get_close_matches(name, VARIABLES, 1)
        yield Check("variables", "warning", f"{name} means nothing here" + (f": {close[0]}?" if close else ""))
    names = network_variables()
    if names:
        yield Check("network", "ok", f"connections heed {', '.join(names)}")


def _platform(configuration: Configuration) -> Iterator[Check]:
    """Yield what there is to say of platform, key and agent."""
    from xpander_facade import Agents

    try:
        url = configuration.get_full_url()
    except ConfigurationError as error:
        yield Check("platform", "error", in_terms_of_options(str(error)))
        return
    yield Check("platform", "ok", url)
    if configuration.organization_id is None:
        yield Check("organisation", "warning", "none, which event streams need: set XPANDER_ORGANIZATION_ID")
    if configuration.disabled:
        yield Check("key", "warning", "not tried, for sending is disabled: unset XPANDER_DISABLED")
        return
    try:
        configuration.get_api_key()
        began = time.perf_counter()
        with Agents(configuration).with_options(**_LIMITS) as agents:
            # The cheapest call that shows whether the platform takes the key.
            found = agents.list()
    except ConfigurationError as error:
        yield Check("key", "error", in_terms_of_options(str(error)))
        return
    except XpanderError as error:
        yield _failed(error)
        return
    took = time.perf_counter() - began
    agents_found = "1 agent" if len(found) == 1 else f"{format_count(len(found))} agents"
    yield Check("key", "ok", f"accepted, in {took * 1000:.0f} ms; it opens {agents_found}")
    yield _agent(configuration, {one.id: one.name for one in found})


def _failed(error: XpanderError) -> Check:
    from xpander_facade import AuthenticationError, PermissionDeniedError

    if isinstance(error, AuthenticationError):
        return Check("key", "error", f"refused: check XPANDER_API_KEY, XPANDER_BASE_URL and the organisation ({error})")
    if isinstance(error, PermissionDeniedError):
        # A key may be made for reports alone, which need no list of agents.
        return Check("key", "warning", f"known, but it may not list agents ({error})")
    return Check("key", "error", f"could not be tried: {error}")


def _agent(configuration: Configuration, names: dict[str, str | None]) -> Check:
    try:
        agent_id = configuration.get_agent_id()
    except ConfigurationError as error:
        return Check("agent", "warning", in_terms_of_options(str(error)))
    if agent_id in names:
        return Check("agent", "ok", f"{agent_id} ({names[agent_id]})" if names[agent_id] else agent_id)
    return Check("agent", "warning", f"{agent_id} is not among the key's agents: `agents list` names those")


def _outbox(configuration: Configuration) -> Iterator[Check]:
    """Yield what there is to say of the outbox."""
    from xpander_facade.cli.outbox import open_outbox

    if configuration.outbox is None:
        yield Check("outbox", "ok", "none: set XPANDER_OUTBOX=true for one")
        return
    try:
        box = open_outbox(configuration)
    except XpanderError as error:
        yield Check("outbox", "error", in_terms_of_options(str(error)))
        return
    if box is None:
        yield Check("outbox", "ok", "has no file yet: the first report makes it")
        return
    try:
        status, siblings = box.status(), box.siblings()
    except XpanderError as error:
        yield Check("outbox", "error", in_terms_of_options(str(error)))
        return
    finally:
        box.close()
    counts = f"{box.path}: {format_count(status.waiting)} waiting, {format_count(status.sending)} sending"
    yield Check("outbox", "ok", f"{counts}, {format_count(status.quarantined)} quarantined; circuit {status.circuit}")
    if status.quarantined:
        yield Check("outbox", "warning", "reports were refused: `outbox list --state quarantined` tells why")
    if status.oldest_age is not None and status.oldest_age > _OLD:
        age = format_seconds(status.oldest_age)
        yield Check("outbox", "warning", f"the oldest report waits for {age}: `outbox flush` sends what waits")
    if status.circuit == "open":
        yield Check("outbox", "warning", "nothing is sent now, since a platform is down or asked to wait")
    # Reports that seem lost mostly wait in the file of another key or organisation.
    for sibling in siblings:
        yield Check("outbox", "ok", f"another one lies beside it: {sibling}")
