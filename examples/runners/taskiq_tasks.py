"""Tasks of taskiq that are recorded as runs, over a local platform. Needs Redis, taskiq-redis and the extras.

REDIS=redis://127.0.0.1:6379 python examples/runners/taskiq_tasks.py
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from taskiq import SimpleRetryMiddleware
from taskiq_redis import ListQueueBroker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.taskiq import RecordTasks, record

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")
broker = ListQueueBroker(REDIS).with_middlewares(SimpleRetryMiddleware(default_retry_count=2), RecordTasks(Backend()))
tried: list[str] = []


@broker.task(task_name="summarise", retry_on_error=True)
@record
async def summarise(ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if ticket not in tried:
        tried.append(ticket)
        raise ConnectionError("the model is away")
    return f"{ticket}: the printer is on fire"


async def call() -> None:
    """Send one task."""
    await broker.startup()
    await summarise.kiq("ticket 7")
    await broker.shutdown()


def main() -> None:
    """Start a worker and a local platform, do one task, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with Emulator() as platform:
        environment = {
            **os.environ,
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_API_KEY": "key",
            "XPANDER_ORGANIZATION_ID": "org",
            "XPANDER_AGENT_ID": "helpdesk",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        }
        command = [str(Path(sys.executable).parent / "taskiq"), "worker", "taskiq_tasks:broker", "--workers", "1"]
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            asyncio.run(call())
            until = time.monotonic() + 60
            while time.monotonic() < until and not any(
                run["status"] == "completed" and run["result"] for run in platform.tasks()
            ):
                time.sleep(0.1)
        finally:
            worker.terminate()
            worker.wait()
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
