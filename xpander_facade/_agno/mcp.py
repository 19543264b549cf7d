"""MCP servers of an agent and a task as toolkits of Agno.

One that can't be used is left out, with a line that says why. A server is asked for its tools once, when the arguments
are made, so that what the model is told is true. An async run then connects for itself, as Agno does; for a sync run,
which can't, each call has a connection of its own.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import attrs

from xpander_facade._agno.tools import observed
from xpander_facade.agents._tool_payload import as_object
from xpander_facade.errors import ConfigurationError
from xpander_facade.types.enums import MCPServerAuthType, MCPServerTransport, MCPServerType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from xpander_facade.agents._agent import Agent
    from xpander_facade.tasks._task import Task
    from xpander_facade.types.models import MCPServerDetails  # noqa: TC004 (nobody evaluates the annotations)

T = TypeVar("T")

_log = logging.getLogger(__name__)

# The platform's own prefix: instructions that name such a tool hold here, too.
_PREFIX = "mcp_tool"
_CONNECT_TIMEOUT = 15.0
"""Seconds in which a server has to tell its tools."""

_CALL_TIMEOUT = 120
_LOGIN = frozenset({MCPServerAuthType.OAuth2, MCPServerAuthType.SSOUser})


@attrs.frozen
class Server:
    """A server that is to be used, with all that it takes to reach it.

    Args:
        label: What people call it.
        settings: How it is set up.
        token_id: Under which name the task may hold a token for it.
    """

    label: str
    settings: MCPServerDetails
    token_id: str | None


@attrs.define
class Toolkits:
    """What Agno gets for the servers, and lines for the model on those that were left out.

    Args:
        is_async: Whether the run is one of `arun`.
        tools: What Agno gets.
        notes: Lines for the model.
    """

    is_async: bool
    tools: list[Any] = attrs.field(factory=list[Any])
    notes: list[str] = attrs.field(factory=list[str])

    def leave_out(self, server: Server, reason: str) -> None:
        """Note that a server is not used."""
        _log.warning("the MCP server %s is left out: %s", server.label, reason)
        self.notes.append(f"The tools of the MCP server {server.label} are not available: {reason}.")


@attrs.frozen
class _Connection:
    """How a server is reached. Its headers can hold secrets, so they are in no `repr`."""

    server: Server
    url: str
    transport: str
    headers: dict[str, str] = attrs.field(repr=False)


def servers_of(agent: Agent, task: Task | None) -> list[Server]:
    """Return the servers in an agent's graph, then those of the task."""
    found: list[Server] = []
    for item in agent.graph.items if agent.graph is not None else ():
        settings = item.settings.mcp_settings if item.settings is not None else None
        if item.type == "mcp" and settings is not None:
            found.append(Server(_label(settings, item.name), settings, item.item_id or item.id))
    given = task.mcp_servers if task is not None else []
    return [*found, *(Server(_label(settings, None), settings, settings.id) for settings in given)]


def _label(settings: MCPServerDetails, name: str | None) -> str:
    # Not the whole URL: it may hold a token.
    return settings.name or name or urlsplit(settings.url or "").hostname or settings.id or "without a name"


def make_toolkits(agent: Agent, task: Task | None) -> Toolkits:
    """Return functions that block, for the servers that can be reached; for `run`.

    Raises:
        ConfigurationError: What Agno needs for MCP is not installed.
    """
    toolkits = Toolkits(is_async=False)
    connections = _connections(agent, task, toolkits)
    if connections:
        names = _in_thread(lambda: _probe_all(connections, toolkits))
        for connection, prefix in _prefixed(connections, names):
            for function in names[connection.url, connection.server.label].values():
                toolkits.tools.append(observed(_blocking(connection, prefix, function), task))
    return toolkits


async def amake_toolkits(agent: Agent, task: Task | None) -> Toolkits:
    """Return toolkits that connect when a run begins, for the servers that can be reached; for `arun`.

    Raises:
        ConfigurationError: What Agno needs for MCP is not installed.
    """
    toolkits = Toolkits(is_async=True)
    connections = _connections(agent, task, toolkits)
    if connections:
        names = await _probe_all(connections, toolkits)
        for connection, prefix in _prefixed(connections, names):
            toolkits.tools.append(_toolkit(connection, prefix, task))
    return toolkits


def _connections(agent: Agent, task: Task | None, toolkits: Toolkits) -> list[_Connection]:
    connections: list[_Connection] = []
    for server in servers_of(agent, task):
        reason = _why_not(server)
        headers = None if reason is not None else _headers(agent, task, server)
        if reason is not None:
            toolkits.leave_out(server, reason)
        elif headers is None:
            toolkits.leave_out(server, "it needs a login, and the task holds no token for it")
        else:
            transport = "sse" if server.settings.transport is MCPServerTransport.SSE else "streamable-http"
            connections.append(_Connection(server, server.settings.url or "", transport, headers))
    return connections


def _why_not(server: Server) -> str | None:
    settings = server.settings
    if settings.type is MCPServerType.Local or settings.transport is MCPServerTransport.STDIO:
        return "it runs beside the agent on the platform, and can't be called from here"
    try:
        parts = urlsplit(settings.url or "")
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url:
        return "it has no URL"
    if settings.use_secrets_manager:
        return "its secrets are kept by the platform"
    known = {*MCPServerAuthType}
    return None if settings.auth_type in known else f"its kind of login is not known: {settings.auth_type.value}"


def _headers(agent: Agent, task: Task | None, server: Server) -> dict[str, str] | None:
    """Return what a server is sent to know its caller, or None where it would need a login."""
    settings = server.settings
    headers = {name: str(value) for name, value in settings.headers.items()}
    tokens: dict[str, Any] = (task.user_tokens if task is not None else None) or {}
    audience = settings.sso_audience or agent.extra.get("oidc_pre_auth_token_mcp_audience")
    token: Any = as_object(tokens.get("oidc_tokens")).get(audience) if audience else None
    token = token or (tokens.get(server.token_id) if server.token_id else None)
    # Some logins give several headers instead of one token.
    if isinstance(token, dict):
        return headers | {name: str(value) for name, value in as_object(token).items()}
    if not token and settings.auth_type in _LOGIN:
        return None
    token = token or settings.api_key
    if token:
        # Two headers of that name would be sent, and servers differ in which one they believe.
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _prefixed(connections: list[_Connection], names: dict[tuple[str, str], Any]) -> list[tuple[_Connection, str]]:
    """Return the connections that work, each with the prefix of its tools' names; it is another where names collide."""
    found: list[tuple[_Connection, str]] = []
    taken: set[str] = set()
    for connection in connections:
        tools = names.get((connection.url, connection.server.label))
        if tools is not None:
            # A model calls a tool by its name alone, so the second of two servers must differ in it.
            is_free = taken.isdisjoint(tools)
            found.append((connection, _PREFIX if is_free else f"{_PREFIX}_{len(found) + 1}"))
            taken.update(tools)
    return found


async def _probe_all(connections: list[_Connection], toolkits: Toolkits) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the functions of each server that can be reached; the others are left out."""
    outcomes = await asyncio.gather(*(_probe(connection) for connection in connections))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for connection, outcome in zip(connections, outcomes, strict=True):
        if isinstance(outcome, str):
            toolkits.leave_out(connection.server, outcome)
        else:
            found[connection.url, connection.server.label] = outcome
    return found


async def _probe(connection: _Connection) -> dict[str, Any] | str:
    """Return a server's functions, or why there are none."""

    async def ask() -> dict[str, Any] | None:
        toolkit = _toolkit(connection, "", None)
        await toolkit.connect()
        try:
            return dict(toolkit.functions) if toolkit.initialized else None
        finally:
            await toolkit.close()

    # Connecting and closing have to happen in one task, and what the libraries raise must not reach this one.
    asking = asyncio.ensure_future(ask())
    try:
        await asyncio.wait({asking}, timeout=_CONNECT_TIMEOUT)
    finally:
        asking.cancel()
    # A library that catches its cancellation gets a second; then it is left to itself.
    if not asking.done():
        await asyncio.wait({asking}, timeout=1.0)
        return f"it did not answer within {_CONNECT_TIMEOUT:g} s"
    if asking.cancelled() or asking.exception() is not None:
        return "it could not be reached"
    return asking.result() or "it could not be reached"


def _toolkit(connection: _Connection, prefix: str, task: Task | None) -> Any:
    cls = _toolkit_class()
    from agno.tools.mcp import SSEClientParams, StreamableHTTPClientParams

    is_sse = connection.transport == "sse"
    parameters: Any = SSEClientParams if is_sse else StreamableHTTPClientParams
    toolkit = cls(
        transport=connection.transport,
        server_params=parameters(url=connection.url, headers=connection.headers),
        include_tools=list(connection.server.settings.allowed_tools) or None,
        timeout_seconds=_CALL_TIMEOUT,
        tool_name_prefix=prefix or None,
    )
    toolkit.observed_task = task
    return toolkit


def _toolkit_class() -> Any:
    try:
        from agno.tools.mcp import MCPTools
    except ImportError as error:
        raise ConfigurationError(
            f"the agent uses an MCP server, and Agno can't import what it needs for that ({error}): "
            "pip install 'agno[mcp]'; Agno 2 needs 'mcp<2'"
        ) from None

    # In this function, since what it derives from is imported late.
    class ObservedMCPTools(MCPTools):
        """A toolkit whose calls a task is told of, and whose connection lives in a task of its own.

        Agno 2 closes the connections of a run in the order in which it opened them, in one task; with two of them the
        library below then cancels that task.
        """

        observed_task: Task | None = None
        _owner: asyncio.Task[None] | None = None
        _is_over: asyncio.Event

        async def connect(self, force: bool = False) -> None:  # type: ignore[override]
            """Connect, unless that was done."""
            if self._owner is not None and not self._owner.done() and not force:
                return
            await self.close()
            is_tried, self._is_over = asyncio.Event(), asyncio.Event()
            # What the MCP library enters has to be left by the same task, and Agno may close from another one.
            self._owner = asyncio.create_task(self._stay_connected(force, is_tried))
            await is_tried.wait()

        async def close(self) -> None:  # type: ignore[override]
            """Close the connection, where there is one."""
            owner, self._owner = self._owner, None
            if owner is not None:
                self._is_over.set()
                await asyncio.wait({owner})

        async def _stay_connected(self, force: bool, is_tried: asyncio.Event) -> None:
            try:
                await super().connect(force)
            finally:
                is_tried.set()
            try:
                await self._is_over.wait()
            finally:
                await super().close()

        async def build_tools(self) -> None:
            """Ask the server for its tools, and let the task be told of their calls."""
            await super().build_tools()
            for name, function in list(self.functions.items()):
                self.functions[name] = observed(function, self.observed_task)

    return ObservedMCPTools


def _blocking(connection: _Connection, prefix: str, function: Any) -> Any:
    """Return a function that calls a server's tool over a connection of its own, and waits for the answer."""
    name: str = function.name

    async def call(arguments: dict[str, Any]) -> Any:
        toolkit = _toolkit(connection, "", None)
        await toolkit.connect()
        try:
            if not toolkit.initialized or name not in toolkit.functions:
                return f"The MCP server {connection.server.label} can't be reached any more."
            return await toolkit.functions[name].entrypoint(**arguments)
        finally:
            await toolkit.close()

    def entrypoint(**arguments: Any) -> Any:
        return _in_thread(lambda: call(arguments))

    blocking = copy.copy(function)
    blocking.name = f"{prefix}_{name}"
    blocking.entrypoint = entrypoint
    # Agno would else read the schema from the signature, which takes anything, instead of the server's own.
    blocking.skip_entrypoint_processing = True
    return blocking


def _in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in an event loop of its own, on a thread of its own: the caller's thread may have a loop."""
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work()))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="xpander-mcp", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]
