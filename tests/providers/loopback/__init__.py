"""A server on the loopback interface that speaks the wires of the model providers, after a script."""

from loopback.script import Call, Counts, Refuse, Say, counts_of, total
from loopback.server import Loopback, Request

__all__ = ["Call", "Counts", "Loopback", "Refuse", "Request", "Say", "counts_of", "total"]
