"""What the stub answers, call by call, and what each call costs.

Each call has counts of its own, so that a sum tells which calls are in it and how often.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

_COUNTS = (
    (101, 11, 64, 5),
    (203, 17, 128, 9),
    (307, 23, 192, 13),
    (411, 29, 256, 21),
    (523, 31, 320, 33),
    (631, 37, 384, 37),
    (743, 41, 448, 45),
    (853, 43, 512, 51),
)


@dataclass(frozen=True)
class Counts:
    """What a call costs, in tokens.

    Args:
        prompt: All input, with what came from the cache and went into it.
        completion: All output.
        read: Of the prompt, what came from the cache.
        written: Of the prompt, what went into the cache; told by some wires only.
    """

    prompt: int
    completion: int
    read: int
    written: int

    @property
    def uncached(self) -> int:
        """The input beside the cache, as Anthropic and Bedrock count it."""
        return self.prompt - self.read - self.written

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


def counts_of(number: int) -> Counts:
    """Return what the call of this number costs, the first being 1."""
    return Counts(*_COUNTS[number - 1])


def total(*numbers: int) -> Counts:
    """Return what the calls of these numbers cost together."""
    several = [counts_of(number) for number in numbers]
    return Counts(
        *(sum(getattr(each, name) for each in several) for name in ("prompt", "completion", "read", "written"))
    )


@dataclass(frozen=True)
class Say:
    """The model says a text; a dict is said as JSON."""

    text: str | dict[str, Any]

    @property
    def pieces(self) -> list[str]:
        """The text in two pieces, as a stream tells it."""
        text = self.text if isinstance(self.text, str) else json.dumps(self.text)
        half = len(text) // 2
        return [text[:half], text[half:]]

    @property
    def whole(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The arguments as JSON."""
        return json.dumps(self.arguments)


@dataclass(frozen=True)
class Refuse:
    """The provider answers with an error."""

    status: int = 400
    message: str = "the stub refuses"


Step = Say | Call | Refuse
