# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownActivityAuthType = Literal["login_required", "not_supported", "token_issue", "token_ready"]

KNOWN_ACTIVITY_AUTH_TYPE_VALUES: set[KnownActivityAuthType] = {
    "login_required",
    "not_supported",
    "token_issue",
    "token_ready",
}


def check_known_activity_auth_type(value: str) -> KnownActivityAuthType:
    if value in KNOWN_ACTIVITY_AUTH_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_ACTIVITY_AUTH_TYPE_VALUES!r}")
