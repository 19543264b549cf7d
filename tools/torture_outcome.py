"""What a torture has shown: reads the traces that it left, and says what is wrong with which run or process.

`tools/torture` makes the traces: what it did to whom, what the processes noted and logged, what the platform was sent.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torture_platform import Delivery

CALL_SECONDS = 45.0
"""A call, and a forked child, that takes longer hangs. Time for which its process was stopped does not count."""
RECOVERY_SECONDS = 45.0
"""Seconds after an outage in which the first report must be there, whoever flushes or does not."""
NOTICE_SECONDS = 5.0
"""Seconds in which a process has noticed that its file is gone, on a machine with much to do."""
CLAIM_SECONDS = 10.0
"""A report that comes again after so many seconds was claimed again since its claim was over."""
MAX_DESCRIPTORS = 120
MAX_THREADS = 80
MAX_GROWTH = 60
"""MB by which a process that lives through all of it may grow."""
MAX_MB = 300
_ENQUEUED = ("once-", "twice-", "haste-", "signal-", "forked-")
"""What the ids begin with of runs that are stored in the file, and not reported without it."""
_ENDS = {"stored", "refused", "interrupted", "called"}
_WAITS = re.compile(r"run (\S+) waits for another try")
_NOT_TAKEN = re.compile(r"can't take the report of run (\S+?):")

Span = tuple[float, float]


@dataclass
class Floor:
    """How much there must be of each kind at least, lest the torture prove nothing."""

    accepted: int
    kills: int
    stops: int
    steps: int
    outages: int
    deletions: int


@dataclass
class Traces:
    """What a torture left behind. All times are monotonic seconds.

    Attributes:
        notes: What each process noted, by its name: when, what, and of which run or process id.
        logs: What each process logged: when, and the text.
        files: The outbox's file of each process.
        deliveries: The reports that the platform took.
        tasks: What the platform knows of each run.
        kills: When each process was killed that was.
        endings: From when to when a process was told to end and did.
        stops: From when to when each process was stopped.
        long_stops: How many of them went beyond the lease.
        steps: When the clock was put forward or back.
        outages: From when to when the platform was gone.
        deletions: When each file was deleted, moved or replaced.
        full: From when to when the disk was full.
        samples: Of each process that lived through all of it: MB of memory, open files and threads, over time.
        lease: The lease of runs, in seconds.
        slowness: How many times longer the machine took than a quiet one.
        problems: What was wrong while it went on.
    """

    notes: dict[str, list[tuple[float, str, str]]] = field(default_factory=dict)
    logs: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    kills: dict[str, float] = field(default_factory=dict)
    endings: dict[str, Span] = field(default_factory=dict)
    stops: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    long_stops: int = 0
    steps: list[float] = field(default_factory=list)
    outages: list[Span] = field(default_factory=list)
    deletions: list[tuple[str, float]] = field(default_factory=list)
    full: list[Span] = field(default_factory=list)
    samples: dict[str, list[tuple[float, int, int]]] = field(default_factory=lambda: defaultdict(list))
    lease: float = 3.0
    slowness: float = 1.0
    problems: list[str] = field(default_factory=list)


@dataclass
class Run:
    """What the processes noted of a run: the time of each step, and the process."""

    process: str
    steps: dict[str, float] = field(default_factory=dict)


class Outcome:
    """What is wrong, and the numbers to print.

    Args:
        traces: What is judged.
        death: The result of runs whose process died.
    """

    def __init__(self, traces: Traces, death: str) -> None:
        self.traces = traces
        self.death = death
        self.problems = list(traces.problems)
        self.tally: dict[str, object] = {}
        self.runs: dict[str, Run] = {}
        for process, notes in traces.notes.items():
            for moment, step, id in notes:
                if step in {"storing", "beginning", "begun", "stored", "refused", "interrupted"}:
                    self.runs.setdefault(id, Run(process)).steps.setdefault(step, moment)
        self.main_ids = {
            f"{name}-{id}" for name, notes in traces.notes.items() for _, step, id in notes if step == "ready"
        }
        self.left = {
            f"{name}-{id}": moment
            for name, notes in traces.notes.items()
            for moment, step, id in notes
            if step == "leaving"
        }
        self.not_taken = {
            found[1] for log in traces.logs.values() for _, text in log if (found := _NOT_TAKEN.search(text))
        }
        self.refusals = {
            id.partition(" ")[0]: id.partition(" ")[2]
            for notes in traces.notes.values()
            for _, step, id in notes
            if step == "reason"
        }
        self.retries: dict[str, list[float]] = defaultdict(list)
        for log in traces.logs.values():
            for moment, text in log:
                if found := _WAITS.search(text):
                    self.retries[found[1]].append(moment)

    def judge(self) -> None:
        """Judge all of it."""
        self._look_at_arrivals()
        self._look_at_refusals()
        self._look_at_deaths()
        self._look_at_doubles()
        self._look_at_calls()
        self._look_at_recovery()
        self._look_at_resources()

    def hold_to(self, floor: Floor) -> None:
        """Fail where there was too little of something."""
        for name, least in vars(floor).items():
            count = self.tally[name]
            if isinstance(count, int) and count < least:
                self.problems.append(
                    f"this proves too little: {count} {name}, and {least} is the least; the machine may have had too "
                    "much else to do, or something has held the processes up"
                )

    # --- what arrived ---

    def _look_at_arrivals(self) -> None:
        tasks, excused = self.traces.tasks, 0
        accepted = {id for id, run in self.runs.items() if "stored" in run.steps}
        died_within = {
            id
            for id, run in self.runs.items()
            if "begun" in run.steps and not run.steps.keys() & {"storing", "refused"} and id not in self.not_taken
        }
        for id in sorted((accepted | died_within) - tasks.keys()):
            if self._is_lost_with_file(self.runs[id]):
                excused += 1
            else:
                what = "accepted" if id in accepted else "begun by a process that was killed"
                self.problems.append(f"{id} was {what} and is missing")
        self.problems += [f"{id} was recorded by nobody" for id in sorted(tasks.keys() - self.runs.keys())]
        for id, task in tasks.items():
            run = self.runs.get(id)
            if run is None or run.steps.keys() & {"interrupted", "refused"}:
                continue
            said = (task.get("is_success"), task.get("result"), task.get("input"))
            whole, dead = (True, f"result of {id}", f"input of {id}"), (False, self.death, f"input of {id}")
            half = (True, None, f"input of {id}")
            if id in accepted and id in self.not_taken and self._has_ended(run.process):
                # It was sent directly, since the disk was full; the outbox still took it for unfinished, and said so.
                may_be = {whole, dead}
            elif id in accepted:
                may_be = {whole}
            elif id in died_within:
                may_be = {dead}
            else:
                may_be = {whole, dead, half}
            if said not in may_be and not self._is_lost_with_file(run):
                self.problems.append(f"{id} is {said} ({', '.join(run.steps)})")
        self.tally["accepted"] = len(accepted)
        self.tally["on the platform"] = len(tasks)
        self.tally["killed within their block"] = len(died_within)
        self.tally["refused with an error"] = sum("refused" in run.steps for run in self.runs.values())
        self.tally["interrupted by a signal handler"] = sum("interrupted" in run.steps for run in self.runs.values())
        self.tally["lost with a deleted file, by a process killed before it noticed"] = excused

    def _look_at_refusals(self) -> None:
        """Find what the file has refused though it had room, and nobody who was stopped kept it."""
        reasons: Counter[str] = Counter()
        for id, run in self.runs.items():
            if "refused" not in run.steps or not id.startswith(_ENQUEUED):
                continue
            reason = self._reason_to_refuse(run)
            reasons[reason or "none"] += 1
            if reason is None:
                self.problems.append(f"{id} was refused by {run.process} for no reason: {self.refusals.get(id, '')}")
        self.tally["refused by the file"] = ", ".join(f"{n} {why}" for why, n in reasons.most_common()) or "none"

    def _reason_to_refuse(self, run: Run) -> str | None:
        file = self.traces.files[run.process]
        since, until = run.steps.get("storing", run.steps["refused"]), run.steps["refused"]
        if any(begin - 1 <= until and end >= since - 1 for begin, end in self.traces.full):
            return "while the disk was full"
        if any(
            of == file and moment - 1 <= until <= moment + NOTICE_SECONDS * self.traces.slowness
            for of, moment in self.traces.deletions
        ):
            return "around a deletion"
        # After a wait in vain the others do not wait; the file may have been let go since.
        for process, stops in self.traces.stops.items():
            if self.traces.files[process] == file and any(b <= until and e >= since - 1 for b, e in stops):
                return "while a process was stopped"
        return None

    def _has_ended(self, process: str) -> bool:
        return process in self.traces.kills or process in self.traces.endings

    def _is_lost_with_file(self, run: Run) -> bool:
        """Whether a run was written to a file that was deleted, by a process that did not live to notice.

        A file that is deleted while in use lives on for those who have it open. Each of them brings what is in it into
        the new one as soon as it notices, within a second. What one of them writes meanwhile is lost if it is killed
        by then: nobody else has the file.
        """
        killed = self.traces.kills.get(run.process, float("inf"))
        for file, deleted in self.traces.deletions:
            if file != self.traces.files[run.process]:
                continue
            last = max(run.steps.values())
            stopped = sum(min(end, killed) - begin for begin, end in self.traces.stops[run.process] if begin < killed)
            if deleted - 0.1 <= last and killed - deleted < NOTICE_SECONDS * self.traces.slowness + stopped:
                return True
        return False

    # --- what was said of the dead ---

    def _look_at_deaths(self) -> None:
        """Nobody is taken for dead whose lease holds."""
        seen: set[str] = set()
        early = 0
        for one in self.traces.deliveries:
            run = self.runs.get(one.id)
            if not one.is_death or one.id in seen or run is None:
                continue
            seen.add(one.id)
            if not self._may_count_as_dead(run.process, one.arrived):
                early += 1
                self.problems.append(f"{one.id} was reported as dead while {run.process} was alive, its lease too")
        self.tally["reported as dead"] = len(seen)

    def _may_count_as_dead(self, process: str, moment: float) -> bool:
        if self.traces.kills.get(process, float("inf")) <= moment or process in self.traces.endings:
            return True
        for begin, end in self.traces.stops[process]:
            if begin > moment:
                continue
            shaken = [at for at in self.traces.steps if begin - self.traces.lease < at < end]
            shaken += [at for span in self.traces.full for at in span if begin - self.traces.lease < at < end + 5]
            if end - begin > self.traces.lease / 2 or shaken:
                return True
        return False

    # --- what was sent twice ---

    def _look_at_doubles(self) -> None:
        """Find what was sent again though it had been answered well, and its sender could write that down."""
        of_report: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for one in self.traces.deliveries:
            of_report[one.id, one.digest].append(one)
        reasons: Counter[str] = Counter()
        for (id, _), several in of_report.items():
            for first, again in itertools.pairwise(several):
                reason = self._reason_to_send_again(first, again)
                reasons[reason or "none"] += 1
                if reason is None:
                    gap = f"{again.arrived - first.answered:.3f} s later"
                    self.problems.append(f"{id} was sent twice, by {first.sender} and {gap} by {again.sender}")
        self.tally["reports that the platform took"] = len(self.traces.deliveries)
        self.tally["sent again"] = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or "none"

    def _reason_to_send_again(self, first: Delivery, again: Delivery) -> str | None:
        if not first.is_clean:
            return "after a bad answer"
        since, until = first.arrived, again.arrived
        process = first.sender.rpartition("-")[0]
        if any(begin - 1 <= until and end >= since - 1 for begin, end in self.traces.outages):
            return "around an outage"
        if since - 1 <= self.traces.kills.get(process, float("inf")) <= until:
            return "after a kill"
        if process in self.traces.endings and self.traces.endings[process][0] <= until:
            return "after an end"
        if first.sender not in self.main_ids and self.left.get(first.sender, 0.0) <= until:
            return "after a child's end"
        for other in (process, again.sender.rpartition("-")[0]):
            if any(begin <= until and end >= since - 1 for begin, end in self.traces.stops[other]):
                return "after a stop"
        if any(since - 1 <= moment <= until + 1 for moment in self.retries[first.id]):
            return "after a failure that only the sender saw"
        file = self.traces.files[process]
        if any(of == file and since - 2 * CLAIM_SECONDS <= moment <= until for of, moment in self.traces.deletions):
            return "around a deletion"
        if until - since > CLAIM_SECONDS:
            return "after the claim was over"
        return None

    # --- what hangs ---

    def _look_at_calls(self) -> None:
        longest = 0.0
        for process, notes in self.traces.notes.items():
            gone = min(
                self.traces.kills.get(process, float("inf")), self.traces.endings.get(process, (0, float("inf")))[1]
            )
            open_calls: dict[str, float] = {}
            for moment, step, id in notes:
                if step in {"storing", "beginning", "calling"}:
                    open_calls[id] = moment
                elif step in _ENDS and id in open_calls:
                    longest = max(longest, self._look_at_call(process, id, open_calls.pop(id), moment))
                elif step == "forked":
                    open_calls[f"child {id}"] = moment
                elif step == "reaped":
                    pid, _, code = id.partition(":")
                    began = open_calls.pop(f"child {pid}", moment)
                    longest = max(longest, self._look_at_call(process, f"child {pid}", began, moment))
                    if code != "0":
                        self.problems.append(f"a forked child of {process} ended with {code}: see its output")
            for id, began in open_calls.items():
                if gone != float("inf"):
                    longest = max(longest, self._look_at_call(process, id, began, gone))
        self.tally["longest call"] = f"{longest:.1f} s"

    def _look_at_call(self, process: str, id: str, began: float, ended: float) -> float:
        stopped = sum(max(0.0, min(end, ended) - max(begin, began)) for begin, end in self.traces.stops[process])
        seconds = ended - began - stopped
        if seconds > CALL_SECONDS * self.traces.slowness:
            self.problems.append(f"{id} of {process} hung for {seconds:.0f} s")
        return seconds

    def _look_at_recovery(self) -> None:
        longest = 0.0
        for file in sorted(set(self.traces.files.values())):
            arrivals = sorted(
                one.arrived
                for one in self.traces.deliveries
                if self.traces.files[one.sender.rpartition("-")[0]] == file and not one.id.startswith("direct")
            )
            for _, back in self.traces.outages:
                after = next((moment for moment in arrivals if moment > back), float("inf"))
                longest = max(longest, after - back)
                if after - back > RECOVERY_SECONDS * self.traces.slowness:
                    self.problems.append(f"nothing of {file} arrived for {after - back:.0f} s after an outage was over")
        self.tally["longest recovery after an outage"] = f"{longest:.1f} s"

    # --- memory and descriptors ---

    def _look_at_resources(self) -> None:
        said = []
        for process, samples in self.traces.samples.items():
            memory = [sample[0] for sample in samples]
            settled = max(memory[: max(len(memory) // 3, 1)])
            growth, files, threads = max(memory) - settled, max(s[1] for s in samples), max(s[2] for s in samples)
            said.append(f"{process} {max(memory):.0f} MB (+{growth:.0f}), {files} files, {threads} threads")
            bounds = ((growth, MAX_GROWTH, "MB grown"), (max(memory), MAX_MB, "MB"), (files, MAX_DESCRIPTORS, "files"))
            for value, bound, unit in (*bounds, (threads, MAX_THREADS, "threads")):
                if value > bound:
                    self.problems.append(f"{process}: {value:.0f} {unit}, and {bound} is the most")
        self.tally["memory, open files, threads"] = "; ".join(said)


def kind_of(problem: str) -> str:
    """Return a problem without the names and numbers in it, so that those of a kind can be counted."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r"\b[a-z]+-?[a-z]\d+\.[-\d]+", "...", problem))[:120]
