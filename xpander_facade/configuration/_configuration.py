"""Configuration: what a call needs to know, from argument, environment or default, in that order.

This package alone reads the environment.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._hints import OPTIONS, with_hints
from xpander_facade._process import late_attrs
from xpander_facade.configuration._connection_settings import (
    check_cert,
    check_client,
    check_headers,
    check_hook,
    check_proxy,
    check_verify,
    without_credentials,
)
from xpander_facade.configuration._environment import _environment, _flag, environment_fingerprint
from xpander_facade.errors import ConfigurationError

# Nobody evaluates the annotations below, and these modules take as long to load as all the rest of this one.
if TYPE_CHECKING:
    import os
    import ssl  # noqa: TC004
    from collections.abc import Callable, Mapping  # noqa: TC004

    import httpx  # noqa: TC004

    from xpander_facade.configuration._http_events import RequestEvent, ResponseEvent  # noqa: TC004
    from xpander_facade.configuration._outbox_settings import OutboxSettings  # noqa: TC004
    from xpander_facade.configuration._retry_event import RetryEvent  # noqa: TC004

MIN_FIELD_BYTES = 1_000
_NOT_PICKLED = frozenset(
    {"api_key", "headers", "http_client", "async_http_client", "on_retry", "on_request", "on_response"}
)


@functools.cache  # each call asks, and an import costs more than the answer
def _clear_rule() -> Callable[[str], bool]:
    from xpander_facade.configuration._urls import is_in_the_clear

    return is_in_the_clear


def _text(name: str, value: str | None, variable: str | None = None) -> str | None:
    """Return the argument, else the variable (where there is one), else None."""
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a string, not {type(value).__name__}")
    # Deployment tools pass on a setting that nobody made as an empty text.
    return (value or "").strip() or (_environment(variable) if variable else None)


def _api_key(value: str | None) -> str | None:
    key = _text("api_key", value, "XPANDER_API_KEY")
    # An HTTP library refuses such a header value with the value in its text; so it must not get that far.
    if key and not all(" " <= character <= "~" for character in key):
        raise ConfigurationError("api_key holds a character that is not printable ASCII: copy it again")
    return key


def _organization_id(value: str | None) -> str | None:
    return _text("organization_id", value, "XPANDER_ORGANIZATION_ID")


def _agent_id(value: str | None) -> str | None:
    agent_id = _text("agent_id", value)
    return None if agent_id is None else _validation.check_agent_id(agent_id, error=ConfigurationError)


def _base_url(value: str | None) -> str:
    from xpander_facade.configuration._urls import check_base_url

    return check_base_url(value)


def _seconds(name: str, value: float) -> float:
    return _validation.number_of_seconds(name, value, error=ConfigurationError)


def _timeout(value: float) -> float:
    return _seconds("timeout", value)


def _deadline(value: float) -> float:
    return _seconds("deadline", value)


def _record_deadline(value: float) -> float:
    return _seconds("record_deadline", value)


def _max_response_bytes(value: int) -> int:
    return _validation.whole_number("max_response_bytes", value, at_least=1, unit="bytes", error=ConfigurationError)


def _switch(name: str, value: bool | None, variable: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}")
    return _flag(variable) if value is None else value


def _allow_insecure_http(value: bool | None) -> bool:
    return _switch("allow_insecure_http", value, "XPANDER_ALLOW_INSECURE_HTTP")


def _max_retries(value: int) -> int:
    return _validation.whole_number("max_retries", value, error=ConfigurationError)


def _allow_private_file_hosts(value: bool | None) -> bool:
    return _switch("allow_private_file_hosts", value, "XPANDER_ALLOW_PRIVATE_FILE_HOSTS")


def _disabled(value: bool | None) -> bool:
    return _switch("disabled", value, "XPANDER_DISABLED")


def _outbox(value: bool | str | os.PathLike[str] | OutboxSettings | None) -> OutboxSettings | None:
    settings = _environment("XPANDER_OUTBOX") if value is None or value == "" else value
    if isinstance(settings, str) and settings.strip().lower() in {"false", "0", "no", "off"}:
        settings = False
    if settings is None or settings is False:
        return None
    from xpander_facade.configuration._outbox_settings import OutboxSettings

    return settings if isinstance(settings, OutboxSettings) else OutboxSettings(settings)


def _max_field_bytes(value: int) -> int:
    return _validation.whole_number(
        "max_field_bytes", value, at_least=MIN_FIELD_BYTES, unit="bytes", error=ConfigurationError
    )


def _redact(value: Callable[[str, str], str] | None) -> Callable[[str, str], str] | None:
    if value is not None and not callable(value):  # pyright: ignore[reportUnnecessaryComparison]
        raise ConfigurationError(f"redact must be a function of a field and its text, not {type(value).__name__}")
    if value is not None:
        from inspect import iscoroutinefunction

        if iscoroutinefunction(value) or iscoroutinefunction(type(value).__call__):
            raise ConfigurationError("redact must be a plain function, which gives its text at once, not an async one")
    return value


def _on_retry(value: Callable[[RetryEvent], None] | None) -> Callable[[RetryEvent], None] | None:
    return check_hook("on_retry", value)


def _on_request(
    value: Callable[[RequestEvent], Mapping[str, str] | None] | None,
) -> Callable[[RequestEvent], Mapping[str, str] | None] | None:
    return check_hook("on_request", value)


def _on_response(value: Callable[[ResponseEvent], None] | None) -> Callable[[ResponseEvent], None] | None:
    return check_hook("on_response", value)


def _http_client(
    value: httpx.Client | Callable[[], httpx.Client] | None,
) -> httpx.Client | Callable[[], httpx.Client] | None:
    client: httpx.Client | Callable[[], httpx.Client] | None = check_client("http_client", "Client", value)
    return client


def _async_http_client(
    value: httpx.AsyncClient | Callable[[], httpx.AsyncClient] | None,
) -> httpx.AsyncClient | Callable[[], httpx.AsyncClient] | None:
    client: httpx.AsyncClient | Callable[[], httpx.AsyncClient] | None
    client = check_client("async_http_client", "AsyncClient", value)
    return client


@late_attrs.frozen
class Configuration:
    """What calls need to know: who asks, where the platform is, how long to wait.

    Every value is the argument, else the environment variable, else the default; an empty string counts as not given.
    The environment is read when the configuration is made (the agent's when a call is made). Making one never fails
    for a missing key or organisation; the first call that needs them does, before anything is sent.

    Two configurations with the same values are equal and share their connections. Secrets show in no `repr`, and a
    pickle leaves them out, with what belongs to one process: the key (where the pickle is loaded, it is read from that
    process's XPANDER_API_KEY), `headers`, the credentials of `proxy`, the password of `cert`, an `ssl.SSLContext`,
    clients, and all hooks but `redact`.

        configuration = Configuration(api_key="k", organization_id="org-1", agent_id="agent-1", deadline=20)
        backend = Backend(configuration)

    Args:
        api_key: The platform's API key (XPANDER_API_KEY).
        organization_id: The organisation (XPANDER_ORGANIZATION_ID); needed for self-hosted URLs and event streams.
        base_url: Where the platform is (XPANDER_BASE_URL), default https://inbound.xpander.ai, or the staging cloud
            where IS_STG is true. Without a scheme it gets https://.
        agent_id: The agent that calls mean when they name none; XPANDER_AGENT_ID is read when a call is made.
        timeout: Seconds that a call may wait for an answer (default 30; connecting takes at most 5 of them).
        max_retries: How often a call that may safely be repeated is tried again (default 2).
        deadline: Seconds that a call may take with all its retries (default 120).
        record_deadline: Seconds that a recorded run (`Backend.external_task`) may wait for the platform when it is
            reported without an outbox (default 5).
        verify: How to check the platform's certificate: True (default), False, a path of a CA file or folder, or an
            `ssl.SSLContext`.
        cert: The client's certificate for mutual TLS: the path of a PEM file with certificate and key, or
            (certificate, key), or (certificate, key, password). A `verify` that is a context brings its own.
        proxy: The URL of the proxy for all calls (http, https, socks5 or socks5h); by default the environment's
            (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). It is used for loopback addresses too; files of a task go
            through it only with `allow_private_file_hosts`.
        headers: Headers that are sent with every call, for a gateway.
        http_client: An `httpx.Client` that sends every sync call, or a function that makes one, which is called once in
            each process; for mocks, instrumentation or transports of your own. `verify`, `cert` and `proxy` are then
            the client's own.
        async_http_client: An `httpx.AsyncClient` that sends every async call, or a function that makes one, which is
            called once in each event loop.
        max_response_bytes: Larger answers are refused before they fill the memory (default 64 MB).
        allow_insecure_http: Send the key over plain http to another machine (XPANDER_ALLOW_INSECURE_HTTP); without it
            that is refused.
        allow_private_file_hosts: Whether files of a task are also fetched from private addresses and through the
            environment's proxies (XPANDER_ALLOW_PRIVATE_FILE_HOSTS, default False). Whoever writes a task chooses the
            URLs of its files.
        on_retry: Called with a `RetryEvent` before a call is tried again.
        on_request: Called with a `RequestEvent` before each request; may return headers to add. A hook that raises is
            logged and changes nothing. Async calls run hooks in the event loop, so they must return at once.
        on_response: Called with a `ResponseEvent` after each request.
        disabled: Check everything and send nothing (XPANDER_DISABLED, default False): reports and other writes return
            the task as it would be, reads raise. No key is needed.
        outbox: True for a file in which reports of runs wait until the platform has them (XPANDER_OUTBOX), the path of
            one, ":memory:", or an `OutboxSettings`. By default there is none; False says so whatever the environment
            says.
        redact: Called with (field, text) for every text that leaves the process or touches the disk; what it returns
            goes out instead. One that raises leaves "[redaction failed]" there. It may be called in any thread.
        max_field_bytes: A longer text is cut in its middle, with a note of its size and hash (default 1,000,000).
            `Backend.api` and `Tasks.api`, the generated client, send what they are given: neither this nor `redact`
            applies to them.

    Raises:
        ConfigurationError: A value is malformed.
    """

    api_key: str | None = late_attrs.field(default=None, repr=False, converter=_api_key)
    organization_id: str | None = late_attrs.field(default=None, converter=_organization_id)
    base_url: str = late_attrs.field(default=None, converter=_base_url)
    agent_id: str | None = late_attrs.field(default=None, converter=_agent_id)
    timeout: float = late_attrs.field(default=30.0, converter=_timeout)
    max_retries: int = late_attrs.field(default=2, converter=_max_retries)
    deadline: float = late_attrs.field(default=120.0, converter=_deadline, kw_only=True)
    verify: bool | str | ssl.SSLContext = late_attrs.field(default=True, converter=check_verify, kw_only=True)
    record_deadline: float = late_attrs.field(default=5.0, converter=_record_deadline, kw_only=True)
    max_response_bytes: int = late_attrs.field(default=64_000_000, converter=_max_response_bytes, kw_only=True)
    allow_insecure_http: bool = late_attrs.field(default=None, converter=_allow_insecure_http, kw_only=True)
    allow_private_file_hosts: bool = late_attrs.field(default=None, converter=_allow_private_file_hosts, kw_only=True)
    on_retry: Callable[[RetryEvent], None] | None = late_attrs.field(
        default=None, repr=False, eq=False, converter=_on_retry, kw_only=True
    )
    disabled: bool = late_attrs.field(default=None, converter=_disabled, kw_only=True)
    outbox: OutboxSettings | None = late_attrs.field(default=None, converter=_outbox, kw_only=True)
    redact: Callable[[str, str], str] | None = late_attrs.field(
        default=None, repr=False, eq=False, converter=_redact, kw_only=True
    )
    max_field_bytes: int = late_attrs.field(default=1_000_000, converter=_max_field_bytes, kw_only=True)
    cert: str | tuple[str, ...] | None = late_attrs.field(default=None, repr=False, converter=check_cert, kw_only=True)
    proxy: str | None = late_attrs.field(default=None, repr=False, converter=check_proxy, kw_only=True)
    headers: Mapping[str, str] = late_attrs.field(
        # A mapping has no hash; configurations that differ in headers alone are told apart when they are compared.
        default=None,
        repr=False,
        hash=False,
        converter=check_headers,
        kw_only=True,
    )
    http_client: httpx.Client | Callable[[], httpx.Client] | None = late_attrs.field(
        default=None, repr=False, converter=_http_client, kw_only=True
    )
    async_http_client: httpx.AsyncClient | Callable[[], httpx.AsyncClient] | None = late_attrs.field(
        default=None, repr=False, converter=_async_http_client, kw_only=True
    )
    on_request: Callable[[RequestEvent], Mapping[str, str] | None] | None = late_attrs.field(
        default=None, repr=False, eq=False, converter=_on_request, kw_only=True
    )
    on_response: Callable[[ResponseEvent], None] | None = late_attrs.field(
        default=None, repr=False, eq=False, converter=_on_response, kw_only=True
    )
    # Part of what makes two configurations equal: under another proxy or certificate they must not share connections.
    _environment_fingerprint: tuple[tuple[str | None, str | None], int] = late_attrs.field(
        init=False, repr=False, factory=environment_fingerprint
    )
    _pool_key: Any = late_attrs.field(init=False, repr=False, eq=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.cert is not None and not isinstance(self.verify, bool | str):
            raise ConfigurationError(
                "cert and a verify that is an ssl.SSLContext can't be combined: call the context's load_cert_chain()"
            )
        if self.outbox is not None and self.outbox.relay is not None:
            from xpander_facade.configuration._relay_setting import check_relay

            check_relay(self, self.outbox)

    def get_full_url(self) -> str:
        """Return the base URL, with the organisation appended where the platform's URL rule wants it.

            print(Configuration(organization_id="org-1").get_full_url())

        Raises:
            ConfigurationError: The URL needs an organisation and there is none.
        """
        from xpander_facade.configuration._urls import wants_organization

        return f"{self.base_url}/{self._organization()}" if wants_organization(self.base_url) else self.base_url

    def get_events_url(self) -> str:
        """Return the root of the event streams, always with the organisation.

            print(Configuration(organization_id="org-1").get_events_url())

        Raises:
            ConfigurationError: There is no organisation.
        """
        from xpander_facade.configuration._urls import events_base

        return f"{events_base(self.base_url)}/{self._organization()}"

    def get_api_key(self) -> str:
        """Return the key.

            assert Configuration(api_key="k").get_api_key() == "k"

        Raises:
            ConfigurationError: There is none, or it would travel to another machine in the clear.
        """
        if not self.allow_insecure_http and _clear_rule()(self.base_url):
            raise ConfigurationError(
                f"{self.base_url} would carry the API key in the clear: use https, or set allow_insecure_http=True or "
                "XPANDER_ALLOW_INSECURE_HTTP=1 inside a network that you trust"
            )
        if self.api_key is None:
            raise ConfigurationError("; ".join(self._missing()))
        return self.api_key

    def get_agent_id(self) -> str:
        """Return the agent that a call means when it names none: this configuration's, else XPANDER_AGENT_ID now.

            assert Configuration(agent_id="agent-1").get_agent_id() == "agent-1"

        Raises:
            ConfigurationError: There is neither; what else a call needs and is missing is named, too.
        """
        if self.agent_id is not None:
            return self.agent_id
        agent_id = _environment("XPANDER_AGENT_ID")
        if agent_id is None:
            raise ConfigurationError("; ".join(self._missing(agent=True)))
        return _validation.check_agent_id(agent_id, name="XPANDER_AGENT_ID", error=ConfigurationError)

    def check_complete(self, *, agent: bool = False, events: bool = False) -> None:
        """Check that nothing is missing that a call needs, and name all that is, at once.

            configuration.check_complete()

        Args:
            agent: Whether the call needs the agent of this configuration, or of XPANDER_AGENT_ID.
            events: Whether the call opens an event stream, whose URL holds the organisation.

        Raises:
            ConfigurationError: Something is missing; the text names each thing and how to give it.
        """
        # Each run and each report that is left to an outbox comes through here.
        is_plain = self.api_key is not None and self.organization_id is not None and not agent
        if not is_plain and (missing := self._missing(agent=agent, events=events)):
            raise ConfigurationError("; ".join(missing))
        if not self.disabled:
            self.get_api_key()

    def _missing(self, *, agent: bool = False, events: bool = False) -> list[str]:
        """Return what a call needs and does not find, each with its remedy; a call that is not sent needs no key."""
        missing: list[str] = []
        if self.api_key is None and not self.disabled:
            missing.append("no API key: pass api_key= or set XPANDER_API_KEY")
        if self.organization_id is None and self._needs_organization(events=events):
            missing.append(
                f"no organisation, which the URL of {self.base_url} needs: "
                "pass organization_id= or set XPANDER_ORGANIZATION_ID"
            )
        if agent and self.agent_id is None and _environment("XPANDER_AGENT_ID") is None:
            missing.append("no agent: pass agent_id= or agent=, or set XPANDER_AGENT_ID")
        return missing

    def _needs_organization(self, *, events: bool) -> bool:
        from xpander_facade.configuration._urls import wants_organization

        return events or (wants_organization(self.base_url) and not self.disabled)

    def _organization(self) -> str:
        if self.organization_id is None:
            raise ConfigurationError("; ".join(self._missing(events=True)))
        from urllib.parse import quote

        # Whatever it holds, it is one segment of the path.
        return quote(self.organization_id, safe="")

    def __copy__(self) -> Configuration:
        return self

    # It can't change, and a client or an SSL context in it can't be copied.
    def __deepcopy__(self, memo: dict[int, Any]) -> Configuration:
        return self

    def __reduce__(self) -> tuple[Callable[..., Configuration], tuple[dict[str, Any]]]:
        import attrs

        values = attrs.asdict(self, recurse=False, filter=lambda a, _: a.init and a.name not in _NOT_PICKLED)
        if not isinstance(self.verify, bool | str):
            del values["verify"]
        if isinstance(self.cert, tuple):
            values["cert"] = self.cert[:2]
        if self.proxy is not None:
            values["proxy"] = without_credentials(self.proxy)
        return _unpickle, (values,)


late_attrs.wrap_init(Configuration, functools.partial(with_hints, hints=OPTIONS))


def _unpickle(values: dict[str, Any]) -> Configuration:
    return Configuration(**values)
