"""What calls of models cost, by the price list of genai-prices (the extra `prices`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from xpander_facade.usage._counts import ModelCall


def cost_of(calls: Iterable[ModelCall]) -> Decimal | None:
    """Return the price of calls in US dollars, or None where one of them has none that is known.

    Raises:
        ConfigurationError: genai-prices is not installed.
    """
    total: Decimal | None = None
    for call in calls:
        price = _price_of(call)
        # A sum without one of the calls would pass for the whole price.
        if price is None:
            return None
        total = price if total is None else total + price
    return total


def _price_of(call: ModelCall) -> Decimal | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError as error:
        message = (
            "the prices of models come with an extra: pip install 'xpander-facade[prices]', or '.[prices]' in the "
            "checkout"
        )
        raise ConfigurationError(message) from error
    if call.model is None:
        return None
    counts = call.counts
    read, write = counts.cache_read or 0, counts.cache_write or 0
    usage = Usage(
        # genai-prices takes cached tokens as part of the input, as OpenAI counts them.
        input_tokens=(counts.prompt or 0) + (read + write if counts.cache_is_beside else 0),
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=counts.completion or 0,
    )
    # A framework's name for a provider can be another one than the list's; the model's name then tells.
    for provider in dict.fromkeys((call.provider, None)):
        try:
            return calc_price(usage, call.model, provider_id=provider).total_price
        except (LookupError, ValueError):
            continue
    return None
