"""Jobs of RQ that are recorded as runs, over a local platform. Needs Redis, and `xpander-facade[rq,emulator]`.

REDIS=redis://127.0.0.1:6379 python examples/runners/rq_jobs.py
"""

import os
import subprocess
import sys
from pathlib import Path

import rq
from redis import Redis

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.rq import RecordsJobs, record, recording

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")
backend = Backend()


class Worker(RecordsJobs, rq.Worker):
    """A worker that records the jobs which are marked: `rq worker --worker-class rq_jobs.Worker`."""

    recorded = recording(backend)


@record
def summarise(ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run, job = current_run(), rq.get_current_job()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if job is not None and job.retries_left:
        raise ConnectionError("the model is away")
    return f"{ticket}: the printer is on fire"


def main() -> None:
    """Start a worker and a local platform, do one job, and show what the platform has of it."""
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
        queue = rq.Queue(connection=Redis.from_url(REDIS))
        job = queue.enqueue("rq_jobs.summarise", "ticket 7", retry=rq.Retry(max=1))
        command = [str(Path(sys.executable).parent / "rq"), "worker", "-w", "rq_jobs.Worker", "--url", REDIS, "--burst"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(job.return_value())
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
