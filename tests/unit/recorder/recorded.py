"""Runs of a backend that sends nothing, and what they would have told the platform."""

from __future__ import annotations

from xpander_facade import Backend, Configuration, ExternalTask, Task, current_run

CONFIGURATION = Configuration(disabled=True, agent_id="agent-1")
BACKEND = Backend(CONFIGURATION)
RESPONSE = {
    "object": "chat.completion",
    "choices": [
        {"message": {"content": "It rains.", "tool_calls": [{"type": "function", "function": {"name": "weather"}}]}}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2},
}


def reported(run: ExternalTask | None) -> Task:
    """Return what the run told the platform, or would have."""
    assert run is not None
    run.wait(5)  # one that ends beside its caller is reported on a thread of its own
    assert run.task is not None
    return run.task


class Watched:
    """Keep the runs of decorated functions: each calls this."""

    def __init__(self) -> None:
        self.runs: list[ExternalTask | None] = []

    def __call__(self) -> None:
        self.runs.append(current_run())

    @property
    def task(self) -> Task:
        (run,) = self.runs
        return reported(run)
