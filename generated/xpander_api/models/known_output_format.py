# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownOutputFormat = Literal["json", "markdown", "text", "voice"]

KNOWN_OUTPUT_FORMAT_VALUES: set[KnownOutputFormat] = {
    "json",
    "markdown",
    "text",
    "voice",
}


def check_known_output_format(value: str) -> KnownOutputFormat:
    if value in KNOWN_OUTPUT_FORMAT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_OUTPUT_FORMAT_VALUES!r}")
