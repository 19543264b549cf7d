"""Record jobs of a real arq worker over a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running import Setting, eventually, told

from xpander_facade import Backend, Configuration
from xpander_facade.errors import IntegrationError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

CALL = """
import asyncio, os, sys
import arq
from arq.connections import RedisSettings

async def main():
    pool = await arq.create_pool(RedisSettings.from_dsn(os.environ["REDIS"]))
    for name in sys.argv[1:]:
        await pool.enqueue_job(name, "in", _job_id=name)
    await pool.aclose()

asyncio.run(main())
"""


def work(setting: Setting, name: str = "worker") -> subprocess.Popen[bytes]:
    worker = setting.start("arq", "arq_app.WorkerSettings", name=name)
    assert eventually(lambda: "Starting worker" in setting.log(name)), setting.log(name)
    return worker


@pytest.mark.parametrize("outbox", [True, False])
def test_jobs_are_recorded(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    worker = work(setting)
    setting.call(CALL, "named", "quiet", "marked", "used", "parts", "flaky", "failing", "slow")
    wanted = {"named", "marked", "used", "parts", "own", "flaky", "failing", "slow"}
    assert eventually(lambda: wanted <= set(setting.runs())), setting.log()
    assert eventually(lambda: setting.runs()["flaky"]["result"] == "done"), setting.log()
    setting.stop(worker)
    runs = setting.runs()
    assert set(runs) == wanted
    assert told(runs["named"]) == ("completed", "in", "IN", 0)
    assert told(runs["marked"]) == ("completed", "asked in", None, 0)
    assert told(runs["used"]) == ("completed", "in", "used", 5)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "in", "done", 3000)
    assert told(runs["failing"]) == ("failed", "in", "no such invoice", 0)
    assert told(runs["slow"]) == ("failed", "in", "timeout (1 s) exceeded", 0)
    assert "the user's own hook" in setting.log()


def test_a_stopped_worker_sends_what_waits_and_another_one_does_the_job_again(new_setting: Callable[..., Setting]):
    setting = new_setting()
    worker = work(setting)
    setting.emulator.delay(0.3, times=6)
    setting.call(CALL, "named", "marked", "stopped")
    assert eventually(lambda: "stopped(" in setting.log()), setting.log()
    setting.stop(worker)
    runs = setting.runs()
    assert set(runs) == {"named", "marked", "stopped"}
    assert runs["stopped"]["status"] == "failed"
    assert "its worker stops" in runs["stopped"]["result"]
    worker = work(setting, "second")
    assert eventually(lambda: setting.runs()["stopped"]["status"] == "completed"), setting.log("second")
    setting.stop(worker)
    assert told(setting.runs()["stopped"])[3] == 14


def test_a_cron_job_is_a_run(new_setting: Callable[..., Setting]):
    import asyncio

    import arq
    from arq.connections import RedisSettings

    from xpander_facade.integrations import arq as integration

    setting = new_setting(outbox=False)
    configuration = Configuration(
        api_key="key-1", organization_id="org-1", agent_id="agent-1", base_url=setting.emulator.url
    )

    async def tidy(context: dict) -> str:
        return "tidied"

    class Settings:
        cron_jobs = (arq.cron(tidy, name="cron:tidy", run_at_startup=True),)
        redis_settings = RedisSettings.from_dsn(setting.redis)

    integration.instrument(Settings, Backend(configuration), jobs=["cron:tidy"])

    async def work() -> None:
        worker = arq.worker.create_worker(Settings, poll_delay=0.05, handle_signals=False)
        working = asyncio.create_task(worker.main())
        while not worker.jobs_complete:  # noqa: ASYNC110 (a count of arq's)
            await asyncio.sleep(0.02)
        working.cancel()
        await asyncio.wait([working])
        await worker.close()

    asyncio.run(asyncio.wait_for(work(), 60))
    (run,) = setting.runs().values()
    assert run["result"] == "tidied"


def test_settings_that_make_no_sense_are_refused():
    from xpander_facade.integrations.arq import instrument

    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))

    class Settings:
        functions = ()

    with pytest.raises(IntegrationError, match="pass WorkerSettings"):
        instrument(Settings(), backend)
    with pytest.raises(IntegrationError, match="in a list"):
        instrument(Settings, backend, jobs="summarise")
    instrument(Settings, backend)
    with pytest.raises(IntegrationError, match="Settings is instrumented already"):
        instrument(Settings, backend)
