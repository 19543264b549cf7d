"""How the model of an agent and a task is reached: with whose key, at which host, and what the platform is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from xpander_facade import _requests
from xpander_facade._agno.models import ModelRequest, can_use_gateway
from xpander_facade.agents._tool_payload import as_object
from xpander_facade.configuration._environment import model_environment
from xpander_facade.errors import ConfigurationError
from xpander_facade.types._llm_gateway import LLMGatewayRoute, read_route
from xpander_facade.types.agents import LLMCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade._client.request import Request
    from xpander_facade.agents._agent import Agent
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.tasks._task import Task

_EXECUTION_HEADER = "x-xpander-execution-id"


def model_request(agent: Agent, task: Task | None) -> ModelRequest:
    """Return which model is wanted, and what the agent, the task and the environment say of how to reach it.

    Raises:
        ConfigurationError: Neither the task nor the agent names a model.
    """
    provider = (task.llm_model_provider if task is not None else None) or agent.model_provider
    name = (task.llm_model_name if task is not None else None) or agent.model_name
    effort = (task.llm_reasoning_effort if task is not None else None) or agent.llm_reasoning_effort or "medium"
    if not provider or not name:
        raise ConfigurationError(
            f"agent {agent.id} names no model: set its model on the platform, or pass override={{'model': ...}}"
        )
    variable, is_cloud = model_environment()
    # The agent's URL, headers and key belong to the agent's provider; a task that names another gets none of them.
    is_agents_own = provider.lower() == (agent.model_provider or "").lower()
    credentials = agent.llm_credentials if is_agents_own else None
    token = _users_token(agent, task) if is_agents_own else None
    if token is not None:
        credentials = LLMCredentials(value=token)
    own = {key: value for key, value in agent.llm_extra_headers.items() if isinstance(value, str) and value}
    return ModelRequest(
        provider=provider.lower(),
        name=name.lower(),
        effort=str(effort).lower(),
        api_base=agent.llm_api_base or None if is_agents_own else None,
        headers=own if is_agents_own else {},
        credentials=credentials,
        gateway=getattr(task, "_llm_gateway", None),
        organization_id=agent.organization_id,
        variable=variable,
        # Elsewhere the environment is the word of whoever runs this; in the cloud it is the platform's.
        is_own_key_first=is_cloud or token is not None,
    )


def _users_token(agent: Agent, task: Task | None) -> str | None:
    """Return the token with which the task's user signs in to the model, where the agent wants that."""
    if not agent.use_oidc_pre_auth_token_for_llm or not agent.oidc_pre_auth_token_llm_audience or task is None:
        return None
    token = as_object((task.user_tokens or {}).get("oidc_tokens")).get(agent.oidc_pre_auth_token_llm_audience)
    return token if isinstance(token, str) and token else None


def uses_custom_provider(task: Task | None) -> bool:
    """Whether a task wants a model of a provider that the organisation has set up on the platform."""
    return task is not None and bool((task.payload_extension or {}).get("llm_custom_provider"))


def custom_endpoint_request(agent: Agent, task: Task) -> Request:
    """Return the request for access to the organisation's own provider."""
    return _requests.custom_llm_endpoint_request(agent.id, task.id)


def with_custom_endpoint(wanted: ModelRequest, answer: Any, task: Task, configuration: Configuration) -> ModelRequest:
    """Return how a model is reached through the platform's proxy, with a key for this task alone.

    Raises:
        ConfigurationError: The platform gave no access.
    """
    given = as_object(answer)
    provider, token = given.get("provider"), given.get("token")
    if not isinstance(provider, str) or not provider or not isinstance(token, str) or not token:
        raise ConfigurationError(
            f"task {task.id}: the platform gives no access to the provider that the task names: ask it for another "
            "model, or pass override={'model': ...}"
        )
    return attrs.evolve(
        wanted,
        api_base=f"{configuration.base_url}/llm-proxy/{quote(provider, safe='')}",
        headers={_EXECUTION_HEADER: task.id},
        credentials=LLMCredentials(value=token),
        gateway=None,
        is_own_key_first=True,
    )


def route_request(wanted: ModelRequest, agent: Agent, task: Task | None) -> Request | None:
    """Return the request for a way to the model through the platform; None where there is a way, or can't be one."""
    if task is None or wanted.gateway is not None or not can_use_gateway(wanted):
        return None
    return _requests.llm_gateway_route_request(agent.id, task.id)


def with_route(wanted: ModelRequest, answer: Any, task: Task) -> ModelRequest:
    """Return how a model is reached with a way that the platform gave, which it does once for a task."""
    route: LLMGatewayRoute | None = read_route(answer)
    object.__setattr__(task, "_llm_gateway", route)
    return attrs.evolve(wanted, gateway=route)


def with_headers(wanted: ModelRequest, headers: Mapping[str, str]) -> ModelRequest:
    """Return a request with the organisation's headers, before which those that it has already go."""
    return attrs.evolve(wanted, headers={**headers, **wanted.headers})
