"""Tasks of huey that are recorded as runs, over a local platform. Needs Redis, and `xpander-facade[huey,emulator]`.

REDIS=redis://127.0.0.1:6379 python examples/runners/huey_tasks.py
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from huey import RedisHuey

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.huey import instrument, record

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")
huey = RedisHuey("huey_tasks", url=REDIS)
instrument(huey, Backend())
tried: list[str] = []


@huey.task(retries=1)
@record
def summarise(ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if ticket not in tried:
        tried.append(ticket)
        raise ConnectionError("the model is away")
    return f"{ticket}: the printer is on fire"


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
        command = [str(Path(sys.executable).parent / "huey_consumer"), "huey_tasks.huey"]
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            import huey_tasks  # the consumer knows the task by this name

            huey_tasks.summarise("ticket 7")
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
