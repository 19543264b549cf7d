"""One attempt at a request: method, URL, headers, bytes, deadline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from xpander_facade._transport.content_coding import ACCEPTED
from xpander_facade._transport.routing import CONNECT_TIMEOUT
from xpander_facade._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable  # noqa: TC004 (annotations only)

    from xpander_facade._transport.response import Failure, Response  # noqa: TC004
    from xpander_facade._transport.routing import Target

USER_AGENT = f"xpander-facade/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"


@attrs.frozen(eq=False, repr=False)
class Attempt:
    """What is sent once.

    Args:
        method: The HTTP method.
        url: The whole URL.
        headers: All headers but those of the connection. Holds the key, so it is in no `repr`.
        content: The body, or None.
        deadline: Seconds that this attempt may take.
        operation: The contract's name of the operation; empty for the fetch of a file.
        on_end: Called with what came of it, by observers that saw it begin.
    """

    method: str
    url: str
    headers: dict[str, str] = attrs.field(repr=False)
    content: bytes | None = attrs.field(repr=False)
    deadline: float
    operation: str = ""
    on_end: tuple[Callable[[Response | Failure | None], None], ...] = attrs.field(default=(), repr=False, eq=False)


class OutgoingRequest:
    """An attempt on its way over a connection of ours.

    Args:
        attempt: What to send.
        target: Where to send it.
        timeout: Seconds to wait for anything; connecting takes at most CONNECT_TIMEOUT of them.

    Attributes:
        read_timeout: Seconds that a read of the response waits. It may be changed meanwhile.
    """

    __slots__ = ("attempt", "read_timeout", "target", "timeout")

    def __init__(self, attempt: Attempt, target: Target, timeout: float) -> None:
        self.attempt = attempt
        self.target = target
        self.timeout = timeout
        self.read_timeout = timeout

    @property
    def connect_timeout(self) -> float:
        """Seconds that connecting may take."""
        return min(CONNECT_TIMEOUT, self.timeout)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return all headers, as they are sent."""
        attempt = self.attempt
        headers = head_of(self.target.host, attempt.headers)
        if attempt.content is not None:
            headers.append((b"content-length", b"%d" % len(attempt.content)))
        return headers


def head_of(host: bytes, headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Return the headers of requests without that of the body's length."""
    lines = [(b"host", host)]
    # An event stream asks for no compression.
    if "accept-encoding" not in headers:
        lines.append((b"accept-encoding", ACCEPTED))
    # A head takes no white space around a value, and the receiver would take it away.
    lines += [(name.encode("ascii"), value.strip(" \t").encode("utf-8")) for name, value in headers.items()]
    return lines
