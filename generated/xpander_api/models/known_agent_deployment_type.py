# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownAgentDeploymentType = Literal["container", "serverless"]

KNOWN_AGENT_DEPLOYMENT_TYPE_VALUES: set[KnownAgentDeploymentType] = {
    "container",
    "serverless",
}


def check_known_agent_deployment_type(value: str) -> KnownAgentDeploymentType:
    if value in KNOWN_AGENT_DEPLOYMENT_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_AGENT_DEPLOYMENT_TYPE_VALUES!r}")
