# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""A client library for accessing xpander.ai SDK API"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
