"""The job that each runner's worker does, in three forms: not recorded, recorded by the integration, by langfuse.

CANDIDATE says which form, and STARTS names the file in which a job notes when it began.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from payload import REPORT, TOKENS

CANDIDATE = os.environ["CANDIDATE"]
WAITS = 0.02
"""Seconds that a job waits, as one waits for a model, only much shorter."""
_starts = os.open(os.environ["STARTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _wait() -> str:
    os.write(_starts, struct.pack("d", time.monotonic()))
    time.sleep(WAITS)
    return f"{REPORT['result']}"


if CANDIDATE == "ours":
    from xpander_facade import Tokens, current_run

    def work(question: str) -> str:
        """Do the job, recorded by the integration."""
        result = _wait()
        run = current_run()
        if run is None:
            raise RuntimeError("the job is not recorded")
        run.tokens = Tokens(**TOKENS)
        run.llm_response = REPORT["llm_response"]
        run.result = result
        return result

elif CANDIDATE == "langfuse":
    import logging

    from langfuse import Langfuse, observe

    logging.disable(logging.CRITICAL)
    client = Langfuse(public_key="benchmark", secret_key="benchmark-key", base_url=os.environ["XPANDER_BASE_URL"])

    @observe(as_type="generation")
    def work(question: str) -> str:
        """Do the job, recorded by langfuse's decorator."""
        result = _wait()
        usage = {"input": TOKENS["prompt_tokens"], "output": TOKENS["completion_tokens"]}
        client.update_current_generation(metadata={"llm_response": REPORT["llm_response"]}, usage_details=usage)
        return result

else:

    def work(question: str) -> str:
        """Do the job, which nobody records."""
        return _wait()


def flush() -> None:
    """Send what langfuse has in memory, where the process ends with the job, or is frozen."""
    if CANDIDATE == "langfuse" and os.environ["FLUSHES"]:
        client.flush()
