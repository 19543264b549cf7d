# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .create_task import _get_kwargs as create_task_kwargs
    from .get_task import _get_kwargs as get_task_kwargs
    from .list_tasks import _get_kwargs as list_tasks_kwargs
    from .list_user_tasks import _get_kwargs as list_user_tasks_kwargs
    from .report_external_task import _get_kwargs as report_external_task_kwargs
    from .stop_task import _get_kwargs as stop_task_kwargs
    from .update_task import _get_kwargs as update_task_kwargs

__all__ = (
    "create_task_kwargs",
    "create_task_route",
    "get_task_kwargs",
    "get_task_route",
    "list_tasks_kwargs",
    "list_tasks_route",
    "list_user_tasks_kwargs",
    "list_user_tasks_route",
    "report_external_task_kwargs",
    "report_external_task_route",
    "stop_task_kwargs",
    "stop_task_route",
    "update_task_kwargs",
    "update_task_route",
)

_MODULES = {
    "create_task_kwargs": ".create_task",
    "get_task_kwargs": ".get_task",
    "list_tasks_kwargs": ".list_tasks",
    "list_user_tasks_kwargs": ".list_user_tasks",
    "report_external_task_kwargs": ".report_external_task",
    "stop_task_kwargs": ".stop_task",
    "update_task_kwargs": ".update_task",
}


def create_task_route(
    agent_or_task_id: str,
) -> tuple[str, str]:
    return "POST", "/agent-execution/{agent_or_task_id}".format(
        agent_or_task_id=quote(str(agent_or_task_id), safe=""),
    )


def get_task_route(
    task_id: str,
) -> tuple[str, str]:
    return "GET", "/agent-execution/{task_id}/status".format(
        task_id=quote(str(task_id), safe=""),
    )


def list_tasks_route(
    agent_id: str,
) -> tuple[str, str]:
    return "GET", "/agent-execution/executions/history/{agent_id}".format(
        agent_id=quote(str(agent_id), safe=""),
    )


def list_user_tasks_route(
    user_id: str,
) -> tuple[str, str]:
    return "GET", "/agent-execution/executions/history/user/{user_id}".format(
        user_id=quote(str(user_id), safe=""),
    )


def report_external_task_route(
    agent_id: str,
) -> tuple[str, str]:
    return "POST", "/agent-execution/{agent_id}/report_task".format(
        agent_id=quote(str(agent_id), safe=""),
    )


def stop_task_route(
    agent_or_task_id: str,
) -> tuple[str, str]:
    return "DELETE", "/agent-execution/{agent_or_task_id}".format(
        agent_or_task_id=quote(str(agent_or_task_id), safe=""),
    )


def update_task_route(
    task_id: str,
) -> tuple[str, str]:
    return "PATCH", "/agent-execution/{task_id}/update".format(
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
