"""The arguments of `Configuration` as a type, for what passes them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Callable, Mapping

    import httpx

    from xpander_facade.configuration._http_events import RequestEvent, ResponseEvent
    from xpander_facade.configuration._outbox_settings import OutboxSettings
    from xpander_facade.configuration._retry_event import RetryEvent


class ConfigurationOptions(TypedDict, total=False):
    """The arguments of `Configuration`, each of which may be missing; see there."""

    api_key: str | None
    organization_id: str | None
    base_url: str | None
    agent_id: str | None
    timeout: float
    max_retries: int
    deadline: float
    verify: bool | str | ssl.SSLContext
    record_deadline: float
    max_response_bytes: int
    allow_insecure_http: bool | None
    allow_private_file_hosts: bool | None
    on_retry: Callable[[RetryEvent], None] | None
    disabled: bool | None
    outbox: bool | str | os.PathLike[str] | OutboxSettings | None
    redact: Callable[[str, str], str] | None
    max_field_bytes: int
    cert: str | tuple[str, ...] | None
    proxy: str | None
    headers: Mapping[str, str] | None
    http_client: httpx.Client | Callable[[], httpx.Client] | None
    async_http_client: httpx.AsyncClient | Callable[[], httpx.AsyncClient] | None
    on_request: Callable[[RequestEvent], Mapping[str, str] | None] | None
    on_response: Callable[[ResponseEvent], None] | None
