# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .report_metrics import _get_kwargs as report_metrics_kwargs

__all__ = (
    "report_metrics_kwargs",
    "report_metrics_route",
)

_MODULES = {
    "report_metrics_kwargs": ".report_metrics",
}


def report_metrics_route(
    agent_id: str,
) -> tuple[str, str]:
    return "POST", "/agents-metrics/{agent_id}/execution".format(
        agent_id=quote(str(agent_id), safe=""),
    )


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module(_MODULES[name], __name__)._get_kwargs
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
