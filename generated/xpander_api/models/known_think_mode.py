# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownThinkMode = Literal["default", "harder"]

KNOWN_THINK_MODE_VALUES: set[KnownThinkMode] = {
    "default",
    "harder",
}


def check_known_think_mode(value: str) -> KnownThinkMode:
    if value in KNOWN_THINK_MODE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_THINK_MODE_VALUES!r}")
