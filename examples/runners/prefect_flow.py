"""A flow of Prefect whose task is recorded as a run, over a local platform. Needs `xpander-facade[prefect,emulator]`.

python examples/runners/prefect_flow.py
"""

import os
import subprocess
import sys
import tempfile

from prefect import flow, task

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.prefect import record

tried: list[str] = []


@task(retries=2)
@record(backend=Backend())
def summarise(ticket: str) -> str:
    """Summarise a ticket; the model is away at the first attempt, which has its price all the same."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if ticket not in tried:
        tried.append(ticket)
        raise ConnectionError("the model is away")
    return f"{ticket}: the printer is on fire"


@flow
def helpdesk() -> str:
    """Do the task once."""
    return summarise("ticket 7")


def main() -> None:
    """Run the flow in a process of its own, beside a local platform, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with Emulator() as platform, tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "PREFECT_HOME": home,
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_API_KEY": "key",
            "XPANDER_ORGANIZATION_ID": "org",
            "XPANDER_AGENT_ID": "helpdesk",
        }
        command = [sys.executable, __file__, "flow"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    if sys.argv[1:] == ["flow"]:
        helpdesk()
    else:
        main()
