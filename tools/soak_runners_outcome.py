"""What a soak of a job runner has shown: compares the ledger, the runner and the platform's history, job by job."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from soak_jobs import Plan

IN_ENDING = 0.5
"""Seconds after the last line of an attempt in which a killed process may not have reported it yet."""
_LIMITS = {
    "SoftTimeLimitExceeded": "SoftTimeLimitExceeded",
    "SystemExit": "hard time limit (1 s) exceeded",
    "JobTimeoutException": "Task exceeded maximum timeout value (1 seconds)",
    "TimeLimitExceeded": "TimeLimitExceeded",
}
"""By what interrupts a job: what its record says."""
_LOST = (
    "was killed before the job ended",
    "process ended before the",
    "told to end",
    "the worker that did the job is gone",
    "Job was stuck in intermediate queue",
)
_MAX_TAKEN = 3
"""So many jobs may a host have taken that it has not begun: one for each of its processes."""


@dataclass(frozen=True)
class Kill:
    """Some processes that were killed.

    Attributes:
        at: When; seconds since the epoch.
        pids: Which.
        is_host: Whether they were all of a host.
    """

    at: float
    pids: set[int]
    is_host: bool


@dataclass
class Traces:
    """What a soak left behind.

    Attributes:
        runner: The job runner.
        numbers: The jobs' numbers.
        ledger: What the jobs noted, in order.
        ended: How the runner says that jobs have ended, by id.
        runs: The platform's records, by id.
        kills: What was killed.
        outages: How many times the platform was away.
        lost: The ids of jobs that were sent again, since the runner had lost them with a host that was killed.
        left: What the hosts' outboxes still held in the end.
        seconds: How long all took.
        violations: The emulator's answers that broke the contract.
    """

    runner: str
    numbers: Sequence[int]
    ledger: list[dict[str, Any]]
    ended: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    outages: int = 0
    lost: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def open_jobs(self) -> dict[int, list[str]]:
        """Return which jobs processes are at, by process id; what was killed is at none."""
        found: dict[int, list[str]] = defaultdict(list)
        for row in self.ledger:
            if row["what"] == "began":
                found[row["pid"]].append(row["job"])
            elif row["job"] in found[row["pid"]]:
                found[row["pid"]].remove(row["job"])
        killed = {pid for kill in self.kills for pid in kill.pids}
        return {pid: jobs for pid, jobs in found.items() if jobs and pid not in killed}


@dataclass
class Outcome:
    """What is wrong, and the numbers to print."""

    problems: list[str] = field(default_factory=list)
    tally: dict[str, float] = field(default_factory=dict)


@dataclass
class _Job:
    """What is known of one job."""

    plan: Plan
    rows: list[dict[str, Any]]
    run: dict[str, Any] | None
    ended: str | None
    killed: Mapping[int, float]
    runner: str = ""
    was_lost: bool = False
    """Whether the runner has lost it, and it was sent again."""

    @property
    def is_untaken(self) -> bool:
        """Whether RQ has counted an attempt that was not begun: the host that had taken the job was killed before."""
        is_skipped = bool(self.attempts) and not set(range(max(self.attempts))) <= set(self.attempts)
        is_never = not self.attempts and self.ended == "failed" and not self.is_over_limit
        return self.runner == "rq" and (is_skipped or is_never)

    @property
    def is_over_limit(self) -> bool:
        """Whether it has exceeded its limit as it was to; that may be before the job has noted anything."""
        told = "" if self.run is None else self.run["result"] or ""
        return self.plan.ends in ("soft", "hard") and any(text in told for text in _LIMITS.values())

    @property
    def ends(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["what"] != "began"]

    @property
    def was_killed(self) -> bool:
        """Whether a process was killed that was at the job, or had just done it."""
        last = {row["pid"]: row for row in self.rows}
        # A process of RQ does one job and is gone: it was killed before RQ knew of the end.
        return self.is_untaken or any(
            row["what"] == "began" or self.runner == "rq" or self.killed[pid] - row["at"] < IN_ENDING
            for pid, row in last.items()
            if pid in self.killed
        )

    @property
    def was_held(self) -> bool:
        """Whether a process of Dramatiq may have been killed that held the job between two of its attempts.

        It takes a message that waits for its time out of Redis, gives it back as a new one, and says so up to a second
        later. It may also not have said yet that it has done one.
        """
        pairs = itertools.pairwise(self.rows)
        waits = [(before["at"], after["at"]) for before, after in pairs if after["what"] == "began"]
        return self.runner == "dramatiq" and any(
            since <= at <= until for since, until in waits for at in self.killed.values()
        )

    @property
    def attempts(self) -> list[int]:
        return [row["attempt"] for row in self.rows if row["what"] == "began"]

    def tokens(self) -> tuple[int, list[int]]:
        """Return the tokens that must be told, and those of attempts whose process was killed as it would tell them."""
        told: dict[int, tuple[int, bool]] = {}
        for row in self.ends:
            killed_at = self.killed.get(row["pid"])
            is_sure = killed_at is None or killed_at - row["at"] > IN_ENDING
            # Celery gives a child a tenth of a second to end at its hard limit, and kills it then.
            is_sure = is_sure and row["what"] != "SystemExit"
            _, was_sure = told.get(row["attempt"], (0, False))
            told[row["attempt"]] = (row["tokens"], is_sure or was_sure)
        sure = sum(tokens for tokens, is_sure in told.values() if is_sure)
        return sure, [tokens for tokens, is_sure in told.values() if not is_sure]


def judge(traces: Traces, plans: Mapping[int, Plan]) -> Outcome:
    """Judge what a soak left behind."""
    outcome = Outcome()
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in traces.ledger:
        rows[row["job"]].append(row)
    killed = {pid: kill.at for kill in traces.kills for pid in kill.pids}
    jobs = [
        _Job(
            plan,
            rows[plan.id],
            traces.runs.get(plan.id),
            traces.ended.get(plan.id),
            killed,
            traces.runner,
            plan.id in traces.lost,
        )
        for plan in (plans[number] for number in traces.numbers)
    ]
    untaken = [job.plan.id for job in jobs if job.is_untaken]
    if len(untaken) > _MAX_TAKEN * sum(kill.is_host for kill in traces.kills):
        outcome.problems.append(f"more jobs were not begun than killed hosts can have taken: {', '.join(untaken)}")
    if len(traces.lost) > sum(kill.is_host for kill in traces.kills):
        outcome.problems.append(f"more jobs were lost than killed hosts can have taken: {', '.join(traces.lost)}")
    for job in jobs:
        for problem in _problems_of(job):
            outcome.problems.append(f"{job.plan.id}: {problem}; {_told(job)}")
    for id in traces.runs.keys() - {job.plan.id for job in jobs}:
        outcome.problems.append(f"the history has {id}, which is no job: {traces.runs[id]['input']}")
    outcome.problems += [
        f"{count} reports are left in the outbox of {name}" for name, count in traces.left.items() if count
    ]
    outcome.problems += [f"an answer of the emulator breaks the contract: {text}" for text in traces.violations]
    outcome.tally = {
        "jobs": len(jobs),
        "jobs in the history": sum(job.run is not None for job in jobs),
        "completed": sum(job.ended == "completed" for job in jobs),
        "failed": sum(job.ended == "failed" for job in jobs),
        "attempts": sum(len(job.attempts) for job in jobs),
        "jobs tried again, percent": round(100 * sum(job.plan.failures > 0 for job in jobs) / max(len(jobs), 1), 1),
        "jobs taken by a host that was killed before": len(untaken),
        "jobs that the runner lost": len(traces.lost),
        "jobs whose process was killed": sum(job.was_killed for job in jobs),
        "kills": sum(not kill.is_host for kill in traces.kills),
        "host kills": sum(kill.is_host for kill in traces.kills),
        "outages": traces.outages,
        "tokens in the history": sum(_tokens(job.run) for job in jobs if job.run is not None),
        "seconds": round(traces.seconds),
    }
    return outcome


def _problems_of(job: _Job) -> list[str]:
    if job.ended is None:
        return ["its runner has not ended it"]
    if job.run is None:
        return ["the history does not have it"]
    problems: list[str] = []
    if job.run["status"] != job.ended:
        problems.append(f"its runner says {job.ended}, the history {job.run['status']}")
    elif not _is_right_result(job, job.run["result"] or ""):
        problems.append(f"the history says {job.run['result']!r}")
    sure, unsure = job.tokens()
    possible = {sure + sum(some) for count in range(len(unsure) + 1) for some in itertools.combinations(unsure, count)}
    if _tokens(job.run) not in possible:
        problems.append(f"the history has {_tokens(job.run)} tokens, its attempts {sorted(possible)}")
    if not job.was_killed:
        wanted = "completed" if job.plan.ends == "done" else "failed"
        if job.ended != wanted:
            problems.append(f"its runner says {job.ended} of a job that nobody killed")
        # What was held or lost is done again, which leaves out no attempt and adds none.
        attempts = sorted(set(job.attempts)) if job.was_held or job.was_lost else job.attempts
        if attempts != list(range(job.plan.failures + 1)) and (job.attempts or not job.is_over_limit):
            problems.append(f"its attempts were {job.attempts}, though nobody killed it")
    return problems


def _is_right_result(job: _Job, result: str) -> bool:
    if job.ended == "completed":
        return result == job.plan.result
    if job.was_killed and any(text in result for text in _LOST):
        return True
    last = job.ends[-1] if job.ends else None
    if last is None:  # the job had no time to say so
        return job.is_over_limit
    if last["what"] in _LIMITS:
        return _LIMITS[last["what"]] in result
    return result == f"{job.plan.id} fails, attempt {last['attempt']}"


def _tokens(run: Mapping[str, Any]) -> int:
    return int((run["tokens"] or {}).get("prompt_tokens", 0))


def _told(job: _Job) -> str:
    return ", ".join(
        f"{row['attempt']} {row['what']}{' (killed)' if row['pid'] in job.killed else ''}" for row in job.rows
    )
