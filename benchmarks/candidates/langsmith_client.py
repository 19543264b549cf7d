"""langsmith: one finished run into its queue in memory; a thread sends it."""

from __future__ import annotations

import datetime
import logging
import uuid
from typing import TYPE_CHECKING

from langsmith import Client
from payload import REPORT, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS = {"input": REPORT["input"]}
USAGE = {"input_tokens": TOKENS["prompt_tokens"], "output_tokens": TOKENS["completion_tokens"]}
OUTPUTS = {"result": REPORT["result"], "llm_response": REPORT["llm_response"], "usage_metadata": USAGE}
# What its server would say of itself, which the sink does not know.
INFO = {
    "version": "0.13.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1_000,
        "scale_down_nempty_trigger": 4,
    },
}


def enqueue(url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    logging.disable(logging.CRITICAL)
    client = Client(api_url=url, api_key="benchmark-key", info=INFO)

    def hand_over() -> None:
        now = datetime.datetime.now(datetime.UTC)
        id = uuid.uuid4()
        client.create_run(
            name="run",
            run_type="llm",
            id=id,
            trace_id=id,
            dotted_order=f"{now:%Y%m%dT%H%M%S%fZ}{id}",
            project_name="benchmark",
            inputs=INPUTS,
            outputs=OUTPUTS,
            start_time=now,
            end_time=now,
        )

    return hand_over, client.flush
