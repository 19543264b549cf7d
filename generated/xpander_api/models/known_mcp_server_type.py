# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownMCPServerType = Literal["local", "remote"]

KNOWN_MCP_SERVER_TYPE_VALUES: set[KnownMCPServerType] = {
    "local",
    "remote",
}


def check_known_mcp_server_type(value: str) -> KnownMCPServerType:
    if value in KNOWN_MCP_SERVER_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_MCP_SERVER_TYPE_VALUES!r}")
