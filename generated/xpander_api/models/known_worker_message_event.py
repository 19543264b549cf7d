# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownWorkerMessageEvent = Literal["worker-capacity-update", "worker-finished", "worker-heartbeat"]

KNOWN_WORKER_MESSAGE_EVENT_VALUES: set[KnownWorkerMessageEvent] = {
    "worker-capacity-update",
    "worker-finished",
    "worker-heartbeat",
}


def check_known_worker_message_event(value: str) -> KnownWorkerMessageEvent:
    if value in KNOWN_WORKER_MESSAGE_EVENT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_WORKER_MESSAGE_EVENT_VALUES!r}")
