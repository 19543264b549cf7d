"""Requests about agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade import _validation
from xpander_facade._requests.generated import make_request

if TYPE_CHECKING:
    from xpander_facade._client.request import Request


def list_agents_request() -> Request:
    from xpander_api.api.agents import list_agents

    return make_request("list_agents", list_agents._get_kwargs(), idempotent=True)


def get_agent_request(agent_id: str, version: str | int | None) -> Request:
    from xpander_api.api.agents import get_agent
    from xpander_api.types import UNSET

    parts = get_agent._get_kwargs(
        _validation.check_id("agent_id", agent_id), x_agent_version=_validation.check_version(version) or UNSET
    )
    return make_request("get_agent", parts, idempotent=True, resource_id=agent_id)
