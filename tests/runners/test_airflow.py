"""Record the tasks of a real Airflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from running import BIN, PROGRAMS, Setting, told

from xpander_facade.errors import IntegrationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

import pytest


def airflow_home(folder: Path) -> dict[str, str]:
    """Make a home of Airflow with the DAG and the plugin, and return the variables that name it."""
    for kind, name in (("dags", "airflow_dag.py"), ("plugins", "airflow_plugin.py")):
        (folder / kind).mkdir()
        shutil.copy(PROGRAMS / name, folder / kind / name)
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
        "PATH": f"{BIN}:/usr/bin:/bin",
    }


@pytest.mark.timeout(900)
def test_tasks_are_recorded(new_setting: Callable[..., Setting]):
    setting = new_setting()
    environment = setting.environment(**airflow_home(setting.folder))
    program = "from airflow_dag import made; run = made.test(); print('run', run.run_id)"
    commands = ([str(BIN / "airflow"), "db", "migrate"], [str(BIN / "airflow"), "dags", "reserialize"])
    for command in (*commands, [sys.executable, "-c", program]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    prefix = f"invoices.{done.stdout.splitlines()[-1].removeprefix('run ')}."
    runs = {id.removeprefix(prefix): run for id, run in setting.runs().items()}
    wanted = {"named", "marked", "used", "parts", "own", "flaky", "failing", "slow", "mapped.0", "mapped.1"}
    assert set(runs) == wanted
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["failing"]) == ("failed", "in", "no such invoice", 0)
    assert told(runs["slow"]) == ("failed", "in", "timeout (1 s) exceeded", 0)
    assert told(runs["mapped.0"]) == ("completed", "a", "a", 0)
    assert told(runs["mapped.1"]) == ("completed", "b", "b", 0)


def test_an_argument_that_makes_no_sense_is_refused():
    from xpander_facade import Backend, Configuration
    from xpander_facade.integrations.airflow import make_plugin

    with pytest.raises(IntegrationError, match="in a list"):
        make_plugin(Backend(Configuration(disabled=True, agent_id="agent-1")), tasks="invoices.named")
