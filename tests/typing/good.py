"""Type-checked, never run: what users write must pass mypy and pyright, strict."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from datetime import datetime
from typing import Any, assert_type

from xpander_facade import (
    Agent,
    AgentActivityThread,
    AgentActivityThreadMessage,
    AgentExecutionStatus,
    Agents,
    AgentsListItem,
    Attachment,
    AuthenticationError,
    Backend,
    Configuration,
    ConfigurationError,
    DeepPlanningItem,
    DeliveryStatus,
    ExternalTask,
    FlushResult,
    MCPServerDetails,
    ModuleException,
    OutputFormat,
    PlanFollowingStatus,
    RateLimitError,
    ReportCounts,
    RetryEvent,
    Task,
    Tasks,
    TasksListItem,
    TaskUpdateEvent,
    TaskUpdateEventType,
    ThinkMode,
    Tokens,
    Usage,
    User,
    WaitTimeoutError,
    XpanderError,
    current_run,
    on_boot,
    on_task,
    report_counts,
)


def told(event: RetryEvent) -> None:
    assert_type(event.wait, float)


configuration = Configuration(api_key="k", organization_id="o", base_url="x", agent_id="a", timeout=3, max_retries=0)
assert_type(configuration.api_key, str | None)
assert_type(configuration.base_url, str)
assert_type(configuration.timeout, float)
assert_type(configuration.get_full_url(), str)
Configuration(deadline=5, verify=False, on_retry=told)
Configuration()


def report() -> None:
    backend = Backend(configuration)
    reported = backend.report_external_task(
        agent_id="agent-123",
        id="ext-1",
        input="in",
        llm_response=object(),
        tokens=Tokens(prompt_tokens=2_140, completion_tokens=380),
        is_success=True,
        result="out",
        duration=4.7,
        used_tools=["web_search"],
        configuration=configuration,
    )
    assert_type(reported, Task)
    backend.report_external_task("agent", tokens={"prompt_tokens": 1}, duration=0, used_tools=("a", "b"))
    backend.report_external_task(agent=Agents().get("a"), used_tools=(name for name in "ab"))
    assert_type(Task.report_external_task(configuration=configuration, agent_id="a"), Task)
    Task.report_external_task(configuration, "a", "id", "input")
    with Backend() as other:
        assert_type(other, Backend)
    assert_type(Backend().with_options(timeout=1, max_retries=0), Backend)
    assert_type(Tasks().with_options(deadline=1.5), Tasks)


async def report_async() -> None:
    async with Backend() as backend:
        assert_type(backend, Backend)
        assert_type(await backend.areport_external_task(agent_id="a", id="i", result=None), Task)
    assert_type(await Task.areport_external_task(configuration=configuration, agent_id="a"), Task)
    await backend.aclose()


def drive() -> None:
    tasks = Tasks()
    assert_type(tasks.list("a"), list[TasksListItem])
    assert_type(
        tasks.list(agent_id="a", filters={"status": AgentExecutionStatus.Completed, "user_id": "u"}),
        list[TasksListItem],
    )
    assert_type(tasks.list_user_tasks("u", {"status": "completed"})[0].load(), Task)
    task = tasks.create(
        "a",
        prompt="hi",
        file_urls=["u"],
        attachments=[Attachment("u")],
        user_details=User("e"),
        agent_version=3,
        output_format=OutputFormat.Json,
        think_mode="harder",
        mcp_servers=[MCPServerDetails(url="u")],
        output_schema={"type": "object"},
    )
    assert_type(task, Task)
    assert_type(tasks.get(task_id="t"), Task)
    assert_type(tasks.update(task_id="t", status=AgentExecutionStatus.Completed, result="done"), Task)
    assert_type(tasks.update("t", status="completed"), Task)
    assert_type(tasks.stop(task_id="t"), Task)
    assert_type(task.save(with_deep_plan_update=True), Task)
    assert_type(task.save(only_changed=True).set_status("executing").stop().reload(), Task)
    assert_type(task.wait_until_done(timeout=5), Task)
    assert_type(task.get_plan_following_status(), PlanFollowingStatus)
    assert_type(task.get_plan_following_status().uncompleted_tasks, list[DeepPlanningItem])
    task.report_metrics()
    log = task.get_activity_log()
    assert_type(log, AgentActivityThread)
    for entry in log.messages:
        if isinstance(entry, AgentActivityThreadMessage):
            assert_type(entry.content.text, str | None)
    for event in task.events():
        assert_type(event, TaskUpdateEvent)
        assert_type(event.type, TaskUpdateEventType)
        if event.type is TaskUpdateEventType.Chunk:
            print(event.data)


async def drive_async() -> None:
    tasks = Tasks(configuration)
    assert_type(await tasks.alist("a"), list[TasksListItem])
    task = await tasks.acreate("a", prompt="hi", events_streaming=True)
    assert_type(task, Task)
    async for event in task.aevents():
        assert_type(event, TaskUpdateEvent)
    assert_type(await task.asave(), Task)
    assert_type(await task.aset_status(AgentExecutionStatus.Executing), Task)
    assert_type(await task.await_until_done(timeout=1.5, poll_interval=2), Task)
    assert_type(await (await tasks.alist_user_tasks("u"))[0].aload(), Task)
    assert_type(await Backend().ainvoke_agent("a", prompt="hi"), Task)
    assert_type(await Agents().alist(), list[AgentsListItem])
    assert_type(await Agents().aget("a"), Agent)


def attributes(task: Task) -> None:
    assert_type(task.status, AgentExecutionStatus)
    word: str = task.status.value
    if task.status.value == "a_word_of_tomorrow" or task.status == "a_word_of_tomorrow":
        print(word)
    assert_type(task.result, str | None)
    assert_type(task.tokens, Tokens | None)
    assert_type(task.think_mode, ThinkMode)
    assert_type(task.created_at, datetime)
    assert_type(task.finished_at, datetime | None)
    assert_type(task.used_tools, list[str])
    assert_type(task.extra, dict[str, Any])
    assert_type(task.configuration, Configuration | None)
    assert_type(task.to_dict(), dict[str, Any])
    assert_type(Task.from_dict({}, configuration), Task)
    assert_type(Tokens(1, 2).total_tokens, int)
    task.result = "done"
    task.status = AgentExecutionStatus.Completed
    task.tokens = Tokens(prompt_tokens=1)
    task.configuration = configuration


def workers(configuration: Configuration) -> None:
    @on_task
    async def answering(task: Task) -> Task:
        return task

    @on_task(configuration=configuration, concurrency=2)
    def counting(task: Task, model: str = "small") -> Task:
        return task

    @on_task()
    async def telling(task: Task) -> AsyncIterator[TaskUpdateEvent]:
        yield TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data="a")

    @on_boot
    async def boot() -> None: ...

    task = Tasks().get("t")
    assert_type(counting(task, model="large"), Task)
    assert_type(telling(task), AsyncIterator[TaskUpdateEvent])
    assert_type(answering.with_options(grace_period=1).run_prompt("hello"), Task | None)
    assert_type(answering.run(on_finished=lambda task: print(task.result)), None)
    task.push_events([TaskUpdateEvent(type=TaskUpdateEventType.Chunk, task_id=task.id, data="a")])


async def awaited_worker(task: Task) -> None:
    @on_task
    async def answering(task: Task) -> Task:
        return task

    assert_type(await answering(task), Task)
    assert_type(await answering.arun_prompt("hello"), Task | None)


def errors() -> None:
    try:
        Backend().report_external_task()
    except ConfigurationError as error:
        print(error)
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except AuthenticationError as error:
        assert_type(error.status_code, int | None)
    except ModuleException as error:
        assert_type(error.report, dict[str, Any] | None)
        assert_type(error.request_id, str | None)
    except XpanderError as error:
        assert_type(error.task_id, str | None)
    try:
        Tasks().get("t").wait_until_done(timeout=1)
    except WaitTimeoutError as error:
        assert_type(error.task, Task)


def record() -> None:
    backend = Backend()
    with backend.external_task("a", id="run-1", input="in", report_start=True, strict=True) as run:
        assert_type(run, ExternalTask)
        run.result = "out"
        run.tokens = {"prompt_tokens": 1}
        run.tokens = Tokens(1)
        run.used_tools = ("a", "b")
        run.used_tools.append("c")
        run.llm_response = object()
        assert_type(run.record(object()), Usage | None)
        run.fail("why")
    assert_type(run.task, Task)
    assert_type(run.delivery, DeliveryStatus | None)
    assert_type(run.wait(1.5), DeliveryStatus | None)
    assert_type(backend.external_task().tokens, Tokens | None)
    assert_type(current_run(), ExternalTask | None)
    assert_type(report_counts(), ReportCounts)
    assert_type(backend.enqueue_external_task("a", result="out"), str)
    assert_type(backend.flush(timeout=1.5), FlushResult)


async def record_async() -> None:
    backend = Backend()
    async with backend.external_task() as run:
        assert_type(run, ExternalTask)
    assert_type(await backend.aenqueue_external_task(id="run-1"), str)
    assert_type(await backend.aflush(), FlushResult)


recorded = Backend().external_task()


@recorded
def summarize(text: str, *, words: int = 5) -> str:
    return text[:words]


@recorded
async def asummarize(text: str, *, words: int = 5) -> str:
    return text[:words]


@recorded
def stream(text: str) -> Generator[str, int, bool]:
    yield text
    return True


@recorded
async def astream(text: str) -> AsyncGenerator[str, int]:
    yield text


class Summarizer:
    @recorded
    def summarize(self, text: str) -> str:
        return text


async def recorded_functions_keep_their_types() -> None:
    assert_type(summarize("text", words=3), str)
    assert_type(await asummarize("text", words=3), str)
    assert_type(stream("text"), Generator[str, int, bool])
    assert_type(astream("text"), AsyncGenerator[str, int])
    assert_type(Summarizer().summarize("text"), str)
