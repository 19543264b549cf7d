"""Jobs of arq that are recorded as runs, over a local platform. Needs Redis, and `xpander-facade[arq,emulator]`.

REDIS=redis://127.0.0.1:6379 python examples/runners/arq_jobs.py
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import arq
from arq.connections import RedisSettings

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.arq import instrument, record

REDIS = os.environ.get("REDIS", "redis://127.0.0.1:6379")


@record
async def summarise(context, ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if context["job_try"] == 1:
        raise arq.Retry(defer=0.1)
    return f"{ticket}: the printer is on fire"


class WorkerSettings:
    """What `arq arq_jobs.WorkerSettings` works by."""

    functions = (summarise,)
    redis_settings = RedisSettings.from_dsn(REDIS)


instrument(WorkerSettings, Backend())


async def call() -> None:
    """Enqueue one job."""
    pool = await arq.create_pool(RedisSettings.from_dsn(REDIS))
    await pool.enqueue_job("summarise", "ticket 7")
    await pool.aclose()


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
        command = [str(Path(sys.executable).parent / "arq"), "arq_jobs.WorkerSettings"]
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
