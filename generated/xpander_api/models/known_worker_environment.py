# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownWorkerEnvironment = Literal["local", "xpander"]

KNOWN_WORKER_ENVIRONMENT_VALUES: set[KnownWorkerEnvironment] = {
    "local",
    "xpander",
}


def check_known_worker_environment(value: str) -> KnownWorkerEnvironment:
    if value in KNOWN_WORKER_ENVIRONMENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_WORKER_ENVIRONMENT_VALUES!r}")
