"""The jobs of `tools/soak_runners`: what each of them does, and the ledger in which they write it down themselves.

A job's number says all that it is to do, so that whoever knows the number knows what should come out of it. Each line
of the ledger is one write to a file that all processes append to: it is there in whole, or not at all.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xpander_facade import Tokens, current_run

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1.0
"""Seconds that a job may take which exceeds its limit."""


@dataclass(frozen=True)
class Plan:
    """What a job is to do.

    Attributes:
        number: Its number.
        seconds: How long an attempt works.
        failures: So many attempts raise, and the next one does not.
        ends: "done", "raises" without another attempt, "soft" or "hard" where it exceeds such a limit.
    """

    number: int
    seconds: float
    failures: int
    ends: str

    @property
    def id(self) -> str:
        """The job's id, which is the run's too."""
        return f"job-{self.number:05}"

    @property
    def result(self) -> str:
        """What it returns."""
        return f"{self.id} done"

    def tokens(self, attempt: int) -> int:
        """Return what an attempt uses: another number for each of them."""
        return 1 + (self.number * 7 + attempt * 1009) % 5003


def plan_of(number: int) -> Plan:
    """Return what a job is to do: one in five is tried again, one in twenty raises, one in twenty exceeds a limit."""
    if number % 5 == 0:
        return Plan(number, _seconds(number), 1 + number // 5 % 2, "done")
    ends = {3: "raises", 13: "soft" if number % 40 == 13 else "hard"}.get(number % 20, "done")
    return Plan(number, _seconds(number), 0, ends)


def _seconds(number: int) -> float:
    return 0.02 + number * 37 % 100 / 500


def note(plan: Plan, attempt: int, what: str, tokens: int = 0) -> None:
    """Write a line of the ledger."""
    row = {"job": plan.id, "attempt": attempt, "what": what, "tokens": tokens, "pid": os.getpid(), "at": time.time()}
    descriptor = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(row) + "\n").encode())
    finally:
        os.close(descriptor)


def work(number: int, attempt: int) -> str:
    """Do what a job is to do in an attempt."""
    plan = plan_of(number)
    tokens = plan.tokens(attempt)
    note(plan, attempt, "began")
    try:
        run = current_run()
        assert run is not None
        run.tokens = Tokens(prompt_tokens=tokens)
        if plan.ends in ("soft", "hard"):
            for _ in range(300):  # some runners can interrupt a thread between two statements alone
                time.sleep(0.1)
        time.sleep(plan.seconds)
        if plan.ends == "raises" or attempt < plan.failures:
            raise ValueError(f"{plan.id} fails, attempt {attempt}")
        run.result = plan.result
    except BaseException as error:
        note(plan, attempt, type(error).__name__, tokens)
        raise
    note(plan, attempt, "done", tokens)
    return plan.result


def serve(
    send: Callable[[Plan], None],
    states: Callable[[list[str]], dict[str, str]],
    count_held: Callable[[], int] | None = None,
) -> None:
    """Answer the lines of standard input: `["send", [numbers]]`, `["states"]` of all that were sent, and `["held"]`.

    Args:
        send: Gives a job to the runner.
        states: Returns what the runner says of jobs that have ended: "completed" or "failed", by id.
        count_held: Returns how many jobs the runner still has; None where it can lose none.
    """
    sent: list[str] = []
    ended: dict[str, str] = {}
    for line in sys.stdin:
        command, *given = json.loads(line)
        if command == "send":
            for number in given[0]:
                plan = plan_of(number)
                send(plan)
                sent.append(plan.id)
            print("null", flush=True)
        elif command == "held":
            print(json.dumps(count_held and count_held()), flush=True)
        else:
            ended |= states([id for id in sent if id not in ended])
            print(json.dumps(ended), flush=True)
