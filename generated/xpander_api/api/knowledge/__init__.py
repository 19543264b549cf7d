# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .search_knowledge_base import _get_kwargs as search_knowledge_base_kwargs

__all__ = (
    "search_knowledge_base_kwargs",
    "search_knowledge_base_route",
)

_MODULES = {
    "search_knowledge_base_kwargs": ".search_knowledge_base",
}


def search_knowledge_base_route(
    knowledge_base_id: str,
) -> tuple[str, str]:
    return "GET", "/knowledge_bases/{knowledge_base_id}".format(
        knowledge_base_id=quote(str(knowledge_base_id), safe=""),
    )


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module(_MODULES[name], __name__)._get_kwargs
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
