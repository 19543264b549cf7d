"""The rows that the tests report, and what kills a worker on its way. Workers import this module, too."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import Backend, Configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {"id": "key", "input": "question", "result": "answer", "duration": "seconds", "tokens.prompt_tokens": "used"}


def row(number: int) -> dict[str, Any]:
    """Return a row; its number is in all of its fields."""
    return {
        "key": f"run-{number}",
        "question": f"question {number}",
        "answer": f"answer {number} é" + "x" * (number % 50),
        "seconds": number % 7 / 2,
        "used": number % 1000 if number % 3 else None,
    }


def expected(number: int) -> dict[str, Any]:
    """Return what the platform is to have of a row."""
    told = row(number)
    used = told["used"]
    tokens = None if used is None else {"prompt_tokens": used, "completion_tokens": 0, "total_tokens": used}
    return {"input": told["question"], "result": told["answer"], "duration": told["seconds"], "tokens": tokens}


def arrived(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of what has arrived."""
    tokens = body.get("tokens")
    kept = (
        None
        if tokens is None
        else {name: tokens.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    )
    return {"input": body["input"], "result": body["result"], "duration": body["duration"], "tokens": kept}


@attrs.frozen
class Killer:
    """A redactor that kills its process when it meets a text.

    Args:
        text: The text.
        marker: A file that is made when it does: the next one lives. None kills each time.
    """

    text: str
    marker: str | None

    def __call__(self, field: str, text: str) -> str:
        if text == self.text:
            if self.marker is not None:
                try:
                    os.close(os.open(self.marker, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return text
            os.kill(os.getpid(), signal.SIGKILL)
        return text


def backend(url: str, killer: Killer | None = None) -> Backend:
    """Return what the program on the driver has; workers have the key in their environment."""
    return Backend(
        Configuration(
            organization_id="org-1", agent_id="agent-1", base_url=url, allow_insecure_http=True, redact=killer
        )
    )
