# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .invoke_operation import _get_kwargs as invoke_operation_kwargs

__all__ = (
    "invoke_operation_kwargs",
    "invoke_operation_route",
)

_MODULES = {
    "invoke_operation_kwargs": ".invoke_operation",
}


def invoke_operation_route(
    agent_id: str,
    tool_id: str,
) -> tuple[str, str]:
    return "POST", "/agents/{agent_id}/operations/{tool_id}".format(
        agent_id=quote(str(agent_id), safe=""),
        tool_id=quote(str(tool_id), safe=""),
    )


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module(_MODULES[name], __name__)._get_kwargs
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
