"""A DAG whose task is recorded as a run, over a local platform. Needs `xpander-facade[airflow,emulator]`.

python examples/runners/airflow_dag.py
"""

import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import dag, task

from xpander_facade import Tokens, current_run
from xpander_facade.integrations.airflow import record

PLUGIN = "from xpander_facade.integrations.airflow import make_plugin\nRecording = make_plugin()\n"


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
def helpdesk() -> None:
    """Summarise a ticket."""

    @task(retries=1, retry_delay=timedelta(seconds=0.1))
    @record
    def summarise(ticket: str, ti=None) -> str:
        run = current_run()
        if run is not None:
            run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
        if ti is not None and ti.try_number == 1:
            raise ConnectionError("the model is away")
        return f"{ticket}: the printer is on fire"

    summarise("ticket 7")


made = helpdesk()


def main() -> None:
    """Start a local platform, do the DAG once as Airflow tests it, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    here = Path(__file__).parent
    with Emulator() as platform, tempfile.TemporaryDirectory() as home:
        Path(home, "plugins").mkdir()
        Path(home, "plugins", "recording.py").write_text(PLUGIN)
        environment = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": str(here),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_API_KEY": "key",
            "XPANDER_ORGANIZATION_ID": "org",
            "XPANDER_AGENT_ID": "helpdesk",
            "PYTHONPATH": os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]),
        }
        airflow = [sys.executable, "-m", "airflow"]
        for command in (
            [*airflow, "db", "migrate"],
            [*airflow, "dags", "reserialize"],
            [sys.executable, "-c", "from airflow_dag import made; made.test()"],
        ):
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
