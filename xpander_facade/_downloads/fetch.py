"""Own the fetch of a task's files. It is a trust boundary: whoever wrote the task chose the URLs.

A fetch is one pure generator, `_journey`, with a driver for threads and one for event loops. A host is looked up once;
the addresses found are checked, and the connection goes to one of them, so that nobody can answer the check and the
connect differently. Every redirect starts over. No proxy of the environment is used, since behind one no address can
be checked, and the platform's key has no way in. `Configuration(allow_private_file_hosts=True)` opens both.
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

from xpander_facade._downloads.addresses import is_public, look_up
from xpander_facade._downloads.budget import FileShare, bare, log_unread
from xpander_facade._transport.body import headers_of
from xpander_facade._transport.failures import ENGINE_ERRORS, failure_of
from xpander_facade._transport.network import Deadline
from xpander_facade._transport.request import USER_AGENT
from xpander_facade._transport.routing import CONNECT_TIMEOUT, Door, door_to
from xpander_facade.configuration._environment import tls_environment
from xpander_facade.errors import ConfigurationError
from xpander_facade.types.file_limits import FileLimits

if TYPE_CHECKING:
    from xpander_facade.configuration._configuration import Configuration

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_ADDRESSES = 4

# Codecs that are no charset of a text, or take time that grows with the square of its length.
_NO_CHARSETS = frozenset({"idna", "punycode", "utf_7", "utf-7", "undefined", "unicode_escape", "raw_unicode_escape"})


class Refusal(Exception):  # noqa: N818 (it never leaves this file)
    """A file is not read; the text is the reason, without the URL's query."""


@attrs.frozen
class Rules:
    """What a fetch may do."""

    limits: FileLimits
    allow_private: bool
    door: Callable[[httpcore.Origin], Door]


@attrs.frozen
class Lookup:
    """Find the addresses of a host."""

    host: bytes
    port: int


@attrs.frozen
class Get:
    """Ask for a file.

    Args:
        target: Where the file is.
        door: The way to an address of its host, or to a proxy where there may be one.
    """

    target: httpx.URL
    door: Door


@attrs.frozen
class Reply:
    """What came back: the next URL, or the content."""

    location: str | None
    charset: str | None
    content: bytearray = attrs.field(repr=False)


@attrs.frozen
class Unreached:
    """There was no connection."""

    reason: str


Outcome = Sequence[str] | Reply | Unreached | None
Journey = Generator[Lookup | Get, Outcome, str]


def fetch_texts(configuration: Configuration, urls: Iterable[str], limits: FileLimits) -> dict[str, str | None]:
    """Fetch files and return the text of each, or None for one that can't be had. Never an error.

    Args:
        configuration: Whether private hosts are allowed; nothing else of it is used where they are not.
        urls: Where the files are. Anybody may have written them.
        limits: What a file may cost.
    """
    share = FileShare(urls, limits)
    rules = _rules(configuration, limits)
    for batch in share.batches():
        with concurrent.futures.ThreadPoolExecutor(len(batch), "xpander-files") as pool:
            share.take(batch, pool.map(partial(_fetch, rules=rules), batch))
    return share.texts


async def afetch_texts(configuration: Configuration, urls: Iterable[str], limits: FileLimits) -> dict[str, str | None]:
    """Fetch files and return the text of each, or None for one that can't be had. Never an error.

    Args:
        configuration: Whether private hosts are allowed; nothing else of it is used where they are not.
        urls: Where the files are. Anybody may have written them.
        limits: What a file may cost.
    """
    share = FileShare(urls, limits)
    rules = _rules(configuration, limits)
    for batch in share.batches():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_afetch(url, rules)) for url in batch]
        share.take(batch, (task.result() for task in tasks))
    return share.texts


def _rules(configuration: Configuration, limits: FileLimits) -> Rules:
    environment = tls_environment()
    if configuration.allow_private_file_hosts:
        return Rules(limits, True, lambda origin: door_to(origin, configuration.verify, environment))
    # No proxy leads to this machine, so the door to it is one without.
    return Rules(limits, False, lambda origin: door_to(_at(origin, "127.0.0.1"), True, environment))


def _journey(url: str, rules: Rules) -> Journey:
    """Yield what to do next and take what came of it; return the file's text.

    Raises:
        Refusal: The file can't be had.
    """
    target = _target(httpx.URL(url))
    for _ in range(rules.limits.max_redirects + 1):
        reply = yield from _reply(target, rules)
        if reply.location is None:
            return _text(reply.content, reply.charset)
        target = _target(target.join(reply.location))
    raise Refusal(f"it was redirected more than {rules.limits.max_redirects} times")


def _reply(target: httpx.URL, rules: Rules) -> Generator[Lookup | Get, Outcome, Reply]:
    origin = _engine_url(target, target.raw_host).origin
    door = rules.door(origin)
    if door.proxy is not None:
        ways = [door]
    else:
        found = yield Lookup(origin.host, origin.port)
        assert isinstance(found, list)  # a driver answers a Lookup with addresses
        addresses = [address for address in found if rules.allow_private or is_public(address)]
        if not addresses:
            raise Refusal(f"the address of {bare(target.host)} is not public (allow_private_file_hosts=True allows it)")
        ways = [attrs.evolve(door, origin=_at(origin, address)) for address in addresses[:_MAX_ADDRESSES]]
    outcome: Outcome = None
    for way in ways:
        outcome = yield Get(target, way)
        if isinstance(outcome, Reply):
            return outcome
    assert isinstance(outcome, Unreached)
    raise Refusal(outcome.reason)


def _at(origin: httpcore.Origin, address: str) -> httpcore.Origin:
    return httpcore.Origin(origin.scheme, address.encode("ascii"), origin.port)


def _target(url: httpx.URL) -> httpx.URL:
    if url.scheme not in {"http", "https"}:
        raise Refusal(f"only http and https are allowed, not {url.scheme[:20] or 'no scheme'}")
    if not url.host:
        raise Refusal("the URL names no host")
    return url


def _engine_url(target: httpx.URL, host: bytes) -> httpcore.URL:
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
        "GET", _engine_url(step.target, step.door.origin.host), headers=headers, extensions=extensions
    )


def _redirect(response: httpcore.Response, headers: Mapping[str, str], limits: FileLimits) -> str | None:
    """Return where an answer redirects to, or None where its body is the file.

    Raises:
        Refusal: It is neither.
    """
    if response.status in _REDIRECTS and "location" in headers:
        return headers["location"]
    if not 200 <= response.status < 300:
        raise Refusal(f"the answer was {response.status}")
    encodings = {part.strip().lower() for part in headers.get("content-encoding", "").split(",")}
    if encodings - {"", "identity"}:
        raise Refusal("the answer is compressed, though only an uncompressed one was asked for")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > limits.max_bytes:
        raise _too_large(limits)
    return None


def _too_large(limits: FileLimits) -> Refusal:
    return Refusal(f"it is larger than {limits.max_bytes} bytes")


def _text(content: bytearray, charset: str | None) -> str:
    name = "utf-8"
    with contextlib.suppress(LookupError, ValueError):
        name = codecs.lookup(charset or "utf-8").name
    if name.replace("-", "_") in _NO_CHARSETS:
        name = "utf-8"
    try:
        return content.decode("utf-8-sig" if name == "utf-8" else name, "replace")
    except (LookupError, ValueError):  # a codec that is no charset, such as zlib
        return content.decode("utf-8-sig", "replace")


def _fetch(url: str, rules: Rules) -> str | None:
    until = time.monotonic() + rules.limits.timeout
    reason = ""
    try:
        steps = _journey(url, rules)
        outcome: Outcome = None
        while True:
            step = steps.send(outcome)
            if isinstance(step, Lookup):
                outcome = look_up(step.host, step.port).result(max(0.0, until - time.monotonic()))
            else:
                outcome = _get(step, until, rules.limits)
    except StopIteration as stop:
        text: str = stop.value
        return text
    except Exception as error:
        reason = _reason(error)
    log_unread(url, reason)
    return None


async def _afetch(url: str, rules: Rules) -> str | None:
    reason = ""
    try:
        until = time.monotonic() + rules.limits.timeout
        async with asyncio.timeout(rules.limits.timeout):
            steps = _journey(url, rules)
            outcome: Outcome = None
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as stop:
                    text: str = stop.value
                    return text
                if isinstance(step, Lookup):
                    outcome = await asyncio.wrap_future(look_up(step.host, step.port))
                else:
                    outcome = await _aget(step, until, rules.limits)
    except Exception as error:
        reason = _reason(error)
    log_unread(url, reason)
    return None


def _get(step: Get, until: float, limits: FileLimits) -> Reply | Unreached:
    request = _request(step, until - time.monotonic())
    connection = step.door.connection(0, _deadline(until))
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
        return Unreached(failure_of(error).text)
    finally:
        connection.close()


async def _aget(step: Get, until: float, limits: FileLimits) -> Reply | Unreached:
    request = _request(step, until - time.monotonic())
    connection = step.door.async_connection(0, _deadline(until))
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
        return Unreached(failure_of(error).text)
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
    if isinstance(error, Refusal | ConfigurationError):
        return str(error)
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "its host is not known"
    if isinstance(error, ENGINE_ERRORS):
        return failure_of(error).text
    # Of any other error the text could hold the URL.
    return f"the URL can't be used ({type(error).__name__})"
