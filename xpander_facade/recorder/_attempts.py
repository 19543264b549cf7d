"""Attempts of one run under one id: what a user says of them, checked, and what becomes of it in a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs

from xpander_facade import _validation
from xpander_facade._requests.attempts import LEDGER, counts_of

if TYPE_CHECKING:
    from xpander_facade.usage._tokens import Tokens

Joining = Literal["sum", "last", "separate"]
"""What a user may pass as `attempts=`."""
Attempt = int | str | None
_JOININGS: dict[object, Joining] = {None: "sum", "sum": "sum", "last": "last", "separate": "separate"}


@attrs.frozen
class AttemptOptions:
    """Which attempt a run is, and how its report joins those of other attempts.

    Args:
        attempt: The attempt, or what gives it for the arguments of a decorated call; None where nobody knows.
        joining: How attempts of one id are joined.
    """

    attempt: Attempt | Callable[..., Attempt] = None
    joining: Joining = "sum"

    def of_call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> AttemptOptions:
        """Return the options of one call of a decorated function."""
        if not callable(self.attempt):
            return self
        return attrs.evolve(self, attempt=check_attempt(self.attempt(*arguments, **keywords)))

    @property
    def is_summed(self) -> bool:
        """Whether what the run used is added to what other attempts used."""
        return self.attempt is not None and self.joining == "sum"

    def id_of(self, id: str) -> str:
        """Return the id that the run's record has."""
        return f"{id}#{self.attempt}" if self.attempt is not None and self.joining == "separate" else id

    def facts(self, tokens: Tokens | None, duration: float | None) -> dict[str, Any]:
        """Return what a report tells of the attempt, beside the response.

        Args:
            tokens: What the attempt used.
            duration: How long it took, in seconds; None where it has not ended.
        """
        return {LEDGER: {str(self.attempt): counts_of(tokens, duration)}} if self.is_summed else {}


UNKNOWN = AttemptOptions()
"""What is known of a run of which nobody says which attempt it is."""


def check_attempts(attempt: object, attempts: object, *, has_id: bool) -> AttemptOptions:
    """Return what a user says of attempts, checked.

    Raises:
        TypeError: The attempt is neither a whole number nor a text nor a function.
        ValueError: It has no id that other attempts could share, or the way to join them is unknown.
    """
    joining = _JOININGS.get(attempts) if attempts is None or isinstance(attempts, str) else None
    if joining is None:
        raise ValueError(f'attempts must be "sum", "last" or "separate", not {attempts!r}')
    if attempt is None:
        return UNKNOWN if joining == "sum" else AttemptOptions(None, joining)
    if not has_id:
        raise ValueError("attempt= tells the attempts of one id apart: pass id=, too, the same for all of them")
    if callable(attempt):
        return AttemptOptions(cast("Callable[..., Attempt]", attempt), joining)
    return AttemptOptions(check_attempt(attempt), joining)


def check_attempt(value: object) -> Attempt:
    """Return the number or name of an attempt, checked.

    Raises:
        TypeError: It is neither a whole number nor a text.
        ValueError: It is empty, or no id could hold it.
    """
    # True is an int to Python, and here most likely a mistake.
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if not isinstance(value, str):
        raise TypeError(f"attempt must be a whole number or a text, not {type(value).__name__}")
    return _validation.check_id("attempt", value)
