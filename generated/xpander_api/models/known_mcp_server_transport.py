# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownMCPServerTransport = Literal["sse", "stdio", "streamable-http"]

KNOWN_MCP_SERVER_TRANSPORT_VALUES: set[KnownMCPServerTransport] = {
    "sse",
    "stdio",
    "streamable-http",
}


def check_known_mcp_server_transport(value: str) -> KnownMCPServerTransport:
    if value in KNOWN_MCP_SERVER_TRANSPORT_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_MCP_SERVER_TRANSPORT_VALUES!r}")
