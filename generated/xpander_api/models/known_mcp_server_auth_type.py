# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownMCPServerAuthType = Literal["api_key", "custom_headers", "none", "oauth2", "sso_user"]

KNOWN_MCP_SERVER_AUTH_TYPE_VALUES: set[KnownMCPServerAuthType] = {
    "api_key",
    "custom_headers",
    "none",
    "oauth2",
    "sso_user",
}


def check_known_mcp_server_auth_type(value: str) -> KnownMCPServerAuthType:
    if value in KNOWN_MCP_SERVER_AUTH_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_MCP_SERVER_AUTH_TYPE_VALUES!r}")
