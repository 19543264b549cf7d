"""langfuse: one finished generation into its queue in memory; a thread sends it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from langfuse import Langfuse, observe
from payload import REPORT, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA = {"llm_response": REPORT["llm_response"]}
USAGE = {"input": TOKENS["prompt_tokens"], "output": TOKENS["completion_tokens"]}


def enqueue(url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    logging.disable(logging.CRITICAL)
    client = Langfuse(public_key="benchmark", secret_key="benchmark-key", base_url=url)

    def hand_over() -> None:
        client.start_observation(
            name="run",
            as_type="generation",
            input=REPORT["input"],
            output=REPORT["result"],
            metadata=METADATA,
            usage_details=USAGE,
        ).end()

    return hand_over, client.flush


def record(url: str) -> tuple[Callable[[], object], Callable[[], None]]:
    logging.disable(logging.CRITICAL)
    client = Langfuse(public_key="benchmark", secret_key="benchmark-key", base_url=url)

    @observe(as_type="generation")
    def run(question: str) -> str:
        client.update_current_generation(metadata=METADATA, usage_details=USAGE)
        return f"{REPORT['result']}"

    return lambda: run(REPORT["input"]), client.flush
