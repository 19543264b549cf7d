"""Clients that Stainless generates: OpenAI's and Anthropic's. Every call of one goes through its method `request`."""

from __future__ import annotations

from typing import Any, TypeVar

from xpander_facade.errors import IntegrationError
from xpander_facade.integrations._model_calls import is_off, replace, restore, wrap_call
from xpander_facade.integrations._requirements import require

C = TypeVar("C")


def instrument_client(client: C, *, library: str, classes: tuple[str, ...], oldest: str) -> C:
    """Record the calls of one client and of what it is copied to.

    Raises:
        IntegrationError: The library is missing or too old, it is no client of the library, or instrumented already.
    """
    integration = f"integrations.{library}"
    module = require(library, distribution=library, oldest=oldest, integration=integration)
    known = tuple(getattr(module, name) for name in classes if hasattr(module, name))
    if not isinstance(client, known):
        names = " or ".join(f"{library}.{name}" for name in classes[:2])
        raise IntegrationError(f"{integration}.instrument() takes {names}, not {type(client).__name__}")

    def instrument_copy(copied: Any) -> Any:
        return _instrument(copied, library, integration, instrument_copy)

    _instrument(client, library, integration, instrument_copy)
    return client


def _instrument(client: Any, way: str, integration: str, instrument_copy: Any) -> Any:
    def copied(name: str) -> Any:
        make = getattr(client, name)

        def make_and_instrument(*arguments: Any, **keywords: Any) -> Any:
            copied = make(*arguments, **keywords)
            return copied if is_off(make_and_instrument) else instrument_copy(copied)

        return make_and_instrument

    names = {"request": wrap_call(client.request, way)}
    # Code that sets a timeout for one call makes a copy for it, whose calls would be missing.
    names |= {name: copied(name) for name in ("copy", "with_options") if hasattr(client, name)}
    replace(client, names, integration=integration)
    return client


def uninstrument_client(client: C) -> C:
    """Record the calls of a client no more. Copies that were made of it stay as they are."""
    restore(client)
    return client
