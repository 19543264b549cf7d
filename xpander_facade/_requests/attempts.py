"""Attempts of one run under one id: what each of them used, kept in the record itself, so that sums are absolute.

A report of an attempt holds a ledger in its `llm_response`: `{"_run": {"attempts": {"1": {"prompt_tokens": 9000,
"completion_tokens": 900, "duration": 2.5}}}}`. Whoever reports next reads the record first and writes all attempts that
are known, and the sum of them. So any host may report any attempt, and one that is reported again counts once. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import attrs

from xpander_facade._serialization.redaction import RUN_KEY

LEDGER = "attempts"
"""The member below `"_run"` that holds, by attempt, what it used."""
_COUNTS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")
_DURATION = "duration"
_FIRST = "0"
_FAILED = frozenset({"failed", "error"})

Counts = dict[str, int | float]
Ledger = dict[str, Counts]
_Body = Mapping[str, Any]


@attrs.frozen(eq=False, repr=False)
class Record:
    """What is known of a run from before: from the platform, or from a report that waits.

    Args:
        llm_response: What its reports gave.
        is_success: Whether it has not failed, as far as that is known.
        used_tools: The tools that it named.
        has_tokens: Whether it tells tokens.
    """

    llm_response: Any
    is_success: bool
    used_tools: list[str]
    has_tokens: bool

    @classmethod
    def of_task(cls, task: _Body) -> Record:
        """Return what the platform answers of a task."""
        return cls(
            task.get("llm_response"),
            task.get("status") not in _FAILED,
            _texts(task.get("used_tools")),
            bool(task.get("tokens")),
        )

    @classmethod
    def of_report(cls, body: _Body) -> Record:
        """Return what a report says."""
        return cls(
            body.get("llm_response"),
            body.get("is_success") is not False,
            _texts(body.get("used_tools")),
            bool(body.get("tokens")),
        )

    @property
    def ledger(self) -> Ledger:
        """What its attempts used."""
        return ledger_of(self.llm_response)


def counts_of(tokens: Any, duration: float | None) -> Counts:
    """Return the entry of an attempt: what it used.

    Args:
        tokens: The `Tokens` that it used, or None.
        duration: How long it took, in seconds; None where it has not ended.
    """
    counts: Counts = {} if tokens is None else {name: getattr(tokens, name) for name in _COUNTS}
    return counts if duration is None else {**counts, _DURATION: duration}


def ledger_of(llm_response: Any) -> Ledger:
    """Return what the attempts of a run used, as its `llm_response` tells it; {} where it does not."""
    facts = _member(llm_response, RUN_KEY)
    known = _member(facts, LEDGER)
    if not isinstance(known, dict):
        return {}
    entries = cast("dict[str, Any]", known)
    return {attempt: _numbers(entry) for attempt, entry in entries.items() if isinstance(entry, dict)}


def has_ledger(body: _Body) -> bool:
    """Whether a report is one of an attempt whose counts are added to those of others."""
    return bool(ledger_of(body.get("llm_response")))


def has_ended(record: Record, body: _Body) -> bool:
    """Whether the record tells the end of the attempt that a report is about, or of a later one."""
    attempt = _last(ledger_of(body.get("llm_response")))
    return any(
        _DURATION in counts and (other == attempt or _is_later(other, attempt))
        for other, counts in record.ledger.items()
    )


def is_told(body: _Body, record: Record) -> bool:
    """Whether the record has all that a report tells of attempts; True where it shows no attempt at all.

    Their numbers may differ: another host may have done the same attempt again.
    """
    known = record.ledger
    return not known or all(
        counts.keys() <= known.get(attempt, {}).keys()
        for attempt, counts in ledger_of(body.get("llm_response")).items()
    )


def is_of_same_attempt(body: _Body, record: Record) -> bool:
    """Whether a report and the record tell the outcome of the same attempt."""
    return _last(ledger_of(body.get("llm_response"))) == _last(record.ledger)


def is_done_at_once(body: _Body) -> bool:
    """Whether a report tells that the first attempt went well, and of no other one: nothing more is to be expected."""
    is_done = body.get("is_success") is True and body.get("result") is not None
    return is_done and list(ledger_of(body.get("llm_response"))) == [_FIRST]


def joined_again(body: _Body, record: Record) -> dict[str, Any]:
    """Return a report that was sent before, with what the record tells of the other attempts since.

    Names have no order: of two attempts that end at the same time, the one that went well is taken for the later one.
    """
    is_behind = record.is_success or body.get("is_success") is not True
    attempts = {**record.ledger, **ledger_of(body.get("llm_response"))}
    is_outcome_known = is_behind and any(_number(attempt) is None for attempt in attempts)
    return joined(body, record, is_outcome_known=is_outcome_known)


def with_duration(body: _Body, seconds: float) -> dict[str, Any]:
    """Return a report with the duration of its attempt."""
    ledger = ledger_of(body.get("llm_response"))
    attempt = _last(ledger)
    ledger[attempt] = {**ledger[attempt], _DURATION: seconds}
    return {**body, "llm_response": _with_ledger(body.get("llm_response"), ledger)}


def without_last(body: _Body, record: Record) -> dict[str, Any] | None:
    """Return the report of the attempts before the last one, whose end the record tells from elsewhere.

    The record's outcome stays. None where it knows already what those attempts used.

    Args:
        body: The report, which has a ledger.
        record: What is known of the run.
    """
    ledger = ledger_of(body.get("llm_response"))
    ledger.pop(_last(ledger), None)
    if not record.ledger or all(record.ledger.get(attempt) == counts for attempt, counts in ledger.items()):
        return None
    rest = {**body, "llm_response": _with_ledger(body.get("llm_response"), ledger)}
    return joined(rest, record, is_outcome_known=True)


def joined(body: _Body, record: Record | None, *, is_outcome_known: bool = False) -> dict[str, Any]:
    """Return the report of an attempt with all that is known of the others, and the sums over all of them.

    What it says of the same attempt replaces what the record says. Where the record has a later attempt, by number,
    that one's outcome stays.

    Args:
        body: The report, which has a ledger.
        record: What is known of the run; None where there is none.
        is_outcome_known: Whether the record's outcome stays in any case.
    """
    response: Any = body.get("llm_response")
    own = ledger_of(response)
    known = {} if record is None else record.ledger
    is_late = is_outcome_known or any(_is_later(attempt, _last(own)) for attempt in known)
    # What a report leaves out of its attempt, such as a start, takes nothing back.
    told = {key: {**known.get(key, {}), **counts} for key, counts in own.items()}
    others = {key: counts for key, counts in known.items() if key not in told}
    ledger = {**told, **others} if is_late else {**others, **told}
    whole: dict[str, Any] = {**body}
    if record is not None:
        if is_late:
            whole["is_success"] = record.is_success
            for name in ("result", "input"):
                # What a report leaves out stays as the record has it.
                whole.pop(name, None)
        if is_late or (_is_bare(response) and _member(record.llm_response, RUN_KEY) is not None):
            # A report that tells no response takes back none that was told before.
            response = record.llm_response
        if whole.get("used_tools"):
            earlier = record.used_tools
            whole["used_tools"] = [*earlier, *(name for name in whole["used_tools"] if name not in earlier)]
    whole["llm_response"] = _with_ledger(response, ledger)
    whole |= _sums(ledger)
    return whole


def _sums(ledger: Ledger) -> dict[str, Any]:
    # Exact, so that the order in which attempts are reported changes nothing.
    sums: dict[str, Any] = {_DURATION: math.fsum(counts.get(_DURATION, 0) for counts in ledger.values())}
    if any(name in counts for counts in ledger.values() for name in _COUNTS):
        tokens = {name: int(sum(counts.get(name, 0) for counts in ledger.values())) for name in _COUNTS}
        sums["tokens"] = {**tokens, "total_tokens": tokens["prompt_tokens"] + tokens["completion_tokens"]}
    return sums


def _with_ledger(response: Any, ledger: Ledger) -> dict[str, Any]:
    members = cast("dict[str, Any]", response) if isinstance(response, dict) else {}
    facts = _member(members, RUN_KEY)
    facts = cast("dict[str, Any]", facts) if isinstance(facts, dict) else {}
    return {**members, RUN_KEY: {**facts, LEDGER: ledger}}


def _is_bare(response: Any) -> bool:
    """Whether there is nothing beside the ledger."""
    if not isinstance(response, dict):
        return response is None
    members = cast("dict[str, Any]", response)
    facts = members.get(RUN_KEY)
    return list(members) == [RUN_KEY] and isinstance(facts, dict) and list(cast("dict[str, Any]", facts)) == [LEDGER]


def _last(ledger: Ledger) -> str:
    """Return the attempt that stands last: the one whose outcome is told."""
    return next(reversed(ledger), "")


def _is_later(one: str, other: str) -> bool:
    numbers = [_number(text) for text in (one, other)]
    # Names have no order: what is told last of them counts.
    return None not in numbers and int(one) > int(other)


def _number(text: str) -> int | None:
    # RQ's attempts count up from a negative number.
    return int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal() else None


def _member(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _numbers(entry: Any) -> Counts:
    # Anybody may have reported under this id, and anything.
    members = cast("dict[str, Any]", entry)
    return {
        name: value
        for name in (*_COUNTS, _DURATION)
        if isinstance(value := members.get(name), int | float) and not isinstance(value, bool) and value >= 0
    }


def _texts(value: Any) -> list[str]:
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return [name for name in entries if isinstance(name, str)]
