"""`xpander_facade.testing` as a user's own pytest sees it: each test runs a small project in a Python of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xpander_facade.configuration._environment import VARIABLES

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a test file in pytest, in a process of its own, with this plugin and warnings as errors."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "generated"), str(ROOT)]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for machine in ("CI", "BUILD_NUMBER"):  # there pytest says everything a second time, in its summary
        monkeypatch.delenv(machine, raising=False)

    def project(source: str, *arguments: str, ini: str = "") -> pytest.RunResult:
        pytester.makepyfile(source)
        pytester.makeini(f"[pytest]\naddopts = -p xpander_facade.testing --strict-markers -W error\n{ini}")
        return pytester.runpytest_subprocess(*arguments)

    return project


def test_a_test_finds_the_platform_in_its_environment_and_reads_what_was_reported(run: Run):
    result = run("""
        import os
        from xpander_facade import Backend, Tokens

        def test_it(xpander_emulator):
            Backend().report_external_task(id="job-1", result="done", tokens=Tokens(prompt_tokens=3))
            (task,) = xpander_emulator.tasks()
            (request,) = xpander_emulator.requests("report_external_task")
            assert (task["id"], task["agent_id"], task["result"]) == ("job-1", "test-agent", "done")
            assert request.body["tokens"]["prompt_tokens"] == 3
            assert os.environ["XPANDER_BASE_URL"] == xpander_emulator.url
    """)
    result.assert_outcomes(passed=1)


def test_each_test_begins_with_nothing_and_leaves_the_environment_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XPANDER_API_KEY", "of-the-user")
    monkeypatch.setenv("XPANDER_ALLOW_INSECURE_HTTP", "1")
    result = run("""
        import os, pytest
        seen = []

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(xpander_emulator, xpander_backend, number):
            assert xpander_emulator.tasks() == [] and xpander_emulator.requests() == []
            assert "XPANDER_ALLOW_INSECURE_HTTP" not in os.environ
            xpander_emulator.step, xpander_emulator.max_body = 0.5, 1000
            xpander_emulator.agent = lambda run: "left over"
            xpander_backend.report_external_task(id="job")
            xpander_emulator.fail(503, times=50)
            seen.append(xpander_emulator)

        def test_afterwards(xpander_emulator, xpander_backend):
            assert all(emulator is xpander_emulator for emulator in seen)
            assert (xpander_emulator.step, xpander_emulator.max_body) == (0.0, 10_000_000)
            task = xpander_backend.invoke_agent(prompt="hi").wait_until_done(timeout=10, poll_interval=0.01)
            assert task.result == "You said: hi"

        def test_without_the_fixture():
            assert os.environ["XPANDER_API_KEY"] == "of-the-user"
            assert "XPANDER_BASE_URL" not in os.environ
    """)
    result.assert_outcomes(passed=4)


def test_an_agents_answers_are_scripted_by_hand_by_marker_and_in_turn(run: Run):
    result = run("""
        import pytest
        from xpander_facade.testing import answering

        def ask(backend, text):
            return backend.invoke_agent(prompt=text).wait_until_done(timeout=10, poll_interval=0.01)

        def test_by_hand(xpander_emulator, xpander_backend):
            xpander_emulator.agent = lambda run: run.text.upper()
            assert ask(xpander_backend, "hello").result == "HELLO"

        @pytest.mark.xpander(agent=answering(["yes", ValueError("no"), "at last"]))
        def test_by_marker(xpander_backend):
            answers = [ask(xpander_backend, "well?") for _ in range(4)]
            assert [(a.status.value, a.result) for a in answers] == [
                ("completed", "yes"), ("error", "no"), ("completed", "at last"), ("completed", "at last"),
            ]

        def test_without_a_result_there_is_nothing_to_answer():
            with pytest.raises(ValueError, match="at least one"):
                answering([])
    """)
    result.assert_outcomes(passed=3)


def test_faults_reach_the_code_under_test(run: Run):
    result = run("""
        import pytest
        from xpander_facade import Backend, Configuration, RateLimitError

        def test_it(xpander_emulator):
            xpander_emulator.fail(429, times=9)
            with Backend(Configuration(max_retries=0)) as backend, pytest.raises(RateLimitError):
                backend.report_external_task()
            assert xpander_emulator.tasks() == []
    """)
    result.assert_outcomes(passed=1)


def test_the_async_calls_work_in_a_loop_of_the_users_own(run: Run):
    result = run("""
        import asyncio

        def test_it(xpander_emulator, xpander_backend):
            async def work():
                async with xpander_backend as backend:
                    await backend.areport_external_task(id="job-1")
            asyncio.run(work())
            assert xpander_emulator.task("job-1")["status"] == "completed"
    """)
    result.assert_outcomes(passed=1)


OFF_CONTRACT = """
    import http.client, json, os, urllib.request, pytest

    def post(emulator, path, body, **headers):
        data = json.dumps(body).encode()
        headers = {"x-api-key": "k", "content-type": "application/json", **headers}
        connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"))
        connection.request("POST", path, data, headers)
        connection.getresponse().read()
        connection.close()

    def test_good(xpander_emulator, xpander_backend):
        xpander_backend.report_external_task(llm_response={"any": {"thing": 1}}, tokens={"prompt_tokens": 1})

    def test_path(xpander_emulator):
        post(xpander_emulator, "/agent-execution/a/report", {})

    def test_type(xpander_emulator):
        post(xpander_emulator, "/agent-execution/a/report_task", {"duration": "long"})

    def test_member(xpander_emulator):
        post(xpander_emulator, "/agent-execution/a/report_task", {"tokens": {"prompts": 3}})

    def test_query(xpander_emulator):
        post(xpander_emulator, "/agent-execution/a/report_task?wait=1", {})

    def test_header(xpander_emulator):
        post(xpander_emulator, "/agent-execution/a/report_task", {}, **{"x-trace": "1"})

    def test_event(xpander_emulator, xpander_backend):
        xpander_emulator.agent = lambda run: run.event("chunk", {"not": "text"})
        task = xpander_backend.invoke_agent(prompt="hi", events_streaming=True)
        xpander_emulator.wait_for_status(task.id, "completed", "error")
        connection = http.client.HTTPConnection(xpander_emulator.url.removeprefix("http://"))
        connection.request("GET", f"/agent-execution/{task.id}/events", headers={"x-api-key": "k"})
        connection.getresponse().read()
        connection.close()
"""


@pytest.mark.parametrize("how", ["option", "ini", "marker"])
def test_a_strict_test_fails_when_a_request_is_off_the_contract(run: Run, how: str):
    source = OFF_CONTRACT + ("\n    pytestmark = pytest.mark.xpander(strict=True)" if how == "marker" else "")
    arguments = ["--xpander-strict"] if how == "option" else []
    result = run(source, *arguments, ini="xpander_strict = true" if how == "ini" else "")
    result.assert_outcomes(passed=1, failed=6)
    for line in (
        "*POST /agent-execution/a/report: the contract has no such operation",
        "*POST /agent-execution/a/report_task: body.duration: *",
        "*POST /agent-execution/a/report_task: body.tokens.prompts: the contract declares no such member",
        "*POST /agent-execution/a/report_task: query.wait: the contract declares no such query parameter",
        "*POST /agent-execution/a/report_task: header.x-trace: the contract declares no such header",
        "*stream_task_events: event: *",
    ):
        result.stdout.fnmatch_lines([line])


BEHIND_AN_ERROR = """
    import http.client, json, pytest

    pytestmark = pytest.mark.xpander(strict=True)

    def post(emulator, body, path="/agent-execution/a/report_task", **headers):
        connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"))
        headers = {"content-type": "application/json", **headers}
        connection.request("POST", path, json.dumps(body).encode(), headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def test_behind_a_fault(xpander_emulator):
        xpander_emulator.fail(503)
        assert post(xpander_emulator, {"duration": "x"}, **{"x-api-key": "k"}) == 503

    def test_without_a_key(xpander_emulator):
        assert post(xpander_emulator, {"is_success": "y"}) == 401

    def test_a_path_that_is_no_text(xpander_emulator):
        assert post(xpander_emulator, {}, "/agent-execution/%ff/report_task", **{"x-api-key": "k"}) == 400

    def test_by_name(request):
        assert post(request.getfixturevalue("xpander_emulator"), {"cost": 1}, **{"x-api-key": "k"}) == 200

    def test_an_event_that_nobody_reads(xpander_emulator, xpander_backend):
        task = xpander_backend.invoke_agent(prompt="hi", events_streaming=True)
        xpander_emulator.publish_raw(task.id, "no JSON, and meant so")
        xpander_emulator.publish(task.id, "chunk", {"not": "text"})

    @pytest.fixture
    def one_who_says_bye(xpander_emulator):
        yield
        post(xpander_emulator, {"bye": 1}, **{"x-api-key": "k"})

    def test_after_the_test(one_who_says_bye):
        pass

    def test_is_told_once(xpander_emulator):
        post(xpander_emulator, {"once": 1}, **{"x-api-key": "k"})
"""


def test_what_is_off_the_contract_is_told_whatever_was_answered_and_whenever_it_was_sent(run: Run):
    result = run(BEHIND_AN_ERROR)
    result.assert_outcomes(failed=6, passed=1, errors=1)
    for line in (
        "*POST /agent-execution/a/report_task: body.duration: *",
        "*POST /agent-execution/a/report_task: body.is_success: *",
        "*POST /agent-execution/%ff/report_task: path: the path and the query must be UTF-8",
        "*POST /agent-execution/a/report_task: body.cost: the contract declares no such member",
        "*stream_task_events: event: *",
        "*POST /agent-execution/a/report_task: body.bye: the contract declares no such member",
    ):
        result.stdout.fnmatch_lines([line])
    assert result.stdout.str().count("body.once: ") == 1


def test_no_variable_of_the_outside_reaches_the_code_under_test(run: Run, monkeypatch: pytest.MonkeyPatch):
    package = ROOT / "xpander_facade" / "configuration"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py")))
    read = set(re.findall(r'"((?:XPANDER|IS)_[A-Z_]+)"', re.sub(r"VARIABLES = \([^)]*\)", "", source)))
    assert set(VARIABLES) == read
    for name in VARIABLES:
        monkeypatch.setenv(name, "1")
    run("""
        import os
        from xpander_facade.configuration._environment import VARIABLES

        def test_it(xpander_emulator, xpander_backend):
            assert set(VARIABLES) & set(os.environ) == {
                "XPANDER_API_KEY", "XPANDER_BASE_URL", "XPANDER_ORGANIZATION_ID", "XPANDER_AGENT_ID"
            }
            xpander_backend.report_external_task(id="job-1")
            assert xpander_emulator.task("job-1")
    """).assert_outcomes(passed=1)


def test_a_test_that_is_not_strict_passes_and_one_that_fails_tells_of_the_contract_too(run: Run):
    run(OFF_CONTRACT).assert_outcomes(passed=7)
    run(OFF_CONTRACT + "\n    pytestmark = pytest.mark.xpander(strict=False)", "--xpander-strict").assert_outcomes(
        passed=7
    )
    result = run("""
        import urllib.error, urllib.request

        def test_it(xpander_emulator):
            urllib.request.urlopen(xpander_emulator.url + "/nowhere").close()
    """, "-W", "ignore")  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*HTTPError*", "*GET /nowhere: the contract has no such operation"])


def test_a_marker_that_says_something_else_is_refused(run: Run):
    result = run("""
        import pytest

        @pytest.mark.xpander(agnet="typo")
        def test_it(xpander_emulator):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.xpander takes only strict=, agent=, *"])


def test_without_the_extra_the_fixture_says_what_to_install(run: Run):
    result = run("""
        import sys
        sys.modules["uvicorn"] = None

        def test_it(xpander_emulator):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the emulator needs uvicorn*: pip install 'xpander-facade?emulator?'*"])


def test_a_project_that_does_not_use_the_fixtures_pays_nothing_for_the_plugin(run: Run):
    result = run("""
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.split(".")[0] in ("xpander_facade", "xpander_api")}
            assert ours - {"xpander_facade"} <= {f"xpander_facade.{name}" for name in ("_lazy", "_version", "testing")}
            assert not {"httpx", "httpcore", "starlette", "attrs", "yaml"} & set(sys.modules)
    """)
    result.assert_outcomes(passed=1)


def test_the_worker_test_of_the_documents_runs_as_it_stands(run: Run, pytester: pytest.Pytester):
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```python\n# (\w+)\.py\n(.+?)```", page, re.DOTALL))
    assert set(files) == {"worker", "test_worker"}
    assert len([line for line in files["test_worker"].splitlines() if line]) <= 15
    pytester.makepyfile(worker=files["worker"])
    run(files["test_worker"]).assert_outcomes(passed=1)
    pytester.makepyfile(worker=files["worker"].replace("result=result", "result=None"))
    run(files["test_worker"]).assert_outcomes(failed=1)


def test_the_plugin_is_announced_to_pytest():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'\[project\.entry-points\.pytest11\]\nxpander = "xpander_facade\.testing"\n', text)


def test_importing_the_plugin_imports_nothing_but_pytest():
    program = """
import sys, pytest
before = set(sys.modules)
import xpander_facade.testing
print(*sorted(set(sys.modules) - before))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "generated"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert {name for name in done.stdout.split() if not name.startswith("importlib")} <= {
        "xpander_facade", "xpander_facade._lazy", "xpander_facade._version", "xpander_facade.testing"
    }  # fmt: skip


OLD_PLUGGY = """
    import pytest

    real = pytest.hookimpl

    def hookimpl(function=None, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False, specname=None):
        return real(function, hookwrapper, optionalhook, tryfirst, trylast, specname)

    stash_key = pytest.StashKey
    pytest.hookimpl = hookimpl
    del pytest.StashKey
    import xpander_facade.testing
    pytest.hookimpl, pytest.StashKey = real, stash_key
"""
"""A plugin that makes pytest what 6 was with pluggy 1.0: without new-style wrappers, without a stash."""


def test_with_an_older_pytest_a_strict_test_fails_and_the_others_are_left_alone(pytester: pytest.Pytester):
    pytester.makepyfile(old_pytest=OLD_PLUGGY)
    pytester.syspathinsert()
    pytester.makepyfile("""
        import httpx
        import pytest

        def test_plain():
            pass

        @pytest.mark.xpander(strict=True)
        def test_strict(xpander_emulator):
            httpx.get(xpander_emulator.url + "/nothing")

        def test_that_fails(xpander_emulator):
            httpx.get(xpander_emulator.url + "/nothing")
            assert False
    """)
    result = pytester.runpytest_subprocess(
        "-p", "no:xpander", "-p", "old_pytest", "-p", "xpander_facade.testing", "-W", "ignore"
    )
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*off the contract of the platform:*", "*GET /nothing: the contract has no such*"])
    result.stdout.fnmatch_lines(["*xpander: off the contract*"])
