# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownPrincipalKind = Literal["anonymous", "api_key", "slack", "system", "user"]

KNOWN_PRINCIPAL_KIND_VALUES: set[KnownPrincipalKind] = {
    "anonymous",
    "api_key",
    "slack",
    "system",
    "user",
}


def check_known_principal_kind(value: str) -> KnownPrincipalKind:
    if value in KNOWN_PRINCIPAL_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_PRINCIPAL_KIND_VALUES!r}")
