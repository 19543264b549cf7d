# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownSummarizerPreset = Literal["tool_call_analysis"]

KNOWN_SUMMARIZER_PRESET_VALUES: set[KnownSummarizerPreset] = {
    "tool_call_analysis",
}


def check_known_summarizer_preset(value: str) -> KnownSummarizerPreset:
    if value in KNOWN_SUMMARIZER_PRESET_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_SUMMARIZER_PRESET_VALUES!r}")
