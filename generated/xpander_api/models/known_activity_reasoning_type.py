# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownActivityReasoningType = Literal["analyze", "think"]

KNOWN_ACTIVITY_REASONING_TYPE_VALUES: set[KnownActivityReasoningType] = {
    "analyze",
    "think",
}


def check_known_activity_reasoning_type(value: str) -> KnownActivityReasoningType:
    if value in KNOWN_ACTIVITY_REASONING_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_ACTIVITY_REASONING_TYPE_VALUES!r}")
