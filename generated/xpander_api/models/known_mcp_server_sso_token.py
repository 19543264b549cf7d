# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownMCPServerSsoToken = Literal["access", "exchange", "id"]

KNOWN_MCP_SERVER_SSO_TOKEN_VALUES: set[KnownMCPServerSsoToken] = {
    "access",
    "exchange",
    "id",
}


def check_known_mcp_server_sso_token(value: str) -> KnownMCPServerSsoToken:
    if value in KNOWN_MCP_SERVER_SSO_TOKEN_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_MCP_SERVER_SSO_TOKEN_VALUES!r}")
