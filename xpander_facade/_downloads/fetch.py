"""The guarded fetch of a task's files: a trust boundary, because whoever wrote the task chose the URLs.

A fetch is one pure generator, `_fetch_flow`, with a driver for threads and one for event loops. A host is resolved
once, its addresses are checked, and the connection goes to one of them, so that a name server can't answer the check
and the connection differently. Every redirect starts over. No proxy of the environment is used, since addresses can't
be checked behind one, and the API key is never sent. `Configuration(allow_private_file_hosts=True)` lifts both limits.

A client of the user makes its own connections, by the name of the host: its addresses are checked before, and the
address at the other end of the connection is checked before anything of the response is read.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import socket
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from email.message import Message
from typing import TYPE_CHECKING

import attrs
import httpcore

from xpander_facade._downloads.addresses import addresses_of, is_public
from xpander_facade._downloads.budget import FileBudget, log_unread, loggable_url
from xpander_facade._transport.background import run_in_threads
from xpander_facade._transport.content_coding import ContentDecoder, UnreadableCodingError
from xpander_facade._transport.failures import failure_of, transport_errors
from xpander_facade._transport.httpcore_connections import addressed, async_connection, headers_of, sync_connection
from xpander_facade._transport.httpx_loading import httpx
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.pool_registry import running_loop
from xpander_facade._transport.request import USER_AGENT, Attempt
from xpander_facade._transport.resolving import aresolve, resolve
from xpander_facade._transport.routing import CONNECT_TIMEOUT, Origin, Route, TLSSettings, resolve_route
from xpander_facade.configuration._environment import tls_environment
from xpander_facade.errors import ConfigurationError
from xpander_facade.types.file_limits import FileLimits

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# A host may have dozens, and each of them may be silent until the timeout.
_MAX_ADDRESSES = 4
_BYTE_ORDER_MARKS = (  # UTF-32's first: the mark of UTF-16 is its beginning
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

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
    route: Callable[[Origin], Route]
    configuration: Configuration
    uses_client: bool = False


@attrs.frozen
class Resolve:
    """Resolve a host name.

    Args:
        host: The host.
        port: The port of its addresses.
        may_fail: Whether a host that can't be resolved has no addresses, rather than ending the fetch.
    """

    host: bytes
    port: int
    may_fail: bool = False


@attrs.frozen
class Get:
    """Request a file.

    Args:
        target: Where the file is.
        route: The route to an address of its host, or through a proxy where one is allowed; None leaves it to the
            client of the user.
    """

    target: httpx.URL
    route: Route | None


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
    policy = _policy(configuration, limits, configuration.http_client is not None)
    for batch in budget.batches():
        fetches = [Fetch(url, policy, budget.until) for url in batch]
        run_in_threads([fetch.run for fetch in fetches])
        budget.add(batch, [fetch.text for fetch in fetches], [fetch.received for fetch in fetches])
    return budget.texts


async def afetch_texts(configuration: Configuration, urls: Iterable[str], limits: FileLimits) -> dict[str, str | None]:
    """Fetch files and return the text of each, or None for one that can't be read. It never raises.

    Args:
        configuration: Whether private hosts are allowed; nothing else of it is used where they are not.
        urls: Where the files are. Anybody may have written them.
        limits: The limits of one file and of all.
    """
    budget = FileBudget(urls, limits)
    running_loop()
    policy = _policy(configuration, limits, configuration.async_http_client is not None)
    for batch in budget.batches():
        fetches = [Fetch(url, policy, budget.until) for url in batch]
        async with asyncio.TaskGroup() as group:
            for fetch in fetches:
                group.create_task(fetch.arun())
        budget.add(batch, [fetch.text for fetch in fetches], [fetch.received for fetch in fetches])
    return budget.texts


def _policy(configuration: Configuration, limits: FileLimits, uses_client: bool = False) -> FetchPolicy:
    # Hosts of files are strangers: they are shown no certificate of the client.
    environment = tls_environment()
    if configuration.allow_private_file_hosts:
        tls, proxy = TLSSettings(configuration.verify, None, environment), configuration.proxy
        return FetchPolicy(limits, True, lambda origin: resolve_route(origin, tls, proxy), configuration, uses_client)
    # Nothing goes through a proxy to this machine, so a route to it is one without a proxy.
    tls = TLSSettings(True, None, environment)
    return FetchPolicy(
        limits,
        False,
        lambda origin: resolve_route(_with_address(origin, "127.0.0.1"), tls),
        configuration,
        uses_client,
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
    at = _httpcore_url(target, target.raw_host).origin
    origin = Origin(at.scheme, at.host, at.port)
    routes: list[Route | None] = [None]
    if policy.uses_client:
        if not policy.allow_private:
            # A name that only the client, or its proxy, can resolve is left to the check of the connection.
            found = yield Resolve(origin.host, origin.port, may_fail=True)
            assert isinstance(found, list)  # the outcome of a Resolve
            if found:
                _public(target, found)
    else:
        route = policy.route(origin)
        routes = [route]
        if route.proxy is None:
            found = yield Resolve(origin.host, origin.port)
            assert isinstance(found, list)  # the outcome of a Resolve
            addresses = found if policy.allow_private else _public(target, found)
            routes = [
                attrs.evolve(route, origin=_with_address(origin, address)) for address in addresses[:_MAX_ADDRESSES]
            ]
    outcome: Outcome = None
    for one in routes:
        outcome = yield Get(target, one)
        if isinstance(outcome, Reply):
            return outcome
    assert isinstance(outcome, Unreachable)
    raise FetchRefused(outcome.reason)


def _public(target: httpx.URL, addresses: Sequence[str]) -> list[str]:
    public = [address for address in addresses if is_public(address)]
    if not public:
        raise FetchRefused(
            f"the address of {loggable_url(target.host)} is not public (allow_private_file_hosts=True allows it)"
        )
    return public


def _with_address(origin: Origin, address: str) -> Origin:
    return Origin(origin.scheme, address.encode("ascii"), origin.port)


def _target(url: httpx.URL) -> httpx.URL:
    if url.scheme not in {"http", "https"}:
        raise FetchRefused(f"only http and https are allowed, not {url.scheme[:20] or 'no scheme'}")
    if not url.host:
        raise FetchRefused("the URL names no host")
    return url


def _httpcore_url(target: httpx.URL, host: bytes) -> httpcore.URL:
    return httpcore.URL(scheme=target.raw_scheme, host=host, port=target.port, target=target.raw_path)


def _attempt(target: httpx.URL, seconds: float) -> Attempt:
    headers = {
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }
    return Attempt("GET", str(target), headers, None, seconds)


def _request(target: httpx.URL, route: Route, seconds: float) -> httpcore.Request:
    headers = [(b"host", target.netloc)]
    headers += [
        (name.encode("ascii"), value.encode("ascii")) for name, value in _attempt(target, seconds).headers.items()
    ]
    waits = {"connect": min(CONNECT_TIMEOUT, seconds), "read": seconds, "write": seconds, "pool": seconds}
    # The connection goes to an address; the certificate is the host's.
    extensions = {"timeout": waits, "sni_hostname": target.raw_host.decode("ascii")}
    url = _httpcore_url(target, route.origin.host)
    return addressed(route, httpcore.Request("GET", url, headers=headers, extensions=extensions))


def _redirect(status: int, headers: Mapping[str, str], limits: FileLimits) -> str | None:
    """Return where a response redirects to, or None where its body is the file.

    Raises:
        FetchRefused: It does neither.
    """
    if status in _REDIRECTS and "location" in headers:
        return _location(headers["location"])
    if not 200 <= status < 300:
        raise FetchRefused(f"the answer was {status}")
    try:
        is_compressed = not ContentDecoder(headers.get("content-encoding", "")).is_identity
    except UnreadableCodingError:
        is_compressed = True
    # A few bytes could become gigabytes, and the limits count what comes over the network.
    if is_compressed:
        raise FetchRefused("the answer is compressed, though only an uncompressed one was asked for")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > limits.max_bytes:
        raise _too_large(limits)
    return None


def _location(value: str) -> str:
    """Return the target of a redirect. Servers write UTF-8 there, unescaped; what is not UTF-8 is Latin-1."""
    with contextlib.suppress(UnicodeError):
        return value.encode("latin-1").decode("utf-8")
    return value


def _too_large(limits: FileLimits) -> FetchRefused:
    return FetchRefused(f"it is larger than {limits.max_bytes} bytes")


def _text(content: bytearray, charset: str | None) -> str:
    for mark, of_mark in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(of_mark, "replace")
    name = "utf-8"
    # A server can name any charset, also one that there is not.
    with contextlib.suppress(LookupError, ValueError):
        name = codecs.lookup(charset or "utf-8").name
    if name.replace("-", "_") in _UNSAFE_CHARSETS:
        name = "utf-8"
    try:
        return content.decode(name, "replace")
    except (LookupError, ValueError):  # a codec that is not a charset, such as zlib
        return content.decode("utf-8", "replace")


class Fetch:
    """The fetch of one file, with a driver for threads and one for event loops.

    Args:
        url: Where the file is.
        policy: What the fetch may do.
        until: The `time.monotonic()` by which all files of the task must be read.

    Attributes:
        text: The text of the file; None until it is read, and where it can't be.
        received: How many bytes came, whatever became of them.
    """

    def __init__(self, url: str, policy: FetchPolicy, until: float) -> None:
        self.text: str | None = None
        self.received = 0
        self._url = url
        self._policy = policy
        self._limits = policy.limits
        self._until = min(until, time.monotonic() + policy.limits.timeout)

    def run(self) -> None:
        """Fetch the file. It never raises: the log says why a file is not read."""
        reason = ""
        try:
            steps = _fetch_flow(self._url, self._policy)
            outcome: Outcome = None
            while True:
                step = steps.send(outcome)
                outcome = self._resolve(step) if isinstance(step, Resolve) else self._get(step)
        except StopIteration as stop:
            self.text = stop.value
            return
        except Exception as error:
            reason = _reason(error)
        log_unread(self._url, reason)

    async def arun(self) -> None:
        """Fetch the file. It never raises: the log says why a file is not read."""
        reason = ""
        try:
            async with asyncio.timeout(self._left()):
                steps = _fetch_flow(self._url, self._policy)
                outcome: Outcome = None
                while True:
                    try:
                        step = steps.send(outcome)
                    except StopIteration as stop:
                        self.text = stop.value
                        return
                    if isinstance(step, Resolve):
                        outcome = await self._aresolve(step)
                    else:
                        outcome = await self._aget(step)
        except Exception as error:
            reason = _reason(error)
        log_unread(self._url, reason)

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _resolve(self, step: Resolve) -> list[str]:
        try:
            return addresses_of(resolve(step.host.decode("ascii"), step.port, self._left()))
        except OSError as error:
            if step.may_fail and not isinstance(error, TimeoutError):
                return []
            raise

    async def _aresolve(self, step: Resolve) -> list[str]:
        try:
            return addresses_of(await aresolve(step.host.decode("ascii"), step.port))
        except OSError:
            if step.may_fail:
                return []
            raise

    def _get(self, step: Get) -> Reply | Unreachable:
        if step.route is None:
            return self._get_with_client(step.target)
        request = _request(step.target, step.route, self._left())
        # Not out of the pool: it must lead to the very address that was checked.
        connection = sync_connection(step.route, 0, Deadline(self._until))
        try:
            response = connection.handle_request(request)
            headers = headers_of(response)
            location = _redirect(response.status, headers, self._limits)
            # The body of a redirect is not read: where it leads decides.
            content = bytearray()
            if location is None:
                for chunk in response.iter_stream():
                    self._add(content, chunk)
            return Reply(location, _charset(headers), content)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if not self._left():
                raise  # the file's time is over, whatever the next address would say
            return Unreachable(failure_of(error).text)
        finally:
            connection.close()

    async def _aget(self, step: Get) -> Reply | Unreachable:
        if step.route is None:
            return await self._aget_with_client(step.target)
        request = _request(step.target, step.route, self._left())
        connection = async_connection(step.route, 0, Deadline(self._until))
        try:
            response = await connection.handle_async_request(request)
            headers = headers_of(response)
            location = _redirect(response.status, headers, self._limits)
            content = bytearray()
            if location is None:
                async for chunk in response.aiter_stream():
                    self._add(content, chunk)
            return Reply(location, _charset(headers), content)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if not self._left():
                raise  # the file's time is over, whatever the next address would say
            return Unreachable(failure_of(error).text)
        finally:
            await connection.aclose()

    def _get_with_client(self, target: httpx.URL) -> Reply:
        from xpander_facade._transport import user_client

        given = self._policy.configuration.http_client
        assert given is not None
        left = self._left()
        client = user_client.sync_client(given)
        with user_client.StreamedResponse(client, _attempt(target, left), left, self._until) as response:
            self._check_peer(response.peer)
            location = _redirect(response.status_code, response.headers, self._limits)
            content = bytearray()
            if location is None:
                for chunk in response:
                    self._add(content, chunk)
            return Reply(location, _charset(response.headers), content)

    async def _aget_with_client(self, target: httpx.URL) -> Reply:
        from xpander_facade._transport import user_client

        given = self._policy.configuration.async_http_client
        assert given is not None
        left = self._left()
        client = user_client.async_client(given)
        async with user_client.AsyncStreamedResponse(client, _attempt(target, left), left, self._until) as response:
            self._check_peer(response.peer)
            location = _redirect(response.status_code, response.headers, self._limits)
            content = bytearray()
            if location is None:
                async for chunk in response:
                    self._add(content, chunk)
            return Reply(location, _charset(response.headers), content)

    def _add(self, content: bytearray, chunk: bytes) -> None:
        content += chunk
        # Counted although nothing comes of the file: a task of many bad files must not read without end.
        self.received += len(chunk)
        if len(content) > self._limits.max_bytes:
            raise _too_large(self._limits)

    def _check_peer(self, peer: str | None) -> None:
        if peer is not None and not self._policy.allow_private and not is_public(peer):
            raise FetchRefused("the client's connection leads to an address that is not public")


def _charset(headers: Mapping[str, str]) -> str | None:
    # Parsed as the header of a mail: quotes and further parameters are no matter of a pattern.
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    return message.get_content_charset()


def _reason(error: Exception) -> str:
    if isinstance(error, FetchRefused | ConfigurationError):
        return str(error)
    if isinstance(error, TimeoutError | httpcore.TimeoutException | httpx.TimeoutException):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "its host is unknown"
    if isinstance(error, transport_errors()):
        return failure_of(error).text
    # The text of any other error could hold the URL.
    return f"the URL can't be used ({type(error).__name__})"
