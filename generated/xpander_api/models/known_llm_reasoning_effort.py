# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownLLMReasoningEffort = Literal["high", "low", "medium", "xhigh"]

KNOWN_LLM_REASONING_EFFORT_VALUES: set[KnownLLMReasoningEffort] = {
    "high",
    "low",
    "medium",
    "xhigh",
}


def check_known_llm_reasoning_effort(value: str) -> KnownLLMReasoningEffort:
    if value in KNOWN_LLM_REASONING_EFFORT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_LLM_REASONING_EFFORT_VALUES!r}")
