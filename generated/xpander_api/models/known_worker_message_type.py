# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownWorkerMessageType = Literal["worker"]

KNOWN_WORKER_MESSAGE_TYPE_VALUES: set[KnownWorkerMessageType] = {
    "worker",
}


def check_known_worker_message_type(value: str) -> KnownWorkerMessageType:
    if value in KNOWN_WORKER_MESSAGE_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_WORKER_MESSAGE_TYPE_VALUES!r}")
