"""Messages between a worker and the platform: their names, and how a frame is read. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from xpander_facade._client import Frame

HEARTBEAT = "worker-heartbeat"
CAPACITY = "worker-capacity-update"
FINISHED = "worker-finished"

REGISTRATION = "worker-registration"
CONFLICT = "worker-environment-conflict"
EXECUTION = "agent-execution"


def read_frame(frame: Frame) -> dict[str, Any]:
    """Return the object that a frame carries.

    Raises:
        ValueError: The frame does not carry an object.
    """
    return read_object(frame.data)


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the object that a text is.

    Raises:
        ValueError: The text is not an object in JSON.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError(f"expected an object, not {type(data).__name__}")
    return cast("dict[str, Any]", data)
