"""Messages of Dramatiq that are recorded as runs, over a local platform. Needs Redis and the extras dramatiq, emulator.

REDIS=redis://127.0.0.1:6379 python examples/runners/dramatiq_actors.py
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.dramatiq import RecordMessages, record

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")
broker = RedisBroker(url=REDIS)
broker.add_middleware(RecordMessages(Backend()))
dramatiq.set_broker(broker)
tried: list[str] = []


@dramatiq.actor(max_retries=1, min_backoff=10)
@record
def summarise(ticket: str) -> None:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if ticket not in tried:
        tried.append(ticket)
        raise ConnectionError("the model is away")
    if run is not None:
        run.result = f"{ticket}: the printer is on fire"


def main() -> None:
    """Start a worker and a local platform, do one message, and show what the platform has of it."""
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
        command = [sys.executable, "-m", "dramatiq", "dramatiq_actors", "-p", "1", "-t", "1"]
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            summarise.send("ticket 7")
            until = time.monotonic() + 60
            while time.monotonic() < until and not any(run["status"] == "completed" for run in platform.tasks()):
                time.sleep(0.1)
        finally:
            worker.terminate()
            worker.wait()
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
