"""The generated client as users get it: it shows no key, and raises our errors for what the contract does not name."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

from xpander_facade._transport.httpx_loading import httpx  # isort: skip (before the generated client imports it)
from xpander_api import AuthenticatedClient as AuthenticatedClient

from xpander_facade._client.dry_run import require_enabled
from xpander_facade._client.error_mapping import RequestInfo, parse_error, response_error
from xpander_facade._transport.request import USER_AGENT
from xpander_facade._transport.response import Response
from xpander_facade._transport.routing import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration


class RawClient(AuthenticatedClient):
    """The generated client. Its `repr` holds no key, and a response that it can't classify raises our error."""

    def get_httpx_client(self) -> httpx.Client:
        """Return the blocking client, made at the first call."""
        client = super().get_httpx_client()
        # Hooks see a response before the generated code does, which takes only the statuses that Python knows.
        client.event_hooks = {"response": [self._check]}
        return client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the async client, made at the first call."""
        client = super().get_async_httpx_client()
        client.event_hooks = {"response": [self._acheck]}
        return client

    def _check(self, response: httpx.Response) -> None:
        if _is_unclassified(response):
            response.read()
            self._refuse(response)

    async def _acheck(self, response: httpx.Response) -> None:
        if _is_unclassified(response):
            await response.aread()
            self._refuse(response)

    def _refuse(self, response: httpx.Response) -> None:
        where: RequestInfo = {"method": response.request.method, "url": str(response.request.url).partition("?")[0]}
        answer = Response(response.status_code, response.headers, response.content).redacted([self.token])
        if answer.is_success:
            raise parse_error(answer, "the response is not JSON: check base_url or XPANDER_BASE_URL", where)
        raise response_error(answer, where)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"


def _is_unclassified(response: httpx.Response) -> bool:
    """Whether the generated code would fail on a response: an unknown status, or a body that is not JSON."""
    kind = response.headers.get("content-type", "application/json").partition(";")[0]
    is_known = response.status_code in {status.value for status in http.HTTPStatus}
    return not is_known or kind not in {"application/json", "text/event-stream"}


def raw_client(configuration: Configuration) -> AuthenticatedClient:
    """Return the generated client with a configuration's URL, key and timeout.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing, or sending is disabled.
    """
    require_enabled(configuration, "the raw client")
    timeout = httpx.Timeout(configuration.timeout, connect=min(CONNECT_TIMEOUT, configuration.timeout))
    return RawClient(
        base_url=configuration.get_full_url(),
        token=configuration.get_api_key(),
        prefix="",
        auth_header_name="x-api-key",
        timeout=timeout,
        verify_ssl=configuration.verify,
        headers={"user-agent": USER_AGENT},
    )
