# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""A client of the platform, written from its contract. Each name is loaded when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)

if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(".client", __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
