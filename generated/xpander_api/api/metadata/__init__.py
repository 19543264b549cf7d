# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""The operations of one tag, each loaded when it is first asked for.

`<operation>_kwargs` takes an operation's arguments and returns what httpx is to be called with: `method`, `url` and,
where there are any, `params`, `headers` and `json`. `<operation>_route` returns its method and path alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .get_api_key_allowance import _get_kwargs as get_api_key_allowance_kwargs
    from .get_default_llm_headers import _get_kwargs as get_default_llm_headers_kwargs

__all__ = (
    "get_api_key_allowance_kwargs",
    "get_api_key_allowance_route",
    "get_default_llm_headers_kwargs",
    "get_default_llm_headers_route",
)

_MODULES = {
    "get_api_key_allowance_kwargs": ".get_api_key_allowance",
    "get_default_llm_headers_kwargs": ".get_default_llm_headers",
}


def get_api_key_allowance_route() -> tuple[str, str]:
    return "POST", "/metadata/api_key_allowance"


def get_default_llm_headers_route() -> tuple[str, str]:
    return "GET", "/metadata/default_llm_extra_headers"


if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module(_MODULES[name], __name__)._get_kwargs
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
