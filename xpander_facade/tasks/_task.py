"""Task: one execution of an agent, and the methods that drive it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

from xpander_facade import _requests, _serialization, _validation, types
from xpander_facade._hints import TASK, add_misnomers
from xpander_facade._process.imports import EVENTS, load, on_preload
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import XpanderError
from xpander_facade.types._task_record import TaskRecord, to_wire
from xpander_facade.types.enums import AgentExecutionStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping

    from xpander_facade._client.request import Request
    from xpander_facade.tasks._compaction import Session
    from xpander_facade.tasks._summaries import Summarize
    from xpander_facade.types.activity import AgentActivityThread
    from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType
    from xpander_facade.types.file_limits import FileLimits
    from xpander_facade.types.models import CompactRetryResult, PlanFollowingStatus
    from xpander_facade.usage._usage import TokenCounts


class Task(TaskRecord):
    """One execution of an agent: its whole state, and the methods that drive it.

    All attributes can be changed; `save` tells the platform. Times are aware, durations in seconds. `extra` holds what
    the platform sends beyond these attributes. `configuration` is used by the methods and is never serialised.

        task = Task.load(task.id)
        print(task.status, task.result)
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # a checker has the attributes' own signature

        def __init__(self, *, configuration: Configuration | None = None, **attributes: object) -> None:
            super().__init__(**attributes)
            if configuration is not None:
                self.configuration = configuration

    @property
    def configuration(self) -> Configuration | None:
        """The configuration of this task's calls; None means a new `Configuration()` for each. Never serialised."""
        return getattr(self, "_configuration", None)

    @configuration.setter
    def configuration(self, value: Configuration | None) -> None:
        object.__setattr__(self, "_configuration", value)

    @property
    def url(self) -> str | None:
        """The address of a page for people that shows this task; None where the platform has told none.

        The local platform tells it, in the `Link` header of its answers.
        """
        return getattr(self, "_page_url", None)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], configuration: Configuration | None = None) -> Self:
        """Make a task from JSON-ready data, as the platform sends it or `to_dict()` gives it.

            kept = task.to_dict()
            task = Task.from_dict(kept)

        Args:
            data: `id`, `agent_id`, `organization_id`, `input`, `created_at`, and whatever else there is. A null counts
                as absent; what a task has no attribute for goes to `extra`.
            configuration: What the task's calls use.

        Raises:
            ValueError: A required attribute is missing, or a value has another type.
        """
        task = _serialization.structure(cls, data if type(data) is dict else dict(data))
        if configuration is not None:
            # An assignment would call the hooks of a user's subclass, which a frozen one refuses with.
            object.__setattr__(task, "configuration", configuration)
        return task

    @classmethod
    def load(cls, task_id: str, configuration: Configuration | None = None) -> Self:
        """Load a task.

            task = Task.load(task.id)
            print(task.status)

        Args:
            task_id: The id of the task.
            configuration: What to call with; by default a new `Configuration()`.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        return _client.send(configuration, _requests.get_request(task_id), cls._reader(configuration))

    @classmethod
    async def aload(cls, task_id: str, configuration: Configuration | None = None) -> Self:
        """Load a task.

            task = Task.load(task.id)
            print(task.status)

        Args:
            task_id: The id of the task.
            configuration: What to call with; by default a new `Configuration()`.

        Raises:
            NotFoundError: There is no such task.
            ModuleException: The call failed otherwise.
        """
        from xpander_facade import _client

        configuration = configuration or Configuration()
        return await _client.asend(configuration, _requests.get_request(task_id), cls._reader(configuration))

    def save(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self:
        """Tell the platform the state of this task, and take over its answer.

        A plan and a context that the answer leaves empty are kept from memory.

            task.title = "Invoice 17"
            task.save(only_changed=True)

        Args:
            with_deep_plan_update: Send the plan too; else the platform's own plan counts.
            only_changed: Send only what differs from what the platform last said, so that nothing is undone that
                happened there meanwhile. Nothing is sent where nothing differs.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        request = self._save_request(with_deep_plan_update, only_changed)
        if request is not None:
            configuration = self.configuration or Configuration()
            # A task without a configuration stays without: each of its calls then reads the environment anew.
            reader = self._reader(self.configuration)
            # A dry run gets no answer, and makes one of the snapshot.
            self._merge_from(_client.send(configuration, request, reader, snapshot=partial(to_wire, self)))
        return self

    async def asave(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self:
        """Tell the platform the state of this task, and take over its answer.

        A plan and a context that the answer leaves empty are kept from memory.

            task.title = "Invoice 17"
            task.save(only_changed=True)

        Args:
            with_deep_plan_update: Send the plan too; else the platform's own plan counts.
            only_changed: Send only what differs from what the platform last said, so that nothing is undone that
                happened there meanwhile. Nothing is sent where nothing differs.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        request = self._save_request(with_deep_plan_update, only_changed)
        if request is not None:
            configuration = self.configuration or Configuration()
            reader = self._reader(self.configuration)
            self._merge_from(await _client.asend(configuration, request, reader, snapshot=partial(to_wire, self)))
        return self

    def set_status(self, status: AgentExecutionStatus | str, result: str | None = None) -> Self:
        """Set the status, and perhaps the result, and save.

            task.set_status(AgentExecutionStatus.Completed, result="1,240.00 EUR")

        Args:
            status: Where the task stands now.
            result: Its result; None keeps the one it has.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        # Before anything changes here: a save that is refused leaves the task as it was.
        self._check_whole()
        self.status = AgentExecutionStatus(status)
        if result is not None:
            self.result = result
        return self.save()

    async def aset_status(self, status: AgentExecutionStatus | str, result: str | None = None) -> Self:
        """Set the status, and perhaps the result, and save.

            task.set_status(AgentExecutionStatus.Completed, result="1,240.00 EUR")

        Args:
            status: Where the task stands now.
            result: Its result; None keeps the one it has.

        Raises:
            ValueError: The task came trimmed in an event, or `internal_status` is too long; nothing was sent.
            ModuleException: The call failed.
        """
        self._check_whole()
        self.status = AgentExecutionStatus(status)
        if result is not None:
            self.result = result
        return await self.asave()

    def stop(self) -> Self:
        """Stop this task, and take over the platform's answer.

            task.stop()
            print(task.status)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.stop_request(self.id)
        reader = self._reader(self.configuration)
        self._merge_from(_client.send(configuration, request, reader, snapshot=partial(to_wire, self)))
        return self

    async def astop(self) -> Self:
        """Stop this task, and take over the platform's answer.

            task.stop()
            print(task.status)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.stop_request(self.id)
        reader = self._reader(self.configuration)
        self._merge_from(await _client.asend(configuration, request, reader, snapshot=partial(to_wire, self)))
        return self

    def reload(self) -> Self:
        """Take over the platform's state of this task; what was changed here and not saved is gone.

        A plan and a context that the platform returns empty are kept from memory.

            task.reload()
            print(task.status)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.get_request(self.id)
        reader = self._reader(self.configuration)
        self._merge_from(_client.send(configuration, request, reader))
        return self

    async def areload(self) -> Self:
        """Take over the platform's state of this task; what was changed here and not saved is gone.

        A plan and a context that the platform returns empty are kept from memory.

            task.reload()
            print(task.status)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.get_request(self.id)
        reader = self._reader(self.configuration)
        self._merge_from(await _client.asend(configuration, request, reader))
        return self

    def events(self) -> Generator[TaskUpdateEvent]:
        """Stream the task's events, each as it arrives, until the task has ended.

        A stream that breaks or falls silent is opened again where it stopped. Leaving the loop closes the connection
        as soon as the generator is collected; `contextlib.closing(task.events())` and `aclosing(task.aevents())` close
        it at once.

            for event in task.events():
                if event.type == "chunk":
                    print(event.data, end="")

        Raises:
            ValueError: The task was created without `events_streaming=True`; raised at once.
            ModuleException: The stream could not be opened, or not be opened again.
        """
        from xpander_facade.tasks._stream import follow

        # Not a generator itself, so that the mistake shows where it is made, and not at the first event.
        self._check_streaming()
        return follow(
            self.id, self.configuration, read=self._reader(self.configuration), load=partial(type(self).load, self.id)
        )

    def aevents(self) -> AsyncGenerator[TaskUpdateEvent]:
        """Stream the task's events, each as it arrives, until the task has ended.

        A stream that breaks or falls silent is opened again where it stopped. Leaving the loop closes the connection
        as soon as the generator is collected; `contextlib.closing(task.events())` and `aclosing(task.aevents())` close
        it at once.

            for event in task.events():
                if event.type == "chunk":
                    print(event.data, end="")

        Raises:
            ValueError: The task was created without `events_streaming=True`; raised at once.
            ModuleException: The stream could not be opened, or not be opened again.
        """
        from xpander_facade.tasks._stream import afollow

        self._check_streaming()
        return afollow(
            self.id, self.configuration, read=self._reader(self.configuration), load=partial(type(self).aload, self.id)
        )

    def wait_until_done(self, timeout: float | None = None, poll_interval: float = 1.0) -> Self:
        """Wait until the task has ended, and return it reloaded.

        By its events where it streams them, else by asking, less and less often.

            task.wait_until_done(timeout=60)
            print(task.result)

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            poll_interval: Seconds between the first two looks, where the task is asked.

        Raises:
            WaitTimeoutError: The task did not end in time; `error.task` is the task.
            ModuleException: A call failed.
        """
        from xpander_facade.tasks._waiting import wait_for_end

        ended = wait_for_end(
            self,
            self.configuration,
            read=self._reader(self.configuration),
            load=partial(type(self).load, self.id),
            timeout=timeout,
            poll_interval=poll_interval,
        )
        if not ended:
            raise WaitTimeoutError(f"task {self.id} is still {self.status.value} after {timeout} s", task=self)
        return self

    async def await_until_done(self, timeout: float | None = None, poll_interval: float = 1.0) -> Self:
        """Wait until the task has ended, and return it reloaded.

        By its events where it streams them, else by asking, less and less often.

            task.wait_until_done(timeout=60)
            print(task.result)

        Args:
            timeout: Seconds to wait at most; None waits as long as it takes.
            poll_interval: Seconds between the first two looks, where the task is asked.

        Raises:
            WaitTimeoutError: The task did not end in time; `error.task` is the task.
            ModuleException: A call failed.
        """
        from xpander_facade.tasks._waiting import await_for_end

        ended = await await_for_end(
            self,
            self.configuration,
            read=self._reader(self.configuration),
            load=partial(type(self).aload, self.id),
            timeout=timeout,
            poll_interval=poll_interval,
        )
        if not ended:
            raise WaitTimeoutError(f"task {self.id} is still {self.status.value} after {timeout} s", task=self)
        return self

    def get_activity_log(self) -> AgentActivityThread:
        """Load the whole thread of messages, tool calls and reasoning of this task.

            for entry in task.get_activity_log().messages:
                print(type(entry).__name__)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client
        from xpander_facade.tasks._activity import read_thread

        configuration = self.configuration or Configuration()
        request = _requests.activity_request(self.agent_id, self.id)
        return _client.send(configuration, request, read_thread)

    async def aget_activity_log(self) -> AgentActivityThread:
        """Load the whole thread of messages, tool calls and reasoning of this task.

            for entry in task.get_activity_log().messages:
                print(type(entry).__name__)

        Raises:
            ModuleException: The call failed.
        """
        from xpander_facade import _client
        from xpander_facade.tasks._activity import read_thread

        configuration = self.configuration or Configuration()
        request = _requests.activity_request(self.agent_id, self.id)
        return await _client.asend(configuration, request, read_thread)

    def report_metrics(self, configuration: Configuration | None = None) -> None:
        """Tell the platform's metrics of this task's tokens, tools and duration.

            task.tokens = Tokens(prompt_tokens=812, completion_tokens=164)
            task.report_metrics()

        Args:
            configuration: What to call with, instead of the task's configuration.

        Raises:
            ValueError: The task has no tokens; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have counted it.
        """
        from xpander_facade import _client

        request = _requests.metrics_request(self)
        configuration = configuration or self.configuration or Configuration()
        _client.send(configuration, request, lambda _: None)

    async def areport_metrics(self, configuration: Configuration | None = None) -> None:
        """Tell the platform's metrics of this task's tokens, tools and duration.

            task.tokens = Tokens(prompt_tokens=812, completion_tokens=164)
            task.report_metrics()

        Args:
            configuration: What to call with, instead of the task's configuration.

        Raises:
            ValueError: The task has no tokens; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have counted it.
        """
        from xpander_facade import _client

        request = _requests.metrics_request(self)
        configuration = configuration or self.configuration or Configuration()
        await _client.asend(configuration, request, lambda _: None)

    def get_plan_following_status(self) -> PlanFollowingStatus:
        """Load the plan and tell whether it lets the task finish.

        Open items stand in the way only where planning is enabled, started and enforced. The result, status and tokens
        in memory survive the loading.

            plan = task.get_plan_following_status()
            print(plan.can_finish, len(plan.uncompleted_tasks))

        Raises:
            ModuleException: The plan could not be loaded.
        """
        # A handler may have set these and not saved them yet; only the plan is asked of the platform.
        mine = self.result, self.status, self.tokens
        self.reload()
        self.result, self.status, self.tokens = mine
        return self._plan_following_status()

    async def aget_plan_following_status(self) -> PlanFollowingStatus:
        """Load the plan and tell whether it lets the task finish.

        Open items stand in the way only where planning is enabled, started and enforced. The result, status and tokens
        in memory survive the loading.

            plan = task.get_plan_following_status()
            print(plan.can_finish, len(plan.uncompleted_tasks))

        Raises:
            ModuleException: The plan could not be loaded.
        """
        mine = self.result, self.status, self.tokens
        await self.areload()
        self.result, self.status, self.tokens = mine
        return self._plan_following_status()

    @classmethod
    def report_external_task(
        cls,
        configuration: Configuration | None = None,
        agent_id: str | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
    ) -> Self:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

            task = Task.report_external_task(configuration, id="run-1", input="6 * 7?", result="42")

        Args:
            configuration: What to call with; by default a new `Configuration()`.
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        from xpander_facade.tasks._reporting import send_report

        configuration = configuration or Configuration()
        report = _requests.make_report(
            configuration,
            agent_id=agent_id,
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )
        return send_report(configuration, report, cls._reader(configuration))

    @classmethod
    async def areport_external_task(
        cls,
        configuration: Configuration | None = None,
        agent_id: str | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
    ) -> Self:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

            task = Task.report_external_task(configuration, id="run-1", input="6 * 7?", result="42")

        Args:
            configuration: What to call with; by default a new `Configuration()`.
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        from xpander_facade.tasks._reporting import asend_report

        configuration = configuration or Configuration()
        report = _requests.make_report(
            configuration,
            agent_id=agent_id,
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )
        return await asend_report(configuration, report, cls._reader(configuration))

    def push_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

            task.push_events([TaskUpdateEvent(type="chunk", task_id=task.id, data="Nearly done. ")])

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is not a TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        load(EVENTS)
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.push_request(self.id, self.organization_id, events)
        if request is not None:
            _client.send(configuration, request, lambda _: None)

    async def apush_events(self, events: Iterable[TaskUpdateEvent]) -> None:
        """Publish events to everybody who follows this task.

        Each is an event of this task, whatever its `task_id` and organisation say; without a time it gets the present.
        A Task in its data goes without secrets.

            task.push_events([TaskUpdateEvent(type="chunk", task_id=task.id, data="Nearly done. ")])

        Args:
            events: What happened, oldest first; without any, nothing is sent.

        Raises:
            TypeError: One of them is not a TaskUpdateEvent; nothing was sent.
            ValueError: The data of one can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published them.
        """
        load(EVENTS)
        from xpander_facade import _client

        configuration = self.configuration or Configuration()
        request = _requests.push_request(self.id, self.organization_id, events)
        if request is not None:
            await _client.asend(configuration, request, lambda _: None)

    def push_event(self, type: TaskUpdateEventType | str, data: Any = None) -> None:
        """Publish one event to everybody who follows this task.

            task.push_event("process_update", {"progress": 0.5})

        Args:
            type: What happened, such as "process_update" for the progress of the work.
            data: What belongs to it: any JSON, a Task or what else `TaskUpdateEvent` takes.

        Raises:
            TypeError: The type is not a text; nothing was sent.
            ValueError: The data can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published the event.

        """
        self.push_events([_event(self.id, type, data)])

    async def apush_event(self, type: TaskUpdateEventType | str, data: Any = None) -> None:
        """Publish one event to everybody who follows this task.

            task.push_event("process_update", {"progress": 0.5})

        Args:
            type: What happened, such as "process_update" for the progress of the work.
            data: What belongs to it: any JSON, a Task or what else `TaskUpdateEvent` takes.

        Raises:
            TypeError: The type is not a text; nothing was sent.
            ValueError: The data can't be sent as JSON; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published the event.

        """
        await self.apush_events([_event(self.id, type, data)])

    def push_text(self, text: str) -> None:
        """Publish a piece of the result's text, a "chunk", to everybody who follows this task.

            task.push_text("Nearly done. ")

        Args:
            text: The piece, with its own white space.

        Raises:
            TypeError: It is not a text; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published the text.
        """
        self.push_event("chunk", _validation.check_name("text", text))

    async def apush_text(self, text: str) -> None:
        """Publish a piece of the result's text, a "chunk", to everybody who follows this task.

            task.push_text("Nearly done. ")

        Args:
            text: The piece, with its own white space.

        Raises:
            TypeError: It is not a text; nothing was sent.
            ModuleException: The call failed. It is not repeated where the platform might have published the text.
        """
        await self.apush_event("chunk", _validation.check_name("text", text))

    def get_files(self) -> list[Any]:
        """Return the PDF files of the input as Agno `File` objects, or their URLs where Agno is not installed.

        For example:

            pdfs = task.get_files()
        """
        from xpander_facade.tasks._attachments import FileKind, agno_files, urls_of

        return agno_files(urls_of(self.input, FileKind.Pdf))

    def get_images(self) -> list[Any]:
        """Return the images of the input as Agno `Image` objects, or their URLs where Agno is not installed.

        For example:

            images = task.get_images()
        """
        from xpander_facade.tasks._attachments import FileKind, agno_images, urls_of

        return agno_images(urls_of(self.input, FileKind.Image))

    def get_human_readable_files(self, *, limits: FileLimits | None = None) -> list[dict[str, str]]:
        """Fetch the text files of the input (CSV, JSON, Markdown, source code, ...) and return what they say.

        Files on private addresses are not fetched, unless the configuration has `allow_private_file_hosts`. The API key
        is not sent.

            for file in task.get_human_readable_files():
                print(file["url"], len(file["content"]))

        Args:
            limits: What the files may cost; by default each 15 s, 5 MB and 5 redirects, 8 at once, and all together 100
                files and 20 MB of text.

        Returns:
            One `url` and `content` for each text file, in order, also for one that is named twice. Where a file could
            not be read whole, the content is one sentence that says so, and the reason is in the log. Nothing with
            `disable_attachment_injection`.
        """
        from xpander_facade._downloads import fetch
        from xpander_facade.tasks._attachments import FileKind, file_entries, urls_of
        from xpander_facade.types.file_limits import FileLimits

        if self.disable_attachment_injection:
            return []
        urls = urls_of(self.input, FileKind.HumanReadable)
        texts = fetch.fetch_texts(self.configuration or Configuration(), urls, limits or FileLimits())
        return file_entries(urls, texts)

    async def aget_human_readable_files(self, *, limits: FileLimits | None = None) -> list[dict[str, str]]:
        """Fetch the text files of the input (CSV, JSON, Markdown, source code, ...) and return what they say.

        Files on private addresses are not fetched, unless the configuration has `allow_private_file_hosts`. The API key
        is not sent.

            for file in task.get_human_readable_files():
                print(file["url"], len(file["content"]))

        Args:
            limits: What the files may cost; by default each 15 s, 5 MB and 5 redirects, 8 at once, and all together 100
                files and 20 MB of text.

        Returns:
            One `url` and `content` for each text file, in order, also for one that is named twice. Where a file could
            not be read whole, the content is one sentence that says so, and the reason is in the log. Nothing with
            `disable_attachment_injection`.
        """
        from xpander_facade._downloads import fetch
        from xpander_facade.tasks._attachments import FileKind, file_entries, urls_of
        from xpander_facade.types.file_limits import FileLimits

        if self.disable_attachment_injection:
            return []
        urls = urls_of(self.input, FileKind.HumanReadable)
        texts = await fetch.afetch_texts(self.configuration or Configuration(), urls, limits or FileLimits())
        return file_entries(urls, texts)

    def to_message(
        self, retry_count: int = 0, with_timestamp: bool = False, *, limits: FileLimits | None = None
    ) -> str:
        """Return the message for the agent: the prompt, the URLs of its files, and what the text files say.

        On a retry with an active plan it goes on with a list of what is done and what is not, and the next item.

            print(task.to_message())

        Args:
            retry_count: How many attempts there were before this one.
            with_timestamp: End with the present time, in UTC.
            limits: What reading the files may cost.

        Raises:
            TypeError: `with_timestamp` is not a boolean.
            ValueError: `retry_count` is negative.
        """
        _validation.check_count("retry_count", retry_count)
        _validation.check_flag("with_timestamp", with_timestamp)
        contents = self.get_human_readable_files(limits=limits)
        return self._message(contents, retry_count) + (_timestamp() if with_timestamp else "")

    async def ato_message(
        self, retry_count: int = 0, with_timestamp: bool = False, *, limits: FileLimits | None = None
    ) -> str:
        """Return the message for the agent: the prompt, the URLs of its files, and what the text files say.

        On a retry with an active plan it goes on with a list of what is done and what is not, and the next item.

            print(task.to_message())

        Args:
            retry_count: How many attempts there were before this one.
            with_timestamp: End with the present time, in UTC.
            limits: What reading the files may cost.

        Raises:
            TypeError: `with_timestamp` is not a boolean.
            ValueError: `retry_count` is negative.
        """
        _validation.check_count("retry_count", retry_count)
        _validation.check_flag("with_timestamp", with_timestamp)
        contents = await self.aget_human_readable_files(limits=limits)
        return self._message(contents, retry_count) + (_timestamp() if with_timestamp else "")

    def compact_session_for_retry(
        self, custom_instructions: str | None = None, *, summarize: Summarize | None = None
    ) -> CompactRetryResult:
        """Write what matters of the session so far into `additional_context`, within 32 kB, and save the task.

        An earlier compacted context is replaced; the rest of the additional context stays. With fewer than three
        entries in the activity log there is nothing to do.

            outcome = task.compact_session_for_retry(summarize=lambda text: text[:200])
            print(outcome.compacted)

        Args:
            custom_instructions: What the next attempt is told besides; it stands once in the additional context.
            summarize: Takes the session as a text of at most 200 kB and returns a summary of it, which takes the place
                of the list of earlier calls; "platform" lets the platform's summariser shorten the 20 largest calls.
                Where it fails, the log says so, and the session is compacted without it. An async function needs
                `acompact_session_for_retry`.

        Returns:
            What was done. The tokens are estimates: one for every four bytes of the session and of what is kept of it.

        Raises:
            TypeError: `summarize` is not a function, or is async in the blocking form; nothing was saved.
            ValueError: `summarize` is an unknown word; nothing was sent. Or the task can't be saved, see `save`.
            ModuleException: The session could not be loaded, or the task not be saved.
        """
        from xpander_facade.tasks import _summaries
        from xpander_facade.tasks._compaction import session_of

        _summaries.check_summarize(summarize)
        _validation.check_text("custom_instructions", custom_instructions)
        session = session_of(self, self.get_activity_log())
        if session is None:
            return types.CompactRetryResult(compacted=False)
        configuration = self.configuration or Configuration()
        summary, call_summaries = _summaries.summaries(configuration, session, summarize)
        result = self._compact(session, summary, call_summaries)
        self._add_instructions(custom_instructions)
        self.save(only_changed=True)
        return result

    async def acompact_session_for_retry(
        self, custom_instructions: str | None = None, *, summarize: Summarize | None = None
    ) -> CompactRetryResult:
        """Write what matters of the session so far into `additional_context`, within 32 kB, and save the task.

        An earlier compacted context is replaced; the rest of the additional context stays. With fewer than three
        entries in the activity log there is nothing to do.

            outcome = task.compact_session_for_retry(summarize=lambda text: text[:200])
            print(outcome.compacted)

        Args:
            custom_instructions: What the next attempt is told besides; it stands once in the additional context.
            summarize: Takes the session as a text of at most 200 kB and returns a summary of it, which takes the place
                of the list of earlier calls; "platform" lets the platform's summariser shorten the 20 largest calls.
                Where it fails, the log says so, and the session is compacted without it. An async function needs
                `acompact_session_for_retry`.

        Returns:
            What was done. The tokens are estimates: one for every four bytes of the session and of what is kept of it.

        Raises:
            TypeError: `summarize` is not a function, or is async in the blocking form; nothing was saved.
            ValueError: `summarize` is an unknown word; nothing was sent. Or the task can't be saved, see `save`.
            ModuleException: The session could not be loaded, or the task not be saved.
        """
        from xpander_facade.tasks import _summaries
        from xpander_facade.tasks._compaction import session_of

        _summaries.check_summarize(summarize)
        _validation.check_text("custom_instructions", custom_instructions)
        session = session_of(self, await self.aget_activity_log())
        if session is None:
            return types.CompactRetryResult(compacted=False)
        configuration = self.configuration or Configuration()
        summary, call_summaries = await _summaries.asummaries(configuration, session, summarize)
        result = self._compact(session, summary, call_summaries)
        self._add_instructions(custom_instructions)
        await self.asave(only_changed=True)
        return result

    @classmethod
    def _reader(cls, configuration: Configuration | None) -> Callable[[Any], Self]:
        """Return what makes a task of an answer."""
        return lambda data: _serialization.structure(cls, data)._bind(data, configuration)

    def _bind(self, data: Any, configuration: Configuration | None) -> Self:
        """Keep what the platform said, to know later what was changed here, and what the task's calls use."""
        object.__setattr__(self, "_snapshot", data)
        object.__setattr__(self, "configuration", configuration)
        return self

    def _message(self, contents: list[dict[str, str]], retry_count: int) -> str:
        from xpander_facade.tasks._attachments import file_urls
        from xpander_facade.tasks._prompts import continuation_text, is_active, message_text

        message = message_text(self.input.text, file_urls(self.input), contents)
        # A worker that tries again an unfinished plan says here how often it did; its handler need not know.
        retry_count = retry_count or getattr(self, "_retries", 0)
        if retry_count and is_active(self.deep_planning):
            return continuation_text(message, self.deep_planning, retry_count, self.additional_context)
        return message

    def _add_instructions(self, instructions: str | None) -> None:
        context = self.additional_context or ""
        if instructions and instructions not in context:
            self.additional_context = f"{context}\n\n{instructions}" if context else instructions

    def _compact(self, session: Session, summary: str | None, call_summaries: Mapping[int, str]) -> CompactRetryResult:
        from xpander_facade.tasks._compaction import compacted, estimated_tokens, input_size, size, with_context

        block = compacted(session, summary, call_summaries)
        self.additional_context = with_context(self.additional_context, block)
        before, after = estimated_tokens(input_size(session)), estimated_tokens(size(block))
        return types.CompactRetryResult(True, input_tokens=before, output_tokens=after, total_tokens=before + after)

    def _save_request(
        self, with_deep_plan_update: bool, only_changed: bool, worker_id: str | None = None
    ) -> Request | None:
        """Return the request that saves this task, or None where nothing was changed."""
        self._check_whole()
        if not self._has_said_status():
            AgentExecutionStatus.warn_of_unknown("status", self.status)
        said = self._server_state() if only_changed else None
        return _requests.save_request(self, said, with_deep_plan_update=with_deep_plan_update, worker_id=worker_id)

    def _check_whole(self) -> None:
        """Refuse to save a task that came trimmed in an event."""
        if "_result_truncated" in self.extra:
            raise ValueError(
                "this task came trimmed in an event: call reload() before save(), or its result would be lost"
            )

    def _plan_following_status(self) -> PlanFollowingStatus:
        """Return whether the plan lets the task finish: open items count where it is enabled, started and enforced."""
        plan = self.deep_planning
        uncompleted = [item for item in plan.tasks if not item.completed]
        binding = plan.enabled and plan.started and plan.enforce
        return types.PlanFollowingStatus(can_finish=not (binding and uncompleted), uncompleted_tasks=uncompleted)

    def _check_streaming(self) -> None:
        if not self.events_streaming:
            raise ValueError("this task does not stream events: create it with events_streaming=True")


if not TYPE_CHECKING:  # a checker knows the attributes
    add_misnomers(Task, TASK)


def _event(task_id: str, type: TaskUpdateEventType | str, data: Any) -> TaskUpdateEvent:
    from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType

    if not isinstance(type, str) or not type.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"type must be the name of an event's type, such as 'process_update', not {type!r}")
    return TaskUpdateEvent(type=TaskUpdateEventType(type), task_id=task_id, data=data)


def _timestamp() -> str:
    from datetime import UTC, datetime

    return f"\n\nCurrent time: {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


class WaitTimeoutError(XpanderError, TimeoutError):
    """A task did not reach an end in the time it was given.

    It stands beside the task that it carries: a file of its own would have to import this one, and this one it.

        try:
            task.wait_until_done(timeout=30)
        except WaitTimeoutError as error:
            print(error.task.status)

    Attributes:
        task: The task as it was last seen.
    """

    task: Task

    def __init__(self, message: str, told: dict[str, Any] | None = None, /, *, task: Task | None = None) -> None:
        super().__init__(message, *([] if told is None else [told]))
        if task is not None:  # else it was made again of what a job runner has stored
            self.task = task


def _prepare_reader() -> None:
    from xpander_facade._serialization.codec import reader

    reader(Task)


on_preload(_prepare_reader)
