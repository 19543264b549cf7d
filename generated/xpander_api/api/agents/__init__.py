# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .get_agent import _get_kwargs as get_agent_kwargs
    from .get_custom_llm_endpoint import _get_kwargs as get_custom_llm_endpoint_kwargs
    from .list_agents import _get_kwargs as list_agents_kwargs
    from .take_llm_gateway_route import _get_kwargs as take_llm_gateway_route_kwargs

__all__ = (
    "get_agent_kwargs",
    "get_agent_route",
    "get_custom_llm_endpoint_kwargs",
    "get_custom_llm_endpoint_route",
    "list_agents_kwargs",
    "list_agents_route",
    "take_llm_gateway_route_kwargs",
    "take_llm_gateway_route_route",
)

_MODULES = {
    "get_agent_kwargs": ".get_agent",
    "get_custom_llm_endpoint_kwargs": ".get_custom_llm_endpoint",
    "list_agents_kwargs": ".list_agents",
    "take_llm_gateway_route_kwargs": ".take_llm_gateway_route",
}


def get_agent_route(
    agent_id: str,
) -> tuple[str, str]:
    return "GET", "/agents/{agent_id}".format(
        agent_id=quote(str(agent_id), safe=""),
    )


def get_custom_llm_endpoint_route(
    agent_id: str,
    task_id: str,
) -> tuple[str, str]:
    return "POST", "/agents/{agent_id}/custom-llm-endpoint/{task_id}".format(
        agent_id=quote(str(agent_id), safe=""),
        task_id=quote(str(task_id), safe=""),
    )


def list_agents_route() -> tuple[str, str]:
    return "GET", "/agents/list"


def take_llm_gateway_route_route(
    agent_id: str,
    task_id: str,
) -> tuple[str, str]:
    return "POST", "/agents/{agent_id}/llm-gateway-route/{task_id}".format(
        agent_id=quote(str(agent_id), safe=""),
        task_id=quote(str(task_id), safe=""),
    )


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module(_MODULES[name], __name__)._get_kwargs
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
