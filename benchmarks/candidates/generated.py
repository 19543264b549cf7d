"""The generated client as the generator makes it: only its reading of a Task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xpander_api.models.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable


def decode() -> Callable[[bytes], Any]:
    return lambda data: Task.from_dict(json.loads(data))
