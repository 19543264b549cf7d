# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownAgentExecutionStatus = Literal["completed", "error", "executing", "failed", "paused", "pending", "stopped"]

KNOWN_AGENT_EXECUTION_STATUS_VALUES: set[KnownAgentExecutionStatus] = {
    "completed",
    "error",
    "executing",
    "failed",
    "paused",
    "pending",
    "stopped",
}


def check_known_agent_execution_status(value: str) -> KnownAgentExecutionStatus:
    if value in KNOWN_AGENT_EXECUTION_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_AGENT_EXECUTION_STATUS_VALUES!r}")
