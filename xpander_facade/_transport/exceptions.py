"""What goes wrong on a connection of our own, in the terms of httpcore, which the way through a proxy uses."""

from __future__ import annotations


class TransportError(Exception):
    """An exchange failed."""


class TimeoutException(TransportError):  # noqa: N818 (as in httpcore)
    """Something took longer than it may."""


class ConnectTimeout(TimeoutException):
    """No connection was made in time."""


class ReadTimeout(TimeoutException):
    """Nothing came in time."""


class WriteTimeout(TimeoutException):
    """The server did not take the request in time."""


class ConnectError(TransportError):
    """No connection could be made."""


class ReadError(TransportError):
    """The connection broke while the response was read."""


class WriteError(TransportError):
    """The connection broke while the request was written."""


class RemoteProtocolError(TransportError):
    """What came is not HTTP."""


class LocalProtocolError(TransportError):
    """What was to be sent is not HTTP."""
