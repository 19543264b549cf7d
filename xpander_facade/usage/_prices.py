"""What calls of models cost, by the price list of genai-prices (the extra `prices`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from xpander_facade.usage._usage import ModelCall


def cost_of(calls: Iterable[ModelCall]) -> Decimal | None:
    """Return the price of calls in US dollars, or None where one of them has none that is known.

    Raises:
        ConfigurationError: genai-prices is not installed.
    """
    try:
        genai_prices: Any = importlib.import_module("genai_prices")
    except ImportError as error:
        raise ConfigurationError(
            "the prices of models are in an extra: pip install 'xpander-facade[prices]'"
        ) from error
    total: Decimal | None = None
    for call in calls:
        if call.model is None:
            return None
        counts = call.counts
        read, write = counts.cache_read or 0, counts.cache_write or 0
        prompt = (counts.prompt or 0) + (read + write if counts.cache_is_beside else 0)
        usage = genai_prices.Usage(
            input_tokens=prompt,
            cache_read_tokens=read,
            cache_write_tokens=write,
            output_tokens=counts.completion or 0,
        )
        try:
            price = genai_prices.calc_price(usage, call.model, provider_id=call.provider).total_price
        except LookupError:
            return None
        total = price if total is None else total + price
    return total
