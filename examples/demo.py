"""What `make demo` runs: the other examples against a local platform, and then what that platform knows of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from drive_tasks import told

from xpander_facade import Configuration, Task, Tasks
from xpander_facade.emulator import Emulator

EXAMPLES = Path(__file__).resolve().parent
AGENT = "demo-agent"
STEP = 0.1
"""Seconds between two events of a task: slow enough to watch."""


def table(rows: list[list[str]]) -> str:
    """Set rows in columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def row(task: Task) -> list[str]:
    """Return a task as a row of the history."""
    counts = ["-", "-", "-"]
    if task.tokens is not None:
        used = task.tokens
        counts = [str(count) for count in (used.prompt_tokens, used.completion_tokens, used.total_tokens)]
    name = shortened(task.id, 12)
    return [name, task.status.value, f"{task.duration:.1f}", *counts, shortened(task.result or "-", 48)]


def shortened(text: str, length: int) -> str:
    """Cut a text that is too long for its column."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def run(example: str, environment: dict[str, str]) -> None:
    """Run an example as a user would: as a program of its own."""
    print(f"\n== {example}", flush=True)
    subprocess.run([sys.executable, EXAMPLES / example], env=os.environ | environment, check=True)


def ask_worker(emulator: Emulator, environment: dict[str, str]) -> None:
    """Start a worker in a process of its own, and follow live how it answers a task."""
    example = "work_tasks.py"
    print(f"\n== {example}, in a process of its own", flush=True)
    # What it says for its operator, on stderr, stands between what the demo prints.
    worker = subprocess.Popen(
        [sys.executable, EXAMPLES / example], env=os.environ | environment, stderr=subprocess.STDOUT
    )
    try:
        (registered,) = emulator.wait_for_workers(1, timeout=30)
        print(f"{registered['name']} has registered")
        with Tasks(Configuration("demo-key", "org-1", emulator.url, AGENT)) as tasks:
            task = tasks.create(prompt="How much is invoice 17?", events_streaming=True)
            for event in task.events():
                print(f"{event.type.value:18} {told(event)}", flush=True)
            print(f"answered by the worker: {task.reload().result}")
    finally:
        worker.terminate()
        print(f"the worker ended with {worker.wait(30)}")


def main() -> None:
    file = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        platform = Emulator(api_key="demo-key", agents=[AGENT], step=STEP, db=file or ":memory:")
    except OSError as error:
        raise SystemExit(str(error)) from error
    with platform as emulator:
        emulator.reset()  # what an earlier demo left
        print(f"a local platform listens on {emulator.url}")
        environment = {
            "XPANDER_API_KEY": "demo-key",
            "XPANDER_BASE_URL": emulator.url,
            "XPANDER_ORGANIZATION_ID": "org-1",
            "XPANDER_AGENT_ID": AGENT,
        }
        run("report_external_task.py", environment)
        run("drive_tasks.py", environment)

        configuration = Configuration("demo-key", "org-1", emulator.url, AGENT)
        with Tasks(configuration) as tasks:
            history = [item.load() for item in tasks.list()]
        history.reverse()
        head = ["task", "status", "seconds", "prompt", "completion", "total", "result"]
        print("\n== task history, oldest first")
        print(table([head, *map(row, history)]))

        totals = emulator.totals(AGENT)
        print("\n== totals of the agent")
        counts = [[name.replace("_", " "), str(count)] for name, count in totals["tokens"].items()]
        by_status = [[f"tasks {status}", str(count)] for status, count in sorted(totals["by_status"].items())]
        print(table([["what", "sum"], ["tasks", str(totals["tasks"])], *by_status, *counts]))
        ask_worker(emulator, environment)
    print("\nthe local platform is gone again")
    if file:
        print(f"its runs are kept in {file}: `make emulator` shows them in your browser")


if __name__ == "__main__":
    main()
