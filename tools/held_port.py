"""A port that is given to nobody else while its platform is away: what is sent there is not meant for others."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def hold_port(url: str) -> socket.socket:
    """Return a socket that keeps the port of a URL without listening, until it is closed; its owner may listen there.

    Args:
        url: Where the platform is when it is there, on this machine.
    """
    address = urlsplit(url)
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((address.hostname, address.port))
    return held
