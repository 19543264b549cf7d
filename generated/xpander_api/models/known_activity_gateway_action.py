# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownActivityGatewayAction = Literal[
    "ask_execution", "continue_execution", "create_execution", "get_executions_result", "stop_execution"
]

KNOWN_ACTIVITY_GATEWAY_ACTION_VALUES: set[KnownActivityGatewayAction] = {
    "ask_execution",
    "continue_execution",
    "create_execution",
    "get_executions_result",
    "stop_execution",
}


def check_known_activity_gateway_action(value: str) -> KnownActivityGatewayAction:
    if value in KNOWN_ACTIVITY_GATEWAY_ACTION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_ACTIVITY_GATEWAY_ACTION_VALUES!r}")
