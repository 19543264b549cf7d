"""What a verb asks of the platform, and whether it may be asked twice."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any


class Repeat(enum.Enum):
    """When a call may be sent again."""

    ALWAYS = "after anything that could pass"
    UNTAKEN = "only when the platform surely did not take it"


Request = Mapping[str, Any]
"""The keywords that the request half of a generated operation gives: method, url, and perhaps params, json, headers.

Ours may be added: `guarded` is true where the body went through the gate (`_outgoing`) before, `content` is the body as
bytes, `state` gives the task that the request is about, as JSON, `base` is the URL before the path where it is not the
API's.
"""
