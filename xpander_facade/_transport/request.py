"""One attempt at a request: method, URL, headers, bytes, deadline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from xpander_facade._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable  # noqa: TC004 (annotations only)

    from xpander_facade._transport.response import Failure, Response  # noqa: TC004

USER_AGENT = f"xpander-facade/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"


@attrs.frozen
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
