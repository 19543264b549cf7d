"""The guarded fetch of a task's files: a trust boundary, because whoever wrote the task chose the URLs.

A fetch is one pure generator, `_fetch_flow`, with a driver for threads and one for event loops. A host is resolved
once, its addresses are checked, and the connection goes to one of them, so that a name server can't answer the check
and the connection differently. Every redirect starts over. No proxy of the environment is used, since addresses can't
be checked behind one, and the API key is never sent. `Configuration(allow_private_file_hosts=True)` lifts both limits.
"""

from __future__ import annotations

import asyncio
import codecs
import concurrent.futures
import contextlib
import socket
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from email.message import Message
from functools import partial
from typing import TYPE_CHECKING

import attrs
import httpcore
import httpx

from xpander_facade._downloads.addresses import is_public, resolve_host
from xpander_facade._downloads.budget import FileBudget, log_unread, loggable_url
from xpander_facade._transport.body import headers_of
from xpander_facade._transport.failures import HTTPCORE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.request import USER_AGENT
from xpander_facade._transport.routing import CONNECT_TIMEOUT, Route, resolve_route
from xpander_facade.configuration._environment import tls_environment
from xpander_facade.errors import ConfigurationError
from xpander_facade.types.file_limits import FileLimits

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_ADDRESSES = 4

# Codecs that are not charsets of texts, or whose time grows with the square of the length.
_UNSAFE_CHARSETS = frozenset(
    {"idna", "punycode", "utf_7", "utf-7", "undefined", "unicode_escape", "raw_unicode_escape"}
)


class FetchRefused(Exception):  # noqa: N818 (it never leaves this file)
    """A file is not read; the text is the reason, without the query of the URL."""


@attrs.frozen
class FetchPolicy:
    """Which hosts and how much a fetch may use, and how it reaches them."""

    limits: FileLimits
    allow_private: bool
    route: Callable[[httpcore.Origin], Route]


@attrs.frozen
class Resolve:
    """Resolve a host name."""

    host: bytes
    port: int


@attrs.frozen
class Get:
    """Request a file.

    Args:
        target: Where the file is.
        route: The route to an address of its host, or to a proxy where there may be one.
    """

    target: httpx.URL
    route: Route


@attrs.frozen
class Reply:
    """The response: the next URL, or the content."""

    location: str | None
    charset: str | None
    content: bytearray = attrs.field(repr=False)


@attrs.frozen
class Unreachable:
    """No connection could be made."""

    reason: str


Outcome = Sequence[str] | Reply | Unreachable | None
FetchFlow = Generator[Resolve | Get, Outcome, str]


def fetch_texts(configuration: Configuration, urls: Iterable[str], limits: FileLimits) -> dict[str, str | None]:
    """Fetch files and return the text of each, or None for one that can't be read. It never raises.

    Args:
        configuration: Whether private hosts are allowed; nothing else of it is used where they are not.
        urls: Where the files are. Anybody may have written them.
        limits: The limits of one file and of all.
    """
    budget = FileBudget(urls, limits)
    policy = _policy(configuration, limits)
    for batch in budget.batches():
        with concurrent.futures.ThreadPoolExecutor(len(batch), "xpander-files") as pool:
            budget.add(batch, pool.map(partial(_fetch, policy=policy), batch))
    return budget.texts


async def afetch_texts(configuration: Configuration, urls: Iterable[str], limits: FileLimits) -> dict[str, str | None]:
    """Fetch files and return the text of each, or None for one that can't be read. It never raises.

    Args:
        configuration: Whether private hosts are allowed; nothing else of it is used where they are not.
        urls: Where the files are. Anybody may have written them.
        limits: The limits of one file and of all.
    """
    budget = FileBudget(urls, limits)
    policy = _policy(configuration, limits)
    for batch in budget.batches():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_afetch(url, policy)) for url in batch]
        budget.add(batch, (task.result() for task in tasks))
    return budget.texts


def _policy(configuration: Configuration, limits: FileLimits) -> FetchPolicy:
    environment = tls_environment()
    if configuration.allow_private_file_hosts:
        return FetchPolicy(limits, True, lambda origin: resolve_route(origin, configuration.verify, environment))
    # Nothing goes through a proxy to this machine, so a route to it is one without a proxy.
    return FetchPolicy(
        limits, False, lambda origin: resolve_route(_with_address(origin, "127.0.0.1"), True, environment)
    )


def _fetch_flow(url: str, policy: FetchPolicy) -> FetchFlow:
    """Yield the next step and receive its outcome; return the text of the file.

    Raises:
        FetchRefused: The file can't be read.
    """
    target = _target(httpx.URL(url))
    for _ in range(policy.limits.max_redirects + 1):
        reply = yield from _reply(target, policy)
        if reply.location is None:
            return _text(reply.content, reply.charset)
        target = _target(target.join(reply.location))
    raise FetchRefused(f"it was redirected more than {policy.limits.max_redirects} times")


def _reply(target: httpx.URL, policy: FetchPolicy) -> Generator[Resolve | Get, Outcome, Reply]:
    origin = _httpcore_url(target, target.raw_host).origin
    route = policy.route(origin)
    if route.proxy is not None:
        routes = [route]
    else:
        found = yield Resolve(origin.host, origin.port)
        assert isinstance(found, list)  # the outcome of a Resolve
        addresses = [address for address in found if policy.allow_private or is_public(address)]
        if not addresses:
            raise FetchRefused(
                f"the address of {loggable_url(target.host)} is not public (allow_private_file_hosts=True allows it)"
            )
        routes = [attrs.evolve(route, origin=_with_address(origin, address)) for address in addresses[:_MAX_ADDRESSES]]
    outcome: Outcome = None
    for route in routes:
        outcome = yield Get(target, route)
        if isinstance(outcome, Reply):
            return outcome
    assert isinstance(outcome, Unreachable)
    raise FetchRefused(outcome.reason)


def _with_address(origin: httpcore.Origin, address: str) -> httpcore.Origin:
    return httpcore.Origin(origin.scheme, address.encode("ascii"), origin.port)


def _target(url: httpx.URL) -> httpx.URL:
    if url.scheme not in {"http", "https"}:
        raise FetchRefused(f"only http and https are allowed, not {url.scheme[:20] or 'no scheme'}")
    if not url.host:
        raise FetchRefused("the URL names no host")
    return url


def _httpcore_url(target: httpx.URL, host: bytes) -> httpcore.URL:
    return httpcore.URL(scheme=target.raw_scheme, host=host, port=target.port, target=target.raw_path)


def _request(step: Get, seconds: float) -> httpcore.Request:
    headers = [
        (b"host", step.target.netloc),
        (b"user-agent", USER_AGENT.encode("ascii")),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"identity"),
        (b"connection", b"close"),
    ]
    waits = {"connect": min(CONNECT_TIMEOUT, seconds), "read": seconds, "write": seconds, "pool": seconds}
    extensions = {"timeout": waits, "sni_hostname": step.target.raw_host.decode("ascii")}
    return httpcore.Request(
        "GET", _httpcore_url(step.target, step.route.origin.host), headers=headers, extensions=extensions
    )


def _redirect(response: httpcore.Response, headers: Mapping[str, str], limits: FileLimits) -> str | None:
    """Return where a response redirects to, or None where its body is the file.

    Raises:
        FetchRefused: It does neither.
    """
    if response.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    if not 200 <= response.status < 300:
        raise FetchRefused(f"the answer was {response.status}")
    encodings = {part.strip().lower() for part in headers.get("content-encoding", "").split(",")}
    if encodings - {"", "identity"}:
        raise FetchRefused("the answer is compressed, though only an uncompressed one was asked for")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > limits.max_bytes:
        raise _too_large(limits)
    return None


def _too_large(limits: FileLimits) -> FetchRefused:
    return FetchRefused(f"it is larger than {limits.max_bytes} bytes")


def _text(content: bytearray, charset: str | None) -> str:
    name = "utf-8"
    with contextlib.suppress(LookupError, ValueError):
        name = codecs.lookup(charset or "utf-8").name
    if name.replace("-", "_") in _UNSAFE_CHARSETS:
        name = "utf-8"
    try:
        return content.decode("utf-8-sig" if name == "utf-8" else name, "replace")
    except (LookupError, ValueError):  # a codec that is not a charset, such as zlib
        return content.decode("utf-8-sig", "replace")


def _fetch(url: str, policy: FetchPolicy) -> str | None:
    until = time.monotonic() + policy.limits.timeout
    reason = ""
    try:
        steps = _fetch_flow(url, policy)
        outcome: Outcome = None
        while True:
            step = steps.send(outcome)
            if isinstance(step, Resolve):
                outcome = resolve_host(step.host, step.port).result(max(0.0, until - time.monotonic()))
            else:
                outcome = _get(step, until, policy.limits)
    except StopIteration as stop:
        text: str = stop.value
        return text
    except Exception as error:
        reason = _reason(error)
    log_unread(url, reason)
    return None


async def _afetch(url: str, policy: FetchPolicy) -> str | None:
    reason = ""
    try:
        until = time.monotonic() + policy.limits.timeout
        async with asyncio.timeout(policy.limits.timeout):
            steps = _fetch_flow(url, policy)
            outcome: Outcome = None
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as stop:
                    text: str = stop.value
                    return text
                if isinstance(step, Resolve):
                    outcome = await asyncio.wrap_future(resolve_host(step.host, step.port))
                else:
                    outcome = await _aget(step, until, policy.limits)
    except Exception as error:
        reason = _reason(error)
    log_unread(url, reason)
    return None


def _get(step: Get, until: float, limits: FileLimits) -> Reply | Unreachable:
    request = _request(step, until - time.monotonic())
    connection = step.route.connection(0, _deadline(until))
    try:
        response = connection.handle_request(request)
        headers = headers_of(response)
        location = _redirect(response, headers, limits)
        content = bytearray()
        if location is None:
            for chunk in response.iter_stream():
                content += chunk
                if len(content) > limits.max_bytes:
                    raise _too_large(limits)
        return Reply(location, _charset(headers), content)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        return Unreachable(failure_of(error).text)
    finally:
        connection.close()


async def _aget(step: Get, until: float, limits: FileLimits) -> Reply | Unreachable:
    request = _request(step, until - time.monotonic())
    connection = step.route.async_connection(0, _deadline(until))
    try:
        response = await connection.handle_async_request(request)
        headers = headers_of(response)
        location = _redirect(response, headers, limits)
        content = bytearray()
        if location is None:
            async for chunk in response.aiter_stream():
                content += chunk
                if len(content) > limits.max_bytes:
                    raise _too_large(limits)
        return Reply(location, _charset(headers), content)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        return Unreachable(failure_of(error).text)
    finally:
        await connection.aclose()


def _deadline(until: float) -> Deadline:
    deadline = Deadline()
    deadline.until = until
    return deadline


def _charset(headers: Mapping[str, str]) -> str | None:
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    return message.get_content_charset()


def _reason(error: Exception) -> str:
    if isinstance(error, FetchRefused | ConfigurationError):
        return str(error)
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "its host is unknown"
    if isinstance(error, HTTPCORE_ERRORS):
        return failure_of(error).text
    # The text of any other error could hold the URL.
    return f"the URL can't be used ({type(error).__name__})"
