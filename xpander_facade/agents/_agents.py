"""Agents and their list items: find agents, and load one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import attrs

from xpander_facade import _requests
from xpander_facade._resource import ApiResource
from xpander_facade._serialization import codec
from xpander_facade.agents._agent import Agent
from xpander_facade.types._bound import ConfigurationBound

if TYPE_CHECKING:
    import builtins  # `list` is a method in the classes below
    from collections.abc import Callable

    from xpander_facade.configuration._configuration import Configuration


@attrs.define(kw_only=True, getstate_setstate=False)
class AgentsListItem(ConfigurationBound):
    """An agent in a list. `load` gives the whole agent.

    For example:

        item: AgentsListItem
        for item in agents.list():
            print(item.id)
    """

    id: str
    name: str | None = None
    icon: str | None = None
    instructions: Any = None
    status: str | None = None
    organization_id: str | None = None
    created_at: datetime | None = None
    description: str | None = None
    access_scope: str | None = None
    created_by: str | None = None
    type: str | None = None
    extra: dict[str, Any] = attrs.field(factory=dict[str, Any], repr=False)

    @property
    def configuration(self) -> Configuration | None:
        """The configuration that `load` uses. Never serialised."""
        return getattr(self, "_configuration", None)

    def load(self, configuration: Configuration | None = None) -> Agent:
        """Load the whole agent.

            for item in agents.list():
                print(item.load().tools)

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return Agent.load(self.id, configuration or self.configuration)

    async def aload(self, configuration: Configuration | None = None) -> Agent:
        """Load the whole agent.

            for item in agents.list():
                print(item.load().tools)

        Args:
            configuration: What to call with, instead of this item's.

        Raises:
            ModuleException: The call failed.
        """
        return await Agent.aload(self.id, configuration or self.configuration)

    @classmethod
    def _reader(cls, configuration: Configuration) -> Callable[[Any], list[Self]]:
        """Return what makes list items of an answer."""
        return lambda data: [item._bind(configuration) for item in codec.structure_list(cls, data)]

    def _bind(self, configuration: Configuration) -> Self:
        object.__setattr__(self, "_configuration", configuration)
        return self


class Agents(ApiResource):
    """The agents of the organisation.

        for item in Agents().list():
            print(item.id, item.name)

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
    """

    def list(self) -> builtins.list[AgentsListItem]:
        """List the agents, in the platform's order.

            print([item.name for item in agents.list()])

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        return _client.send(configuration, _requests.list_agents_request(), AgentsListItem._reader(configuration))

    async def alist(self) -> builtins.list[AgentsListItem]:
        """List the agents, in the platform's order.

            print([item.name for item in agents.list()])

        Raises:
            ConfigurationError: The key is missing; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self._acquire()
        return await _client.asend(
            configuration, _requests.list_agents_request(), AgentsListItem._reader(configuration)
        )

    def get(self, agent_id: str | None = None, version: str | int | None = None) -> Agent:
        """Load an agent.

            print(agents.get("agent-1").instructions)

        Args:
            agent_id: The id of the agent; by default the configuration's, else XPANDER_AGENT_ID.
            version: The version to load; by default the deployed one.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: The call failed otherwise.
        """
        configuration = self._acquire()
        agent_id = configuration.get_agent_id() if agent_id is None else agent_id
        return Agent.load(agent_id, configuration, version=version)

    async def aget(self, agent_id: str | None = None, version: str | int | None = None) -> Agent:
        """Load an agent.

            print(agents.get("agent-1").instructions)

        Args:
            agent_id: The id of the agent; by default the configuration's, else XPANDER_AGENT_ID.
            version: The version to load; by default the deployed one.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: The call failed otherwise.
        """
        configuration = self._acquire()
        agent_id = configuration.get_agent_id() if agent_id is None else agent_id
        return await Agent.aload(agent_id, configuration, version=version)
