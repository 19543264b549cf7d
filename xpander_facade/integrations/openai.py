"""OpenAI's client: its calls are recorded in the current run, without a framework."""

from __future__ import annotations

from typing import TypeVar

from xpander_facade.integrations._stainless import instrument_client, uninstrument_client

__all__ = ["instrument", "uninstrument"]

C = TypeVar("C")


def instrument(client: C) -> C:
    """Record each call of this client in the run that is current when it is made; outside of a run nothing changes.

    Chat completions, responses and embeddings are read, streams as they are gone through, and what `with_raw_response`
    returns when it is parsed. The client stays what it is, so that frameworks take it, and so are those that
    `with_options` and `copy` make of it. Other clients are left alone.

    Args:
        client: An `OpenAI`, `AsyncOpenAI`, or one of their Azure forms.

    Returns:
        The same client.

    Raises:
        IntegrationError: openai is missing or older than 1.30, it is not its client, or is instrumented already.

    Example:
        >>> client = instrument(openai.OpenAI())
        >>> with backend.external_task(input=question):
        ...     client.responses.create(model="gpt-5-mini", input=question)
    """
    return instrument_client(client, library="openai", classes=("OpenAI", "AsyncOpenAI"), oldest="1.30")


def uninstrument(client: C) -> C:
    """Record the calls of this client no more. Copies that were made of it stay as they are."""
    return uninstrument_client(client)
