"""Executions: tasks are reported, created, updated and stopped here, with their events and their activity.

Every change of a stored task is made here. The `Executor` hooks tell who executes a created task, which answers through
`change`, `publish` and `stop`.
"""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from . import _activity
from ._agents import Agents, tokens
from ._clock import before, now
from ._fields import CREATABLE, EMPTY_INPUT, FINAL, FIXED, FRESH, KEPT_WHEN_NULL, list_item, new_task, reported_text
from ._json import Json, object_of, write
from ._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ._store import Store
    from ._streams import Key, Streams


class Executor(Protocol):
    """Who executes created tasks. All hooks are called with the store's lock held, so they must not block."""

    def take(self, task: Json, *, local: bool) -> None:
        """Execute a pending task; `local`: the worker that it names has it already."""

    def begun(self, key: Key) -> None:
        """Record that a task is not pending any more."""

    def resume(self, key: Key) -> None:
        """Go on with a paused task."""

    def end(self, key: Key) -> None:
        """Release a task: it has ended, or starts again."""

    def accepted_changes(self, task: Json, changes: Json) -> Json | None:
        """Return what an update may write; None when it comes from a worker that does not have the task any more."""


class Executions:
    """The tasks of all organisations; the home organisation is that of requests that name none."""

    def __init__(self, store: Store, streams: Streams, agents: Agents, organization_id: str) -> None:
        self.executor: Executor | None = None
        self.changed = threading.Condition(store.lock)
        self._store = store
        self._streams = streams
        self._agents = agents
        self._home = organization_id

    # --- reading ---

    def find(self, organization_id: str | None, task_id: str) -> Json:
        """Return a task.

        Raises:
            Problem: 404 when there is none.
        """
        task = self._search(organization_id, task_id)
        if task is None:
            raise Problem(404, f"Task {task_id!r} not found")
        return task

    def shown(self, organization_id: str | None, task_id: str) -> Json:
        """Return a task as who asks for it alone sees it: with what its reports gave as `llm_response`.

        Raises:
            Problem: 404 when there is none.
        """
        task = self.find(organization_id, task_id)
        response = self._store.llm_response(*_key(task))
        return task if response is None else {**task, "llm_response": response}

    def history(
        self, organization_id: str | None, agent_id: str | None, filters: Mapping[str, str]
    ) -> Iterator[list[Json]]:
        """Yield list items, newest first and some at a time; with an agent only its own."""
        if agent_id is not None and self._agents.strict:
            self._agents.find(organization_id, agent_id)
        for tasks in self._store.task_parts(organization_id or self._home, agent_id=agent_id, filters=filters):
            yield [list_item(task) for task in tasks]

    def activity(self, organization_id: str | None, agent_id: str, task_id: str) -> Json:
        """Return a task's activity thread.

        Raises:
            Problem: 404 when the agent does not have this task.
        """
        task = self.find(organization_id, task_id)
        if task["agent_id"] != agent_id:
            raise Problem(404, f"Task {task_id!r} of agent {agent_id!r} not found")
        return {
            "id": task["id"],
            "created_at": task["created_at"],
            "user": object_of(task.get("input")).get("user"),
            "messages": self._store.entries(*_key(task)),
        }

    # --- a run that was executed elsewhere ---

    def report(self, organization_id: str | None, agent_id: str, body: Json) -> Json:
        """Write a report: a new task, or the fields given of the one with this id."""
        given = {name: value for name, value in body.items() if value is not None}
        with self._store.transaction():
            self._agents.require(organization_id, agent_id)
            owner, task_id, moment = organization_id or self._home, given.get("id") or f"task-{uuid.uuid4()}", now()
            task = new_task(owner, agent_id, task_id, moment)
            entries = _fill(task, given, moment)
            # Most reports are of new tasks, which are not looked for first.
            if self._store.add_report(task, reported_text(task), given.get("llm_response"), entries):
                self.changed.notify_all()
                return task
            task = self.find(owner, task_id)
            # Whoever still executes the task must not give it another end.
            self._release(task)
            task["agent_id"] = agent_id
            entries = _fill(task, given, moment)
            self._put(task)
            if "llm_response" in given:
                self._store.put_llm_response(*_key(task), given["llm_response"])
            for entry in entries:
                self._enter(task, entry)
            return task

    # --- a run that is executed here ---

    def create(self, organization_id: str | None, agent_id: str, body: Json, version: str | None) -> Json:
        """Make a task, or run an existing one again with new input, and give it to the executor.

        Raises:
            Problem: 404 when the task to continue does not exist, or belongs to another agent.
        """
        given = {name: value for name, value in body.items() if value is not None}
        with self._store.transaction():
            self._agents.require(organization_id, agent_id)
            if given.get("id"):
                task = self.find(organization_id, given["id"])
                if task["agent_id"] != agent_id:
                    raise Problem(404, f"Task {given['id']!r} of agent {agent_id!r} not found")
                self._release(task)
                self._store.begin_events(*_key(task))
                task.update(FRESH)
            else:
                task = new_task(organization_id or self._home, agent_id, str(uuid.uuid4()))
            task.update({name: value for name, value in given.items() if name in CREATABLE})
            task["input"] = {**EMPTY_INPUT, **{k: v for k, v in given.get("input", {}).items() if v is not None}}
            if version is not None:
                task["agent_version"] = version
            # As the platform does.
            if task.get("source") is None:
                task["source"] = "api"
            self._put(task)
            # The platform's streams begin with it.
            self.publish(task, "connected", {"task_id": task["id"]})
            self.publish(task, "task_updated" if given.get("id") else "task_created", task)
            text, files = task["input"]["text"], task["input"]["files"]
            self._enter(task, _activity.message(f"{task['id']}-{uuid.uuid4()}", now(), "user", text, files))
            if self.executor is not None:
                self.executor.take(task, local=given.get("run_locally") is True)
            return task

    def update(self, organization_id: str | None, task_id: str, body: Json) -> Json:
        """Set the given fields of a task; a null empties, but for those that are always there."""
        with self._store.transaction():
            task = self.find(organization_id, task_id)
            changes: Json = {}
            for name, value in body.items():
                # Names with an underscore are notes of the platform's own, which a client may send back.
                if name not in FIXED and not name.startswith("_") and (value is not None or name not in KEPT_WHEN_NULL):
                    # An update has another name for it than a creation.
                    changes["payload_extension" if name == "tool_call_payload_extension" else name] = value
            accepted_changes = changes if self.executor is None else self.executor.accepted_changes(task, changes)
            return task if accepted_changes is None else self.change(_key(task), accepted_changes)

    def stop(self, organization_id: str | None, task_id: str) -> Json:
        """Stop a task; one that has ended stays as it is."""
        with self._store.transaction():
            task = self.find(organization_id, task_id)
            if task["status"] in FINAL:
                return task
            return self.change(_key(task), {"status": "stopped", "is_manually_stopped": True})

    def change(self, key: Key, changes: Json, *, quiet: bool = False) -> Json:
        """Write changes, and what follows from a new status: times, events, the executor's part.

        Args:
            key: Organisation and id of the task.
            changes: New values of fields.
            quiet: Publish no event; for changes that have an event of their own.
        """
        with self._store.transaction():
            task = self.find(*key)
            was = task["status"]
            task.update(changes)
            task["tokens"] = tokens(task.get("tokens"))
            status, moment = task["status"], now()
            if status == "executing" and was != status:
                task["started_at"] = task.get("started_at") or moment
                # It goes on: what it waited for was given.
                task["hitl_request"] = task["pending_eca_request"] = None
                # It runs again: who follows from now on must not get the end of the run before.
                if was in FINAL:
                    task["finished_at"] = None
                    self._store.begin_events(*key)
            elif status == "paused" and was != status:
                task["paused_at"] = changes.get("paused_at") or moment
            elif status in FINAL and was not in FINAL:
                task["finished_at"] = changes.get("finished_at") or moment
            self._put(task)
            if status in FINAL and was not in FINAL:
                self._release(task)
                if task.get("result"):
                    entry_id = f"{task['id']}-{uuid.uuid4()}"
                    self._enter(task, _activity.message(entry_id, moment, "agent", str(task["result"])))
                self.publish(task, "task_finished", task)
            elif not quiet:
                self.publish(task, "task_updated", task)
            if self.executor is not None and status not in FINAL:
                if was == "pending" and status != was:
                    self.executor.begun(key)
                elif was == "paused" and status == "executing":
                    self.executor.resume(key)
            return task

    # --- events ---

    def publish(self, task: Json, kind: str, data: Any, **more: Any) -> int:
        """Append an event to a task's stream and its trace to the activity; return the event's number."""
        event = {
            "type": kind,
            "task_id": task["id"],
            "organization_id": task["organization_id"],
            "time": now(),
            "data": data,
            **more,
        }
        return self.publish_text(task, write(event), event)

    def publish_text(self, task: Json, text: str, event: Json | None = None) -> int:
        """Append any text as an event; `event` is what it says, where it says something."""
        key = _key(task)
        with self._store.transaction():
            last = event is not None and event.get("type") == "task_finished"
            number = self._store.add_event(*key, text, last=last)
            entry = None if event is None else _activity.entry(event, number)
            if entry is not None:
                self._enter(task, entry)
        self._streams.notify(key)
        return number

    def push(self, organization_id: str | None, task_id: str, events: Sequence[Json]) -> int:
        """Publish events that a client made; return how many."""
        with self._store.transaction():
            task = self.find(organization_id, task_id)
            for event in events:
                told = {name: value for name, value in event.items() if value is not None}
                self.publish_text(task, write(told), told)
            return len(events)

    def abandon_unfinished(self, kept: Collection[Key]) -> None:
        """Mark the tasks of an earlier process as error, since nobody executes them any more; `kept` ones go on."""
        with self._store.transaction():
            for task in self._store.running():
                if _key(task) in kept:
                    continue
                self.change(_key(task), {"status": "error", "result": "the emulator ended before the run did"})
                self._store.set_running(*_key(task), False)

    def _search(self, organization_id: str | None, task_id: str) -> Json | None:
        # Calls of the cloud do not name an organisation, event streams do: the default one's tasks are always found.
        for organization in dict.fromkeys((organization_id or self._home, self._home)):
            task = self._store.task(organization, task_id)
            if task is not None:
                return task
        return None

    def _put(self, task: Json) -> None:
        self._store.put_task(task)
        self.changed.notify_all()

    def _release(self, task: Json) -> None:
        if self.executor is not None:
            self.executor.end(_key(task))

    def _enter(self, task: Json, entry: Json) -> None:
        self._store.put_entry(*_key(task), entry)


def _fill(task: Json, given: Json, moment: str) -> list[Json]:
    """Set what a report gives of a task that ended now; return what it adds to the task's activity."""
    task["status"] = "completed" if given.get("is_success", True) else "failed"
    for name in ("result", "duration"):
        if name in given:
            task[name] = given[name]
    if given.get("used_tools"):
        # an empty list is what a client sends that was told nothing
        task["used_tools"] = given["used_tools"]
    if "tokens" in given:
        task["tokens"] = tokens(given["tokens"])
    task["finished_at"] = moment
    task["started_at"] = before(moment, task["duration"] or 0)
    entries: list[Json] = []
    if "input" in given:
        task["input"] = {**object_of(task.get("input")), "text": given["input"]}
        entries.append(_activity.message(f"{task['id']}-input", task["started_at"], "user", given["input"]))
    if "result" in given:
        entries.append(_activity.message(f"{task['id']}-result", moment, "agent", given["result"]))
    return entries


def _key(task: Json) -> Key:
    return task["organization_id"], task["id"]
