"""Anthropic's client: its calls are recorded in the current run, without a framework."""

from __future__ import annotations

from typing import TypeVar

from xpander_facade.integrations._stainless import instrument_client, uninstrument_client

__all__ = ["instrument", "uninstrument"]

C = TypeVar("C")
_CLASSES = (
    "Anthropic", "AsyncAnthropic", "AnthropicBedrock", "AsyncAnthropicBedrock", "AnthropicVertex",
    "AsyncAnthropicVertex", "AnthropicFoundry", "AsyncAnthropicFoundry",
)  # fmt: skip


def instrument(client: C) -> C:
    """Record each call of this client in the run that is current when it is made; outside of a run nothing changes.

    Messages are read, streams as they are gone through (`messages.stream` too), and what `with_raw_response` returns
    when it is parsed. The client stays what it is, so that frameworks take it, and so are those that `with_options` and
    `copy` make of it. Other clients are left alone.

    Args:
        client: An `Anthropic`, `AsyncAnthropic`, or one of their forms for Bedrock, Vertex and Foundry.

    Returns:
        The same client.

    Raises:
        IntegrationError: anthropic is missing or older than 0.30, it is not its client, or is instrumented already.

    Example:
        >>> client = instrument(anthropic.Anthropic())
        >>> with backend.external_task(input=question):
        ...     client.messages.create(model="claude-sonnet-4-5", max_tokens=1_000, messages=messages)
    """
    return instrument_client(client, library="anthropic", classes=_CLASSES, oldest="0.30")


def uninstrument(client: C) -> C:
    """Record the calls of this client no more. Copies that were made of it stay as they are."""
    return uninstrument_client(client)
