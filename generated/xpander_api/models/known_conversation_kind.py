# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownConversationKind = Literal["direct", "gateway"]

KNOWN_CONVERSATION_KIND_VALUES: set[KnownConversationKind] = {
    "direct",
    "gateway",
}


def check_known_conversation_kind(value: str) -> KnownConversationKind:
    if value in KNOWN_CONVERSATION_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_CONVERSATION_KIND_VALUES!r}")
