"""What a newcomer does wrong, and the words that name the remedy: one table through the whole SDK."""

from __future__ import annotations

import asyncio
import datetime
import logging
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import xpander_facade
from xpander_facade import (
    Agents,
    Backend,
    Configuration,
    OutboxSettings,
    Task,
    Tasks,
    Tokens,
    current_run,
    on_task,
)
from xpander_facade.emulator import Emulator
from xpander_facade.recorder import _unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@attrs.define
class Setting:
    """What a mistake is made with."""

    emulator: Emulator
    options: dict[str, Any]
    folder: str

    @property
    def backend(self) -> Any:  # a newcomer's program is not type-checked
        return Backend(**self.options)

    @property
    def tasks(self) -> Any:
        return Tasks(**self.options)

    @property
    def task(self) -> Any:
        return self.tasks.create(prompt="Read invoice 17")

    def run(self, act: Callable[[Any], object]) -> object:
        with self.backend.external_task(input="Read invoice 17") as run:
            return act(run)

    def other(self, **options: Any) -> Any:
        return Backend(**{**self.options, "max_retries": 0, **options})


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key="right-key", agents=["bookkeeper"]) as emulator:
        yield emulator


@pytest.fixture
def setting(emulator: Emulator, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Setting:
    for name in ("XPANDER_API_KEY", "XPANDER_AGENT_ID", "XPANDER_BASE_URL", "XPANDER_ORGANIZATION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_unread, "_told", set())
    options = {"api_key": "right-key", "base_url": emulator.url, "agent_id": "bookkeeper", "organization_id": "org-1"}
    return Setting(emulator, options, str(tmp_path))


def raised(act: Callable[[Setting], object], setting: Setting) -> str:
    with pytest.raises(Exception) as caught:
        act(setting)
    return f"{type(caught.value).__name__}: {caught.value}"


def a_stream() -> Iterator[dict[str, object]]:
    yield {"choices": []}


def from_import(name: str) -> Callable[[Setting], object]:
    def act(_: Setting) -> object:
        exec(f"from xpander_facade import {name}", {})

    return act


def set_attribute(thing: Any, name: str, value: object) -> None:
    setattr(thing, name, value)


# Each with the words that name the remedy; the error's type where it is what one would catch.
MISTAKES: dict[str, tuple[Callable[[Setting], object], str]] = {
    # the key, the address, the agent
    "nothing is set": (
        lambda s: Backend().report_external_task(input="x"),
        "ConfigurationError: no API key: pass api_key= or set XPANDER_API_KEY; "
        "no agent: pass agent_id= or agent=, or set XPANDER_AGENT_ID",
    ),
    "nothing is set, self-hosted": (
        lambda s: Backend(base_url="https://agent-controller.example.com").external_task().__enter__(),
        "no organisation, which the URL of https://agent-controller.example.com needs: "
        "pass organization_id= or set XPANDER_ORGANIZATION_ID; no agent: ",
    ),
    "a worker without anything": (
        lambda s: on_task(lambda task: task).run(),
        "no API key: pass api_key= or set XPANDER_API_KEY; no organisation,",
    ),
    "a key in place of the configuration": (
        lambda s: Backend("right-key"),
        "TypeError: configuration must be a Configuration, not str: pass it by name, as in Backend(api_key=...)",
    ),
    "a dict in place of the configuration": (
        lambda s: s.backend.report_external_task(input="x", configuration={"api_key": "k"}),
        "TypeError: configuration must be a Configuration, not dict: pass Configuration(...)",
    ),
    "apikey=": (lambda s: Backend(apikey="k"), "Backend has no argument 'apikey': did you mean api_key=?"),
    "url=": (lambda s: Configuration(url="u"), "Configuration has no argument 'url': did you mean base_url=?"),
    "org_id=": (lambda s: Tasks(org_id="o"), "Tasks has no argument 'org_id': did you mean organization_id=?"),
    "a mistyped option": (lambda s: Configuration(tiemout=3), "did you mean timeout=?"),
    "a wrong key": (lambda s: s.other(api_key="wrong-key").report_external_task(), "check api_key= or XPANDER_API_KEY"),
    "a key of two lines": (lambda s: Configuration(api_key="a\nb"), "not printable ASCII: copy it again"),
    "an address without a scheme": (
        lambda s: s.other(base_url=s.emulator.url.removeprefix("http://")).report_external_task(),
        "what answers there speaks http, not https; write base_url with http://",
    ),
    "https to what speaks http": (
        lambda s: s.other(base_url=s.emulator.url.replace("http:", "https:")).report_external_task(),
        "write base_url with http://",
    ),
    "nobody is there": (
        lambda s: s.other(base_url="http://127.0.0.1:9").report_external_task(),
        "check base_url or XPANDER_BASE_URL, and the network",
    ),
    "a key over plain http": (
        lambda s: s.other(base_url="http://platform.example.com").report_external_task(),
        "use https, or set allow_insecure_http=True",
    ),
    "the key in the address": (lambda s: Configuration(base_url="https://k@host"), "pass the key as api_key="),
    "an empty address": (lambda s: Configuration(base_url=""), "pass base_url= or set XPANDER_BASE_URL"),
    "a timeout as text": (lambda s: Configuration(timeout="30"), "timeout must be a positive number of seconds"),
    "an async hook": (
        lambda s: Configuration(on_request=a_hook),
        "on_request must be a plain function, which returns at once, not an async one",
    ),
    # names
    "from xpander_facade import Emulator": (
        from_import("Emulator"),
        "ImportError: cannot import name 'Emulator' from 'xpander_facade': "
        "from xpander_facade.emulator import Emulator",
    ),
    "from xpander_facade import Client": (from_import("Client"), "from xpander_facade import Backend"),
    "from xpander_facade import on_tasks": (from_import("on_tasks"), "did you mean on_task?"),
    "xpander_facade.external_task": (
        lambda s: xpander_facade.external_task,
        "AttributeError: module 'xpander_facade' has no attribute 'external_task': Backend().external_task(...)",
    ),
    "aexternal_task()": (lambda s: s.backend.aexternal_task(), "`async with backend.external_task(...) as run`"),
    "backend.create_task()": (lambda s: s.backend.create_task("x"), "use Tasks(...).create()"),
    "backend.tasks": (lambda s: s.backend.tasks, "use Tasks(configuration)"),
    "tasks.run()": (lambda s: s.tasks.run("x"), "use Tasks(...).create() and task.wait_until_done()"),
    "tasks.cancel()": (lambda s: s.tasks.cancel("x"), "use stop()"),
    # reports
    "the prompt in place of the agent": (
        lambda s: s.backend.report_external_task("Read invoice 17"),
        "ValueError: agent_id can't be 'Read invoice 17', which holds white space: did you mean input=?",
    ),
    "the same of a recorded run": (lambda s: s.backend.external_task("Read invoice 17"), "did you mean input=?"),
    "the same of a queued report": (lambda s: s.backend.enqueue_external_task("Read it"), "did you mean input=?"),
    "the agent's name": (lambda s: s.tasks.list("My agent"), "pass the agent's id, not its name"),
    "an id with a line's end": (lambda s: s.backend.report_external_task("bookkeeper\n"), "pass 'bookkeeper'"),
    "an agent's name by configuration": (lambda s: Configuration(agent_id="My agent"), "pass the agent's id"),
    "an id as agent=": (lambda s: s.backend.report_external_task(agent="bookkeeper"), "pass agent_id= for an id"),
    "an agent as agent_id=": (
        lambda s: s.backend.report_external_task(agent_id=Agents(**s.options).get("bookkeeper")),
        "pass agent= for an agent",
    ),
    "a result that is a dict": (lambda s: s.backend.report_external_task(result={"a": 1}), "json.dumps(...) of it"),
    "is_success=None": (lambda s: s.backend.report_external_task(is_success=None), "must be True or False, not None"),
    "a timedelta": (
        lambda s: s.backend.report_external_task(duration=datetime.timedelta(seconds=3)),
        "duration must be a number of seconds, not timedelta",
    ),
    "one tool as text": (lambda s: s.backend.report_external_task(used_tools="search"), "must be a list of strings"),
    "an empty id": (lambda s: s.backend.report_external_task(id=""), "id is empty: pass the id"),
    "a total alone": (
        lambda s: s.backend.report_external_task(tokens={"total_tokens": 17}),
        "ValueError: tokens holds only a total: pass prompt_tokens and completion_tokens",
    ),
    "a number of tokens": (
        lambda s: s.backend.report_external_task(tokens=17),
        "TypeError: tokens must be Tokens, a mapping or a provider's usage object, not int: pass Tokens(",
    ),
    "Tokens(input_tokens=)": (lambda s: Tokens(input_tokens=1), "did you mean prompt_tokens=?"),
    # recorded runs
    "a decorator without parentheses": (
        lambda s: s.backend.external_task(lambda question: question),
        "a decorator is written @backend.external_task()",
    ),
    "one id for many calls": (
        lambda s: s.backend.external_task(id="x")(lambda question: question),
        "pass a function of the call's arguments as id=",
    ),
    "a handle used twice": (lambda s: twice(s.backend.external_task()), "call external_task() again"),
    "run.task before its end": (
        lambda s: s.run(lambda run: run.task),
        "TaskUnavailableError: run ",
    ),
    "run.id before the block": (lambda s: s.backend.external_task().id, "inside of the block, or pass id="),
    "run.output =": (lambda s: s.run(lambda run: set_attribute(run, "output", "x")), "use run.result"),
    "run.error =": (lambda s: s.run(lambda run: set_attribute(run, "error", "x")), "use run.fail(reason)"),
    "run.is_success =": (lambda s: s.run(lambda run: set_attribute(run, "is_success", False)), "use run.fail(reason)"),
    "run.usage": (lambda s: s.run(lambda run: run.usage), "use run.record(response) or run.tokens"),
    "run.finish()": (lambda s: s.run(lambda run: run.finish()), "leave the block"),
    "a coroutine as a stream": (lambda s: s.run(lambda run: run.stream(Awaited())), "await it first"),
    "a run outside of a run": (lambda s: current_run().record({}), "'NoneType' object has no attribute 'record'"),
    # the outbox
    "a queued report without an outbox": (lambda s: s.backend.enqueue_external_task(input="x"), "pass outbox=True"),
    "an outbox that is a number": (lambda s: Configuration(outbox=5), "must be True or the path of a file, not 5"),
    "an outbox that is a folder": (
        lambda s: s.other(outbox=s.folder).enqueue_external_task(input="x"),
        "not a regular file but a folder: name a file",
    ),
    "an outbox in no folder": (
        lambda s: s.other(outbox=f"{s.folder}/missing/runs.db").enqueue_external_task(input="x"),
        "for the outbox's file: make it first",
    ),
    "a rate in words": (lambda s: OutboxSettings(rate="90 per minute"), "must look like '90/minute'"),
    "a policy that is not there": (lambda s: OutboxSettings(when_full="drop"), "one of block, drop_oldest, raise"),
    "an async on_drop": (lambda s: OutboxSettings(on_drop=a_hook), "on_drop must be a plain function"),
    # tasks
    "the prompt in place of the agent, of a task": (lambda s: s.tasks.create("Read it"), "did you mean prompt=?"),
    "an unknown filter": (lambda s: s.tasks.list(filters={"state": "completed"}), "the filters are user_id,"),
    "filters as text": (lambda s: s.tasks.list(filters="completed"), "pass {'status': 'completed'}"),
    "events that were not asked for": (lambda s: s.task.events(), "create it with events_streaming=True"),
    "one URL as text": (lambda s: s.tasks.create(prompt="x", file_urls="https://a/b"), "must be a list of strings"),
    "a schema as text": (lambda s: s.tasks.create(prompt="x", output_schema="{}"), "output_schema must be a dict"),
    "a task in place of its id": (lambda s: s.tasks.get(s.task), "task_id must be a string, not Task"),
    "no such task": (lambda s: s.tasks.get("missing"), "NotFoundError: GET "),
    "no such task, why": (lambda s: s.tasks.get("missing"), "check the id, and that base_url and organization_id"),
    "nothing to update": (lambda s: s.tasks.update("t"), "pass one of status, result,"),
    "task.output": (lambda s: s.task.output, "use task.result"),
    "task.output =": (lambda s: set_attribute(s.task, "output", "x"), "use task.result"),
    "task.wait()": (lambda s: s.task.wait(), "use task.wait_until_done()"),
    "text in place of events": (lambda s: s.task.push_events("x"), "must be a list of TaskUpdateEvent, not str"),
    "an event without a type": (lambda s: s.task.push_event(None), "such as 'process_update'"),
    "no text": (lambda s: s.task.push_text(b"x"), "text must be a string, not bytes"),
    "a wait of text": (lambda s: s.task.wait_until_done("3"), "timeout must be a number of seconds, not str"),
    # workers
    "a handler without a task": (lambda s: on_task(lambda: 1), "(task: Task)`"),
    "a class as handler": (lambda s: on_task(Setting), "decorate a method"),
    "options by position": (lambda s: on_task("bookkeeper"), "pass options by name"),
    "no slots": (lambda s: on_task(concurrency=0), "concurrency must be 1 or more, not 0"),
    "a worker in dry run": (lambda s: disabled_worker(s).run(), "unset XPANDER_DISABLED"),
    # the emulator
    "an emulator that was not started": (lambda s: Emulator().url, "use `with Emulator() as emulator`"),
    "a port as text": (lambda s: Emulator(port="8787"), "port must be a number from 0"),
    "an open emulator without a key": (lambda s: Emulator(host="0.0.0.0"), "pass api_key="),
    "an unknown operation": (lambda s: s.emulator.requests("report"), "report_external_task"),
}  # fmt: skip


async def a_hook(event: object) -> None:
    """Do nothing; a hook is a plain function."""


class Awaited:
    def __await__(self) -> Iterator[None]:
        yield None


def twice(run: Any) -> None:
    with run:
        pass
    with run:
        pass


def disabled_worker(setting: Setting) -> Any:
    return on_task(configuration=Configuration(**{**setting.options, "disabled": True}))(lambda task: task)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_with_its_remedy(name: str, setting: Setting):
    act, words = MISTAKES[name]
    assert words in raised(act, setting)


def test_the_table_is_as_long_as_it_was():
    assert len(MISTAKES) >= 80


# What goes on all the same, with a warning at the line of the user's.
WARNINGS: dict[str, tuple[Callable[[Setting], object], str]] = {
    "a status that is not one, as filter": (
        lambda s: s.tasks.list(filters={"status": "done"}),
        "status 'done' is not one that is known (pending, executing, paused, error, failed, completed, stopped)",
    ),
    "a status that is not one": (lambda s: s.task.set_status("done"), "status 'done' is not one that is known"),
    "a status that is not one, by id": (lambda s: s.tasks.update(s.task.id, status="ok"), "status 'ok' is not one"),
    "a way to think that is not one": (lambda s: s.tasks.create(prompt="x", think_mode="hard"), "(default, harder)"),
    "a form that is not one": (
        lambda s: s.tasks.create(prompt="x", output_format="yaml"),
        "(text, markdown, json, voice)",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_word_that_is_not_known_is_sent_with_a_warning_at_the_users_line(name: str, setting: Setting):
    act, words = WARNINGS[name]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        act(setting)
    mine = [warning for warning in told if words in str(warning.message)]
    assert [(warning.category, warning.filename) for warning in mine] == [(UserWarning, __file__)]


def test_words_that_are_known_cause_no_warning(setting: Setting):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        setting.tasks.list(filters={"status": xpander_facade.AgentExecutionStatus.Completed})
        setting.tasks.create(prompt="x", output_format="json", think_mode=xpander_facade.ThinkMode.Harder)
        setting.task.set_status("completed", "done")


# What `run.record` was given and can't read.
RECORDED: dict[str, tuple[Callable[[], object], str]] = {
    "a stream": (a_stream, "iterate run.stream(...) instead of it, or collect its chunks in a list and record that"),
    "a coroutine": (Awaited, "await it, and record what it gives"),
    "a text": (lambda: "1,240 EUR", "set run.result"),
    "nothing": (lambda: None, "pass what the library returned"),
    "a stranger": (SimpleNamespace, "(types.SimpleNamespace): set run.tokens, run.result"),
    "a list of strangers": (lambda: [SimpleNamespace()], "(a list of types.SimpleNamespace): set run.tokens"),
}


@pytest.mark.filterwarnings("ignore:llm_response holds:UserWarning")
@pytest.mark.parametrize("name", RECORDED)
def test_a_record_that_recognises_nothing_says_so_once(name: str, setting: Setting, caplog: pytest.LogCaptureFixture):
    make, words = RECORDED[name]
    with caplog.at_level(logging.WARNING, "xpander_facade.recorder"):
        for _ in range(2):
            assert setting.run(lambda run: run.record(make())) is None
    said = [record.getMessage() for record in caplog.records if "has recorded nothing" in record.getMessage()]
    assert len(said) == 1
    assert words in said[0]


@pytest.mark.parametrize(
    "response",
    [
        {"type": "ping"},
        {"type": "message_stop"},
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2}, "choices": []},
        {"choices": [{"delta": {"content": ""}}]},
    ],
)
def test_a_record_of_a_known_shape_that_tells_nothing_is_not_spoken_of(
    response: object, setting: Setting, caplog: pytest.LogCaptureFixture
):
    setting.run(lambda run: run.record(response))
    assert not [record for record in caplog.records if "has recorded nothing" in record.getMessage()]


# What was a mistake, and is right now.


@pytest.mark.parametrize(
    "usage",
    [
        SimpleNamespace(prompt_tokens=3, completion_tokens=4, total_tokens=7),
        SimpleNamespace(input_tokens=3, output_tokens=4),
        SimpleNamespace(prompt_token_count=3, candidates_token_count=4, total_token_count=7),
        {"input_tokens": 3, "output_tokens": 4},
        {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}},
        {"usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    ],
)
def test_the_tokens_of_a_provider_are_read(usage: object, setting: Setting):
    reported = setting.backend.report_external_task(input="x", tokens=usage)
    assert (reported.tokens.prompt_tokens, reported.tokens.completion_tokens) == (3, 4)
    run = setting.backend.external_task(input="x")
    with run:
        run.tokens = usage
    assert run.task.tokens.total_tokens == 7


@pytest.mark.parametrize("cls", [Backend, Tasks, Agents])
def test_options_are_taken_instead_of_a_configuration_or_laid_over_one(cls: type[Any]):
    made = cls(api_key="k", agent_id="bookkeeper", timeout=3)
    assert made.configuration == Configuration(api_key="k", agent_id="bookkeeper", timeout=3)
    over = cls(Configuration(api_key="k", agent_id="a"), agent_id="b")
    assert over.configuration == Configuration(api_key="k", agent_id="b")


def test_names_that_are_only_explained_are_not_there():
    for thing in (Backend(api_key="k"), Backend(api_key="k").external_task()):
        for name in ("aexternal_task", "output", "usage"):
            assert not hasattr(thing, name)
            assert name not in dir(thing)


# Events and how a task shows itself.


def test_text_and_progress_are_pushed_in_one_line(setting: Setting):
    task = setting.tasks.create(prompt="x", events_streaming=True)
    task.push_text("first ")
    task.push_event("process_update", {"done": 3, "of": 7})
    pushed = setting.emulator.requests("push_task_events")[-2:]
    assert [[event["type"] for event in request.body] for request in pushed] == [["chunk"], ["process_update"]]
    assert [request.body[0]["data"] for request in pushed] == ["first ", {"done": 3, "of": 7}]


def test_text_and_progress_are_pushed_in_one_line_async(setting: Setting):
    async def push() -> None:
        task = await setting.tasks.acreate(prompt="x", events_streaming=True)
        await task.apush_text("first ")
        await task.apush_event("process_update", {"done": 3, "of": 7})

    asyncio.run(push())
    pushed = setting.emulator.requests("push_task_events")[-2:]
    assert [request.body[0]["type"] for request in pushed] == ["chunk", "process_update"]


def test_a_task_shows_what_differs_from_the_defaults():
    data = {
        "id": "t-1", "agent_id": "bookkeeper", "organization_id": "org-1", "input": {"text": "Read"},
        "created_at": "2026-01-02T03:04:05Z", "status": "completed", "result": "x" * 500, "user_oidc_token": "secret",
    }  # fmt: skip
    shown = repr(Task.from_dict(data))
    assert shown == (
        "Task(id='t-1', agent_id='bookkeeper', organization_id='org-1', input=AgentExecutionInput(text='Read'), "
        f"created_at=2026-01-02T03:04:05+00:00, status='completed', result='{'x' * 200}'...)"
    )


def test_a_task_knows_its_page_and_the_request_that_brought_it(setting: Setting):
    import httpx

    task = setting.backend.report_external_task(id="a b/ü", input="Read invoice 17")
    assert task.request_id == setting.emulator.requests("report_external_task")[-1].request_id
    page = httpx.get(task.url, headers={"x-api-key": "right-key"}, follow_redirects=True)
    assert task.url.startswith(f"{setting.emulator.url}/_ui/task?")
    assert page.status_code == 200
    task.reload()
    assert task.request_id == setting.emulator.requests("get_task")[-1].request_id
    assert Task.from_dict(task.to_dict()).url is None


def test_a_handler_says_that_it_serves_and_how_to_stop_it(setting: Setting):
    said: list[str] = []

    class Stopping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            handler.stop()

    handler = on_task(configuration=Configuration(**setting.options))(lambda task: task)
    log, stopping = logging.getLogger("xpander_facade.worker"), Stopping(logging.INFO)
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(stopping)
    try:
        handler.run()
    finally:
        log.removeHandler(stopping)
        log.setLevel(level)
    assert said[0] == (
        f"serving the tasks of agent bookkeeper at {setting.emulator.url}, 6 at once, until Ctrl-C, SIGTERM or stop()"
    )
