# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownActivityMessageRole = Literal["agent", "user"]

KNOWN_ACTIVITY_MESSAGE_ROLE_VALUES: set[KnownActivityMessageRole] = {
    "agent",
    "user",
}


def check_known_activity_message_role(value: str) -> KnownActivityMessageRole:
    if value in KNOWN_ACTIVITY_MESSAGE_ROLE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_ACTIVITY_MESSAGE_ROLE_VALUES!r}")
