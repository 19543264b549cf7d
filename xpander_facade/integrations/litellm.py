"""LiteLLM: its calls are recorded in the current run, without a framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._model_calls import replace, restore, wrap_call
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["instrument", "uninstrument"]

_INTEGRATION = "integrations.litellm"
_CALLS = (
    "completion", "acompletion", "text_completion", "atext_completion", "responses", "aresponses", "embedding",
    "aembedding",
)  # fmt: skip


class RecordedLiteLLM:
    """LiteLLM's functions, those that call a model recorded. `instrument` makes it; all else is the module's own."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        for name in _CALLS:
            if hasattr(module, name):
                setattr(self, name, wrap_call(getattr(module, name), "litellm"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def instrument(router: Any = None) -> Any:
    """Record calls in the run that is current when they are made; outside of a run nothing changes.

    LiteLLM's functions are the module's, and patching them would change the calls of everybody: what is returned has
    the same functions, and records theirs. Its callbacks would not do, since they run when a call has been answered,
    and perhaps after the run.

    Args:
        router: A `litellm.Router`, whose own calls are then recorded; it stays what it is.

    Returns:
        The router, or what to call in the place of the module.

    Raises:
        IntegrationError: litellm is missing or older than 1.60, it is not a router, or is instrumented already.

    Example:
        >>> litellm = instrument()
        >>> with backend.external_task(input=question):
        ...     litellm.completion(model="openai/gpt-5-mini", messages=messages)
    """
    module = require("litellm", distribution="litellm", oldest="1.60", integration=_INTEGRATION)
    # Calls go through the module's functions: replaced there, they would be recorded for the whole process.
    if router is None:
        return RecordedLiteLLM(module)
    if not isinstance(router, module.Router):
        raise IntegrationError(f"{_INTEGRATION}.instrument() takes a litellm.Router, not {type(router).__name__}")
    names = {name: wrap_call(getattr(router, name), "litellm") for name in _CALLS if hasattr(router, name)}
    replace(router, names, integration=_INTEGRATION)
    return router


def uninstrument(router: Any) -> Any:
    """Record the calls of this router no more."""
    restore(router)
    return router
