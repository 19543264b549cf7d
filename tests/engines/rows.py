"""The rows that the tests report, and what kills a worker on its way. Workers import this module, too."""

from __future__ import annotations

import os
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import Backend, Configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from counting import Platform

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
        texts: The texts.
        deaths: A file that gets a line each time: how many reports the platform has had.
        url: Where the platform is.
        between: How many these must be; then only the first one kills. None kills each time.
    """

    texts: frozenset[str]
    deaths: str
    url: str
    between: tuple[float, float] | None

    def __call__(self, field: str, text: str) -> str:
        if text not in self.texts:
            return text
        with urllib.request.urlopen(f"{self.url}/count", timeout=60) as answer:
            count = int(answer.read())
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        if self.between is not None:
            flags |= os.O_EXCL
            if not self.between[0] <= count <= self.between[1]:
                return text
        try:
            file = os.open(self.deaths, flags)
        except FileExistsError:
            return text
        os.write(file, b"%d\n" % count)
        os.kill(os.getpid(), signal.SIGKILL)
        return text


def killer(platform: Platform, folder: Path, *numbers: int) -> Killer:
    """Return what kills each worker that meets one of these rows."""
    texts = frozenset(row(number)["question"] for number in numbers)
    return Killer(texts, str(folder / "deaths"), platform.url, None)


def killer_of_one(platform: Platform, folder: Path, count: int, size: int) -> Killer:
    """Return what kills one worker, in the middle of all rows, when most of its partition is sent."""
    texts = frozenset(row(number)["question"] for number in range(size * 3 // 5, count, size))
    return Killer(texts, str(folder / "deaths"), platform.url, (0.2 * count, 0.78 * count))


def deaths(folder: Path) -> list[int]:
    """Return how many reports the platform had had at each death."""
    return [int(line) for line in (folder / "deaths").read_text().splitlines()]


def check(platform: Platform, numbers: Iterable[int]) -> None:
    """Hold what has arrived against the rows, field by field."""
    runs, wanted = platform.runs(), {f"run-{number}": expected(number) for number in numbers}
    assert runs.keys() == wanted.keys()
    assert [id for id, fields in wanted.items() if arrived(runs[id]) != fields] == []


def check_cost_of_a_death(platform: Platform, folder: Path, count: int, size: int) -> str:
    """Hold against what one death may cost, in the middle of a partition of this size; return the numbers."""
    check(platform, range(count))
    (at,) = deaths(folder)
    requests = platform.requests()
    assert 0.2 * count <= at <= 0.8 * count
    assert count + size // 2 <= requests <= 1.5 * count
    return (
        f"{count:,} rows, a worker killed after {at / count:.0%}, {requests:,} requests: {requests / count:.3f} per row"
    )


def backend(url: str, killer: Killer | None = None) -> Backend:
    """Return what the program on the driver has; workers have the key in their environment."""
    return Backend(
        Configuration(
            organization_id="org-1", agent_id="agent-1", base_url=url, allow_insecure_http=True, redact=killer
        )
    )
