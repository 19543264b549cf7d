"""Tasks of Celery that are recorded as runs, over a local platform. Needs Redis, and `xpander-facade[celery,emulator]`.

REDIS=redis://127.0.0.1:6379 python examples/runners/celery_tasks.py
"""

import os
import subprocess
import sys
from pathlib import Path

from celery import Celery

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.celery import instrument, record

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")
app = Celery("celery_tasks", broker=REDIS, backend=REDIS)
app.conf.broker_connection_retry_on_startup = True
instrument(app, Backend())


@app.task(bind=True, max_retries=2)
@record
def summarise(self, ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if self.request.retries == 0:
        raise self.retry(countdown=0.1)
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
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "-c", "1", "-l", "WARNING"]
        worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            print(summarise.delay("ticket 7").get(timeout=60))
        finally:
            worker.terminate()
            worker.wait()
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
