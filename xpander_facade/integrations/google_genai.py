"""Google's client for Gemini: its calls are recorded in the current run, without a framework."""

from __future__ import annotations

from typing import Any, TypeVar

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._model_calls import replace, restore, wrap_call
from xpander_facade.integrations._requirements import require

__all__ = ["instrument", "uninstrument"]

C = TypeVar("C")
_INTEGRATION = "integrations.google_genai"
_CALLS = ("_generate_content", "_generate_content_stream", "embed_content")
"""One call of a model each; `generate_content` makes several where it calls Python functions as tools."""
_PUBLIC = ("generate_content", "generate_content_stream", "embed_content")


def instrument(client: C) -> C:
    """Record each call of this client in the run that is current when it is made; outside of a run nothing changes.

    `generate_content` and its stream are read, with each of the calls that automatic function calling makes; chats and
    `client.aio` as well. The client stays what it is. Live sessions and interactions are not read: `run.record` is.

    Args:
        client: A `google.genai.Client`.

    Returns:
        The same client.

    Raises:
        IntegrationError: google-genai is missing or older than 1.0, it is not its client, or is instrumented already.

    Example:
        >>> client = instrument(genai.Client())
        >>> with backend.external_task(input=question):
        ...     client.models.generate_content(model="gemini-3-flash", contents=question)
    """
    module = require("google.genai", distribution="google-genai", oldest="1.0", integration=_INTEGRATION)
    if not isinstance(client, module.Client):
        raise IntegrationError(f"{_INTEGRATION}.instrument() takes google.genai.Client, not {type(client).__name__}")
    for models in _models_of(client):
        # Private names of the library: where a release has others, whole calls are recorded instead of each one.
        calls = _CALLS if hasattr(models, _CALLS[0]) else _PUBLIC
        names = {name: wrap_call(getattr(models, name), "google_genai") for name in calls if hasattr(models, name)}
        replace(models, names, integration=_INTEGRATION)
    return client


def uninstrument(client: C) -> C:
    """Record the calls of this client no more."""
    for models in _models_of(client):
        restore(models)
    return client


def _models_of(client: Any) -> tuple[Any, Any]:
    return client.models, client.aio.models
