"""Runs of the built-in agent: one thread for each created task, and how the end of a script ends its task.

The dispatcher gives it the tasks of agents that do not have a worker.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from ._agent import Outcome, Run, RunEnded, RunState, result_of
from ._store import DatabaseClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._executions import Executions
    from ._json import Json
    from ._store import Store
    from ._streams import Key


class Runs:
    """All runs of one emulator; `script` and `step` may be changed for the runs to come."""

    def __init__(self, executions: Executions, store: Store, script: Callable[[Run], Any], step: float) -> None:
        self.script = script
        self.step = step
        self._executions = executions
        self._store = store
        self._states: dict[Key, RunState] = {}
        self._threads: set[threading.Thread] = set()

    def take(self, task: Json) -> None:
        """Execute a pending task."""
        state = RunState((task["organization_id"], task["id"]))
        run = Run(state, self._executions, self._store, self.step)
        # A daemon thread: a script that waits for ever must not keep the user's process alive.
        thread = threading.Thread(
            target=self._main, args=(state, run, self.script, self.step), name=f"emulated-{task['id']}", daemon=True
        )
        self._store.set_running(*state.key, True)
        self._states[state.key] = state
        self._threads.add(thread)
        thread.start()

    def resume(self, key: Key) -> None:
        """Go on with a paused task."""
        if key in self._states:
            self._states[key].resumed.set()

    def end(self, key: Key) -> None:
        """End a task's run: its outcome came from elsewhere."""
        state = self._states.pop(key, None)
        if state is not None:
            state.ended.set()
            state.resumed.set()
            self._store.set_running(*key, False)

    def end_all(self, timeout: float, *, keep_marks: bool = False) -> None:
        """End every run and wait for its thread, at most `timeout` seconds in all.

        Args:
            timeout: Seconds.
            keep_marks: Leave the tasks marked as running, for the next process to find.
        """
        with self._store.transaction():
            for key in list(self._states):
                self.end(key)
                self._store.set_running(*key, keep_marks)
            threads = list(self._threads)
        deadline = time.monotonic() + timeout
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _forget(self, state: RunState) -> None:
        if self._states.get(state.key) is state:
            with self._store.transaction(timeout=None):
                self.end(state.key)

    def _main(self, state: RunState, run: Run, script: Callable[[Run], Any], step: float) -> None:
        try:
            run.sleep(step)  # so that a task is seen pending
            with self._store.transaction(timeout=None):
                # Within the transaction, so that a stop which came before it counts.
                state.check()
                self._executions.change(state.key, {"status": "executing"})
            outcome = _outcome(state, run, script)
            with self._store.transaction(timeout=None):
                state.check()
                self._executions.change(state.key, _changes(state, run, outcome))
            self._forget(state)
        except (RunEnded, DatabaseClosedError):
            pass
        finally:
            with self._store.lock:
                self._threads.discard(threading.current_thread())


def _outcome(state: RunState, run: Run, script: Callable[[Run], Any]) -> Outcome:
    try:
        returned = result_of(script, run)
        result = "".join(state.chunks) if returned is None else returned
        return Outcome("completed", result if isinstance(result, str) else json.dumps(result, default=str))
    except Outcome as chosen:
        return chosen
    except RunEnded:
        raise
    except BaseException as error:  # SystemExit too: whatever ends a script ends only its own run
        return Outcome("error", str(error) or type(error).__name__)


def _changes(state: RunState, run: Run, outcome: Outcome) -> Json:
    words = {"prompt_tokens": len(run.text.split()), "completion_tokens": len((outcome.result or "").split())}
    changes: Json = {
        "status": outcome.status,
        "tokens": state.counts or words,
        "duration": round(time.monotonic() - state.began, 6),
        "used_tools": list(state.tools),
    }
    if outcome.status == "stopped":
        return {**changes, "is_manually_stopped": True}
    return {**changes, "result": outcome.result}
