"""What a soak has shown: reads the traces that it left, and says what is wrong with which task or worker.

Owns the judgement alone. `tools/soak` makes the traces: what the emulator knows, and what the workers noted themselves.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

LONGEST_GAP = 4.0
FINAL = ("completed", "error", "failed", "stopped")


@dataclass
class Traces:
    """What a soak left behind.

    Attributes:
        wanted: How each task that was created should end: status and result.
        tasks: The tasks as the platform has them, by id.
        events: Each task's events, oldest first.
        updates: The bodies of all updates, with the task's id and the status of the answer.
        dispatches: Which worker was given which task, and what became of it there.
        workers: All that ever registered.
        silences: The longest time for which a live worker's count of heartbeats stood still, as seen from outside.
        notes: What each process noted, as "began" or "ended" and a task, by the process's name.
        killed: The name of the process that was killed, the ids that it had, and the tasks that it had in hand.
        exits: How the other processes ended.
        violations: The emulator's answers that broke the contract.
        faults: What the processes logged of faults of their own.
    """

    wanted: dict[str, tuple[str, str]]
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    updates: list[tuple[str, dict[str, Any], int | None]] = field(default_factory=list)
    dispatches: list[dict[str, Any]] = field(default_factory=list)
    workers: list[dict[str, Any]] = field(default_factory=list)
    silences: dict[str, float] = field(default_factory=dict)
    notes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    killed: tuple[str, set[str], set[str]] = ("", set(), set())
    exits: dict[str, int | None] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What is wrong, and the numbers to print."""

    problems: list[str] = field(default_factory=list)
    tally: dict[str, object] = field(default_factory=dict)


def judge(traces: Traces) -> Outcome:
    """Judge what a soak left behind."""
    outcome = Outcome()
    for look in (_look_at_outcomes, _look_at_ends, _look_at_updates, _look_at_dispatches, _look_at_runs):
        look(traces, outcome)
    _look_at_workers(traces, outcome)
    outcome.problems += traces.faults
    outcome.problems += [f"an answer of the emulator breaks the contract: {text}" for text in traces.violations]
    return outcome


def _look_at_outcomes(traces: Traces, outcome: Outcome) -> None:
    """Every task is there, and has ended as it should."""
    outcome.tally["tasks"] = len(traces.wanted)
    statuses = Counter(task["status"] for task in traces.tasks.values())
    outcome.tally["statuses"] = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    for task_id, wanted in traces.wanted.items():
        task = traces.tasks.get(task_id)
        if task is None:
            outcome.problems.append(f"task {task_id} is lost: the platform does not know it")
        elif task["status"] not in FINAL:
            outcome.problems.append(f"task {task_id} is lost: it is {task['status']}")
        elif (task["status"], task["result"]) != wanted:
            outcome.problems.append(f"task {task_id} ended {task['status']} ({task['result']!r}), not {wanted}")
    outcome.problems += [f"task {task_id} was not created here" for task_id in traces.tasks.keys() - traces.wanted]


def _look_at_ends(traces: Traces, outcome: Outcome) -> None:
    """Whoever followed a task saw it end once, and nothing afterwards."""
    for task_id, events in traces.events.items():
        kinds = [event["type"] for event in events]
        ends = kinds.count("task_finished")
        if ends != 1:
            outcome.problems.append(f"task {task_id} ended {ends} times, by its events")
        elif kinds[-1] != "task_finished":
            outcome.problems.append(f"task {task_id} went on after its end, by its events: {' '.join(kinds)}")


def _look_at_updates(traces: Traces, outcome: Outcome) -> None:
    """One worker said of each task that it has ended, and said so once."""
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for task_id, body, status in traces.updates:
        if body.get("status") in FINAL:
            ends[task_id].append(f"{body['status']} by {body.get('worker_id')} (answered {status})")
        elif ends[task_id]:
            outcome.problems.append(f"task {task_id} was updated after its end: {body.get('status')}")
    for task_id in traces.wanted:
        if len(ends[task_id]) != 1:
            outcome.problems.append(f"task {task_id} was said to end {len(ends[task_id])} times: {ends[task_id]}")


def _look_at_dispatches(traces: Traces, outcome: Outcome) -> None:
    """Each task ended with the worker that had it last."""
    given: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in traces.dispatches:
        given[row["task_id"]].append(row)
    outcome.tally["given"] = len(traces.dispatches)
    outcome.tally["taken back"] = dict(Counter(r["outcome"] for r in traces.dispatches if r["outcome"] not in FINAL))
    outcome.tally["late updates"] = sum(row["late_updates"] for row in traces.dispatches)
    for task_id in traces.wanted:
        outcomes = [row["outcome"] for row in given[task_id]]
        if [outcome in FINAL for outcome in outcomes] != [False] * (len(outcomes) - 1) + [True]:
            outcome.problems.append(f"task {task_id} did not end with its last worker alone: {outcomes}")


def _look_at_runs(traces: Traces, outcome: Outcome) -> None:
    """No handler ended a task twice. What the killed process ended but could not say any more may run again."""
    name, ids, in_hand = traces.killed
    outcome.tally["in hand when killed"] = len(in_hand)
    if not in_hand:
        outcome.problems.append("the kill proves nothing: the killed worker had no task in hand")
    taken_from_it = {
        row["task_id"] for row in traces.dispatches if row["worker_id"] in ids and row["outcome"] == "lost"
    }
    began: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    unsaid = 0
    for process, notes in traces.notes.items():
        for what, task_id in notes:
            if process == name and task_id in taken_from_it:
                unsaid += what == "ended"
            else:
                (began if what == "began" else ended)[task_id] += 1
    outcome.tally["ended by the killed worker, unsaid"] = unsaid
    for task_id in traces.wanted:
        if (began[task_id], ended[task_id]) != (1, 1):
            outcome.problems.append(f"task {task_id} was begun {began[task_id]} times and ended {ended[task_id]} times")


def _look_at_workers(traces: Traces, outcome: Outcome) -> None:
    """Every worker was heard of all the time, and went in good order, but for the one that was killed."""
    _, killed, _ = traces.killed
    gaps = {w["id"]: max(w["longest_gap"], traces.silences.get(w["id"], 0.0)) for w in traces.workers}
    outcome.tally["registrations"] = len(traces.workers)
    outcome.tally["heartbeats"] = sum(worker["heartbeats"] for worker in traces.workers)
    outcome.tally["longest gap"] = f"{max(gaps.values(), default=0.0):.2f} s"
    for worker in traces.workers:
        if gaps[worker["id"]] > LONGEST_GAP:
            outcome.problems.append(f"worker {worker['id']} was silent for {gaps[worker['id']]:.2f} s")
        if worker["state"] != "finished" and worker["id"] not in killed:
            outcome.problems.append(f"worker {worker['id']} is {worker['state']}, not finished")
    for process, status in traces.exits.items():
        if status != 0:
            outcome.problems.append(f"{process} ended with status {status}")


def parse_events(texts: list[str]) -> list[dict[str, Any]]:
    """Return events from their JSON texts."""
    return [json.loads(text) for text in texts]
