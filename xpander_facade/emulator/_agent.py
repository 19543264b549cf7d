"""Scripts of the built-in agent: what a script gets and may do (`Run`), and the one that is used when none is given.

A script executes a created task, in a thread of its own. It is

    def agent(run: Run) -> str:             # or async, or a generator (its pieces become chunks), sync or async
        run.think("Where would that be written down?")
        rows = run.tool_call("read_file", {"path": "q4.csv"}, result="412 rows")
        run.chunk("Found ")
        return "Found " + rows              # the task's result; an exception is status error with its text
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ._executions import Executions
    from ._json import Json
    from ._store import Store
    from ._streams import Key


class RunEnded(BaseException):
    """Raised in a script whose task was stopped, ended from outside, or whose emulator stops.

    Not an `Exception`, so that a script's own `except Exception` lets it pass.

        def script(run: Run) -> str:
            try:
                run.sleep(0.01)
            except RunEnded:
                print("stopped")
                raise
            return "done"

        emulator.agent = script
    """


class Outcome(BaseException):
    """A script's own choice of how its run ends."""

    def __init__(self, status: str, result: str | None) -> None:
        super().__init__(status)
        self.status = status
        self.result = result


@dataclass(slots=True)
class RunState:
    """State of a run that its script and the emulator share: whether it goes on, and what it produced so far."""

    key: Key
    ended: threading.Event = field(default_factory=threading.Event)
    resumed: threading.Event = field(default_factory=threading.Event)
    counts: dict[str, int] = field(default_factory=dict[str, int])
    tools: list[str] = field(default_factory=list[str])
    chunks: list[str] = field(default_factory=list[str])
    began: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raise `RunEnded` when the run is over."""
        if self.ended.is_set():
            raise RunEnded


class Run:
    """One execution of a task, as a script sees it. Its methods may be called from any one thread at a time.

    Each event waits the emulator's `step` (seconds) before it is published.

        def script(run: Run) -> str:
            run.think("Where would that be written down?")
            return f"You asked: {run.text}"

        emulator.agent = script
    """

    def __init__(self, state: RunState, executions: Executions, store: Store, step: float) -> None:
        self._state = state
        self._key = state.key
        self._executions = executions
        self._store = store
        self._step = step

    def _writing(self) -> AbstractContextManager[None]:
        self._state.check()
        # Nobody could try a script's step again, so that it waits for the database as long as it takes.
        return self._store.transaction(timeout=None)

    @property
    def task(self) -> Json:
        """The task as it is stored now; a copy."""
        return self._executions.find(*self._key)

    @property
    def text(self) -> str:
        """The text of the task's input."""
        return str(self.task["input"]["text"])

    # --- what a script can say ---

    def chunk(self, text: str) -> None:
        """Publish a piece of the answer. A script that returns None has the sum of its chunks as its result.

        For example:

            def script(run: Run) -> str | None:
                run.chunk("The answer ")
                run.chunk("is 42.")
                return None

            emulator.agent = script
        """
        # Published first: a run that has ended meanwhile must not count a chunk that nobody got.
        self.event("chunk", text)
        self._state.chunks.append(text)

    def think(self, thought: str, *, title: str = "Thinking", **fields: Any) -> None:
        """Publish a thought; `fields` are `confidence`, `action`, `result`.

        For example:

            def script(run: Run) -> str | None:
                run.think("Where would that be written down?", confidence=0.8)
                return None

            emulator.agent = script
        """
        self.event("think", {"type": "think", "title": title, "thought": thought, "confidence": 1.0, **fields})

    def analyze(self, analysis: str, *, title: str = "Analyzing", **fields: Any) -> None:
        """Publish an analysis; `fields` are `confidence`, `action`, `result`.

        For example:

            def script(run: Run) -> str | None:
                run.analyze("The file has 412 rows.")
                return None

            emulator.agent = script
        """
        self.event("analyze", {"type": "analyze", "title": title, "analysis": analysis, "confidence": 1.0, **fields})

    def tool_call(
        self,
        name: str,
        payload: Any = None,
        result: Any = None,
        *,
        is_error: bool = False,
        reasoning: Mapping[str, str] | None = None,
    ) -> Any:
        """Publish a tool call and its result, note the tool as used, and return the result.

        For example:

            def script(run: Run) -> str | None:
                rows = run.tool_call("read_file", {"path": "q4.csv"}, result="412 rows")
                return None

            emulator.agent = script
        """
        call = {
            "request_id": str(uuid.uuid4()),
            "operation_id": name,
            "tool_call_id": f"call_{uuid.uuid4().hex[:12]}",
            "graph_node_id": None,
            "tool_name": name,
            "payload": payload,
            "reasoning": None if reasoning is None else dict(reasoning),
        }
        self.event("tool_call_request", call)
        with self._writing():
            self._state.check()
            self._state.tools.append(name)
            # Quiet, since the platform tells of tools by their own events, not by an update of the task.
            self._executions.change(self._key, {"used_tools": list(self._state.tools)}, quiet=True)
        self.event("tool_call_result", {**call, "result": result, "is_error": is_error})
        return result

    def plan(self, items: Sequence[str | Mapping[str, Any]], *, enforce: bool = False, started: bool = True) -> Json:
        """Set the task's deep planning and publish it; an item is a title, or `id`, `title` and `completed`.

        For example:

            def script(run: Run) -> str | None:
                run.plan(["Read the invoice", {"id": "2", "title": "Pay it", "completed": False}])
                return None

            emulator.agent = script
        """
        tasks = [
            {"id": str(number), "title": item, "completed": False}
            if isinstance(item, str)
            else {"id": str(number), "completed": False, **item}
            for number, item in enumerate(items, 1)
        ]
        plan = {"enabled": True, "enforce": enforce, "started": started, "question_raised": False, "tasks": tasks}
        # Written before it is told, so that who follows the events and asks for the task finds the plan there.
        with self._writing():
            self._state.check()
            self._executions.change(self._key, {"deep_planning": plan}, quiet=True)
        self.event("plan_updated", plan)
        return plan

    def event(self, kind: str, data: Any) -> None:
        """Publish an event of any type.

        For example:

            def script(run: Run) -> str | None:
                run.event("my_event", {"progress": 0.5})
                return None

            emulator.agent = script
        """
        # So that a person who watches sees one event after the other.
        self.sleep(self._step)
        with self._writing():
            self._state.check()
            self._executions.publish(self._executions.find(*self._key), kind, data)

    def use_tokens(self, prompt: int = 0, completion: int = 0, cache_read: int = 0, cache_write: int = 0) -> None:
        """Add to the task's tokens. A script that never does uses one token for each word.

        For example:

            def script(run: Run) -> str | None:
                run.use_tokens(prompt=812, completion=164)
                return None

            emulator.agent = script
        """
        added = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "cache_read_tokens": cache_read,
            "cache_write_tokens": cache_write,
        }
        with self._writing():
            self._state.check()
            for name, count in added.items():
                self._state.counts[name] = self._state.counts.get(name, 0) + count
            self._executions.change(self._key, {"tokens": dict(self._state.counts)}, quiet=True)

    # --- waiting ---

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run.

        For example:

            def script(run: Run) -> str | None:
                run.sleep(0.01)
                return None

            emulator.agent = script
        """
        if self._state.ended.wait(seconds):
            raise RunEnded

    def wait(self, event: threading.Event, timeout: float | None = None) -> bool:
        """Wait until a test sets an event, but not beyond the end of the run; False after `timeout` seconds.

        For example:

            go_on = threading.Event()

            def script(run: Run) -> str:
                return "went on" if run.wait(go_on, timeout=5) else "gave up"

            emulator.agent = script
            go_on.set()
        """
        end = None if timeout is None else time.monotonic() + timeout
        # The end of the run is waited for as well, and Python can't wait for two events at once.
        while not event.wait(0.005):
            self._state.check()
            if end is not None and time.monotonic() >= end:
                return False
        self._state.check()
        return True

    def pause(self, *, hitl_request: Json | None = None, pending_eca_request: Json | None = None) -> Json:
        """Pause the task until it is updated with status executing; return the task as it is then.

        For example:

            def script(run: Run) -> str:
                resumed = run.pause(hitl_request={"wait_node_id": "approve"})
                return str(resumed["result"])

            emulator.agent = script
        """
        with self._writing():
            self._state.check()
            self._state.resumed.clear()
            changes: Json = {"status": "paused", "hitl_request": hitl_request}
            self._executions.change(self._key, {**changes, "pending_eca_request": pending_eca_request})
        # The end of the run sets it, too.
        self._state.resumed.wait()
        self._state.check()
        return self.task

    # --- ending ---

    def fail(self, text: str) -> NoReturn:
        """End the run with status failed and this result.

        For example:

            def script(run: Run) -> str:
                run.fail("there is no such invoice")

            emulator.agent = script
        """
        raise Outcome("failed", text)

    def stop(self) -> NoReturn:
        """End the run as if it had been stopped from outside.

        For example:

            def script(run: Run) -> str:
                run.stop()

            emulator.agent = script
        """
        raise Outcome("stopped", None)


def default_agent(run: Run) -> str:
    """Answer in chunks and call one tool on the way."""
    answer = f"You said: {run.text}"
    words = answer.split(" ")
    run.think("The input can be answered by repeating it.")
    run.chunk(words[0])
    run.tool_call("echo", {"text": run.text}, result={"length": len(run.text)})
    for word in words[1:]:
        run.chunk(" " + word)
    return answer


def result_of(script: Callable[[Run], Any], run: Run) -> Any:
    """Execute a script of any kind and return what it returns."""
    returned = script(run)
    if inspect.isawaitable(returned):
        return asyncio.run(_awaited(returned))
    # Told apart by what can be done with them: a script may return its own iterator instead of a generator.
    if hasattr(returned, "__anext__"):
        return asyncio.run(_drained(returned, run))
    if hasattr(returned, "__next__"):
        for piece in returned:
            run.chunk(str(piece))
        return None
    return returned


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


async def _drained(pieces: AsyncIterator[Any], run: Run) -> None:
    async for piece in pieces:
        run.chunk(str(piece))
