"""A small real server that speaks `openapi.yaml`: the platform on a laptop, for trying out and for tests.

    from xpander_facade.emulator import Emulator

    with Emulator() as emulator:
        backend = Backend(Configuration(api_key="any", base_url=emulator.url))

Everything loads on first use, so that this package can be imported without its extra `[emulator]`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._agent import Run, RunEnded
    from ._emulator import Emulator
    from ._faults import Hold
    from ._journal import RecordedRequest
    from ._tools import OperationCall, OperationError

__all__ = ["Emulator", "Hold", "OperationCall", "OperationError", "RecordedRequest", "Run", "RunEnded"]

_HOMES = {
    "Emulator": "_emulator",
    "Hold": "_faults",
    "OperationCall": "_tools",
    "OperationError": "_tools",
    "RecordedRequest": "_journal",
    "Run": "_agent",
    "RunEnded": "_agent",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{home}", __name__)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("xpander_facade"):
            raise
        raise ImportError(
            f"the emulator needs {error.name}: "
            "pip install 'xpander-facade[emulator]', or '.[emulator]' in the checkout",
            name=error.name,
        ) from error
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
