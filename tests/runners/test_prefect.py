"""Record flows and tasks of a real Prefect, over its own server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelling
from prefect.testing.utilities import prefect_test_harness
from running import PROGRAMS, Setting, eventually, told

from xpander_facade import Backend, Configuration, current_run
from xpander_facade.errors import IntegrationError
from xpander_facade.integrations.prefect import record

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

PROGRAM = str(PROGRAMS / "prefect_flows.py")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


def start(setting: Setting, *arguments: str) -> subprocess.Popen[bytes]:
    return setting.start("python", PROGRAM, *arguments, PREFECT_API_URL=PREFECT_API_URL.value())


def do(setting: Setting, *names: str) -> dict[str, dict[str, Any]]:
    """Run flows in a process of their own, and return the platform's records by their inputs."""
    assert start(setting, "run", *names).wait(240) == 0, setting.log()
    return {run["input"]["text"]: run for run in setting.runs().values()}


@pytest.mark.parametrize("outbox", [True, False])
def test_flows_and_tasks_are_recorded(new_setting: Callable[..., Setting], outbox: bool):
    setting = new_setting(outbox=outbox)
    runs = do(setting, "tasks", "atasks")
    wanted = {"tasks", "named", "asked marked", "parts", "of its own", "flaky", "failing", "slow", "refused"}
    wanted |= {"given_up", "skipped", "written", "atasks", "anamed", "aslow", "awritten"}
    assert set(runs) == wanted
    assert told(runs["tasks"]) == ("completed", "tasks", "written and out", 60)
    assert told(runs["named"]) == ("completed", "named", "NAMED", 5)
    assert told(runs["asked marked"]) == ("completed", "asked marked", None, 0)
    assert told(runs["parts"])[3] == 3
    assert told(runs["flaky"]) == ("completed", "flaky", "done", 3000)
    assert told(runs["failing"]) == ("failed", "failing", "no such invoice", 0)
    assert told(runs["slow"]) == ("failed", "slow", "timeout (0.4 s) exceeded", 0)
    assert told(runs["refused"]) == ("failed", "refused", "no such invoice", 0)
    assert told(runs["given_up"])[2:] == (None, 8)
    assert runs["given_up"]["status"] != "failed"
    assert runs["skipped"]["status"] == "completed"
    assert told(runs["written"]) == ("completed", "written", "written and out", 4)
    assert told(runs["atasks"]) == ("completed", "atasks", "awritten and on", 0)
    assert told(runs["anamed"]) == ("completed", "anamed", "ANAMED", 6)
    assert told(runs["aslow"]) == ("failed", "aslow", "timeout (0.4 s) exceeded", 0)
    assert told(runs["awritten"]) == ("completed", "awritten", "awritten and on", 0)
    assert setting.log().count("was called by other code than its own task or flow") == 1


def test_a_flow_ends_as_the_states_that_it_returns(new_setting: Callable[..., Setting]):
    setting = new_setting()
    runs = do(setting, "unlucky", "several", "mapped", "again", "in_processes")
    assert told(runs["unlucky"])[0] == "failed"
    assert "no such invoice" in runs["unlucky"]["result"]
    assert told(runs["several"])[0] == "failed"
    assert runs["several"]["result"].startswith("1 of 2 failed: ")
    assert told(runs["mapped"])[:3] == ("completed", "mapped", '["A", "B"]')
    assert {"of unlucky", "one", "two", "a", "b"} <= set(runs)
    assert told(runs["again"]) == ("completed", "again", "done", 1000)
    assert told(runs["in_processes"])[0] == "completed"
    assert told(runs["in another process"]) == ("completed", "in another process", "IN ANOTHER PROCESS", 5)


def serve(setting: Setting, name: str) -> str:
    """Serve a flow, and return the id of the run that was begun of it."""
    start(setting, "serve", name)
    with get_client(sync_client=True) as client:

        def find_deployment() -> Any:
            return next((one for one in client.read_deployments() if one.name == f"{name}-served"), None)

        deployment = eventually(find_deployment)
        assert deployment, setting.log()
        run = client.create_flow_run_from_deployment(deployment.id, parameters={"text": name})
    return str(run.id)


def state_of(id: str) -> Any:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(id).state


def test_a_cancelled_flow_has_not_failed(new_setting: Callable[..., Setting]):
    setting = new_setting()
    id = serve(setting, "long")
    assert eventually((setting.folder / "long").exists), setting.log()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(id, Cancelling(), force=True)
    assert eventually(lambda: state_of(id).is_cancelled()), setting.log()
    assert eventually(lambda: id in setting.runs()), setting.log()
    run = setting.runs()[id]
    assert run["status"] != "failed"
    assert told(run)[2:] == (None, 9)


def test_a_suspended_flow_goes_on_under_its_id(new_setting: Callable[..., Setting]):
    setting = new_setting()
    id = serve(setting, "waiting")
    assert eventually(lambda: state_of(id).is_paused()), setting.log()
    assert eventually(lambda: id in setting.runs()), setting.log()
    assert setting.runs()[id]["status"] != "failed"
    with get_client(sync_client=True) as client:
        client.resume_flow_run(id)
    assert eventually(lambda: told(setting.runs()[id]) == ("completed", "waiting", "done", 60)), setting.log()


def test_a_process_that_is_stopped_reports_its_flow_as_failed(new_setting: Callable[..., Setting]):
    setting = new_setting()
    process = start(setting, "run", "long")
    assert eventually((setting.folder / "long").exists), setting.log()
    setting.stop(process)
    (run,) = setting.runs().values()
    assert told(run) == ("failed", "long", "the process was ended by signal 15", 9)


def test_what_makes_no_sense_is_refused():
    backend = Backend(Configuration(disabled=True, agent_id="agent-1"))

    @task
    def summarise() -> None: ...

    @flow
    def report() -> None: ...

    for one in (summarise, report):
        with pytest.raises(IntegrationError, match="put it right below @flow or @task"):
            record(one, backend=backend)
    with pytest.raises(IntegrationError, match="input must be a function"):
        record(backend=backend, input="question")
    with pytest.raises(IntegrationError, match="backend must be a Backend"):
        record(backend="key")


def test_a_run_that_can_not_be_recorded_fails_no_task(caplog: pytest.LogCaptureFixture):
    # Nobody listens there, and there is no agent.
    backend = Backend(Configuration(api_key="key-1", base_url="http://127.0.0.1:9"))

    @task
    @record(backend=backend)
    def summarise(text: str) -> str:
        assert current_run() is None
        return text.upper()

    assert summarise("in") == "IN"
    assert "goes on, though it could not be recorded" in caplog.text
