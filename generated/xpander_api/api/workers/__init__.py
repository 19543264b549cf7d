# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .send_worker_message import _get_kwargs as send_worker_message_kwargs
    from .stream_worker_events import _get_kwargs as stream_worker_events_kwargs

__all__ = (
    "send_worker_message_kwargs",
    "send_worker_message_route",
    "stream_worker_events_kwargs",
    "stream_worker_events_route",
)

_MODULES = {
    "send_worker_message_kwargs": ".send_worker_message",
    "stream_worker_events_kwargs": ".stream_worker_events",
}


def send_worker_message_route(
    worker_id: str,
) -> tuple[str, str]:
    return "POST", "/events/{worker_id}".format(
        worker_id=quote(str(worker_id), safe=""),
    )


def stream_worker_events_route(
    agent_id: str,
) -> tuple[str, str]:
    return "GET", "/events/{agent_id}/".format(
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
