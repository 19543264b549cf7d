"""Backend: report runs that are executed elsewhere, and start runs of agents."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from xpander_facade import _requests, _validation
from xpander_facade._process.imports import BATCHES, CALLS, OUTBOX, RECORDER, load
from xpander_facade._resource import ApiResource, check_configuration
from xpander_facade.errors import ConfigurationError
from xpander_facade.tasks._task import Task
from xpander_facade.tasks._tasks import Tasks
from xpander_facade.types.enums import OutputFormat, ThinkMode

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
    from typing import Literal

    from xpander_facade._requests.report import Report
    from xpander_facade.agents._agent import Agent
    from xpander_facade.batches._options import Table
    from xpander_facade.batches._result import BatchProgress, BatchResult, FailedRecord
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.outbox._flush_result import FlushResult
    from xpander_facade.outbox._outbox import Outbox
    from xpander_facade.recorder._attempts import Attempt, Joining
    from xpander_facade.recorder._control_flow import IgnoredExceptions
    from xpander_facade.recorder._external_task import ExternalTask
    from xpander_facade.recorder._run_options import RunOptions
    from xpander_facade.types.models import Attachment, MCPServerDetails, Principal, User
    from xpander_facade.usage._usage import TokenCounts


class Backend(ApiResource):
    """Report runs that were executed elsewhere, and start runs of agents.

        backend = Backend(Configuration(agent_id="agent-1"))
        backend.report_external_task(id="run-1", result="42")

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
    """

    def report_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

            task = backend.report_external_task(id="run-1", input="6 * 7?", result="42", duration=1.5)
            print(task.status)

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        load(CALLS)
        from xpander_facade.tasks._reporting import send_report

        configuration = self._acquire(configuration)
        report = _requests.make_report(
            configuration,
            agent_id=_agent_of(agent_id, agent),
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )
        return send_report(configuration, report, Task._reader(configuration))

    async def areport_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

            task = backend.report_external_task(id="run-1", input="6 * 7?", result="42", duration=1.5)
            print(task.status)

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The platform's record of the run.

        Raises:
            ConfigurationError: The key or the agent is missing; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: An id is empty, or a number negative or not finite; nothing was sent.
            ModuleException: The call failed; `error.report` is what was to be sent.
        """
        load(CALLS)
        from xpander_facade.tasks._reporting import asend_report

        configuration = self._acquire(configuration)
        report = _requests.make_report(
            configuration,
            agent_id=_agent_of(agent_id, agent),
            id=id,
            input=input,
            llm_response=llm_response,
            tokens=tokens,
            is_success=is_success,
            result=result,
            duration=duration,
            used_tools=used_tools,
        )
        return await asend_report(configuration, report, Task._reader(configuration))

    def report_many(
        self,
        records: Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]] | str | os.PathLike[str] | Table,
        *,
        concurrency: int = 16,
        on_error: Literal["collect", "raise"] = "collect",
        rate: float | str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        batch_id: str | None = None,
        columns: Mapping[str, str] | None = None,
        progress: Callable[[BatchProgress], object] | None = None,
        on_failed: Callable[[FailedRecord], object] | None = None,
        dry_run: bool = False,
        configuration: Configuration | None = None,
    ) -> BatchResult:
        """Report many runs that were executed elsewhere, several at the same time, in bounded memory.

        Give a checkpoint, and a batch that was killed is begun again with the same call: what the platform has is not
        sent again. A failed record is collected, and the others go on; a wrong key, or a platform that is away for
        longer than the configuration's `deadline`, stops the batch. The platform gives a run the time of its report:
        `time` of a record is kept in `llm_response["_run"]["metadata"]` alone.

            records = [{"id": f"run-{number}", "input": "6 * 7?", "result": "42"} for number in range(100)]
            result = backend.report_many(records, rate="90/second")
            print(result.sent, result.failed_count)

        Args:
            records: Mappings whose keys are the arguments of `report_external_task`, and `time`: an iterable, for
                `areport_many` also an async one; the path of a .jsonl, .csv or .parquet file; a data frame or table of
                Arrow. Parquet and tables need the extra `[backfill]`. A key such as `tokens.prompt_tokens` is one
                within `tokens`. A record without an id gets one from its content and how many equal ones came before.
            concurrency: How many reports are on their way at the same time, up to 100.
            on_error: "collect" failed records in the result, or "raise" the first one's error in a `BatchError`.
            rate: Reports a second at most: a number, or a text such as "90/minute". A wait that the platform asks for
                holds up all.
            checkpoint: The path of a file that remembers by its id what the platform took; made if it is not there.
            batch_id: What tells equal records of different batches apart, where ids are made; by default the path of
                the file, else a new one.
            columns: By key of a report, the column that holds it: `{"input": "question"}`. Other columns are taken
                where they are named as a key, and ignored otherwise. Without it, an unknown key fails its record.
            progress: Called with a `BatchProgress`, a few times a second, at the start and at the end.
            on_failed: Called with each `FailedRecord`; the result holds the first 1,000.
            dry_run: Read and check all records, and send nothing.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            What was sent, what was skipped, and what failed and why.

        Raises:
            BatchError: The batch stopped before its end; `result` says what was done, `__cause__` why. Or the file, or
                the checkpoint, can't be used.
            ConfigurationError: The key or the agent is missing, or `rate` is none; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: `concurrency` is out of range; nothing was sent.

        Example:
            >>> result = backend.report_many("runs.jsonl", rate="90/minute", checkpoint="runs.db")  # doctest: +SKIP
            >>> [str(failed) for failed in result.failed]  # doctest: +SKIP
            ['runs.jsonl, line 17: duration must be a number of seconds']
        """
        load(CALLS, BATCHES)
        from xpander_facade.batches._drivers import send_batch
        from xpander_facade.batches._options import make_options

        options = make_options(
            self._acquire(configuration),
            concurrency=concurrency,
            on_error=on_error,
            rate=rate,
            checkpoint=checkpoint,
            batch_id=batch_id,
            columns=columns,
            progress=progress,
            on_failed=on_failed,
            dry_run=dry_run,
        )
        return send_batch(options, records)

    async def areport_many(
        self,
        records: Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]] | str | os.PathLike[str] | Table,
        *,
        concurrency: int = 16,
        on_error: Literal["collect", "raise"] = "collect",
        rate: float | str | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        batch_id: str | None = None,
        columns: Mapping[str, str] | None = None,
        progress: Callable[[BatchProgress], object] | None = None,
        on_failed: Callable[[FailedRecord], object] | None = None,
        dry_run: bool = False,
        configuration: Configuration | None = None,
    ) -> BatchResult:
        """Report many runs that were executed elsewhere, several at the same time, in bounded memory.

        Give a checkpoint, and a batch that was killed is begun again with the same call: what the platform has is not
        sent again. A failed record is collected, and the others go on; a wrong key, or a platform that is away for
        longer than the configuration's `deadline`, stops the batch. The platform gives a run the time of its report:
        `time` of a record is kept in `llm_response["_run"]["metadata"]` alone.

            records = [{"id": f"run-{number}", "input": "6 * 7?", "result": "42"} for number in range(100)]
            result = backend.report_many(records, rate="90/second")
            print(result.sent, result.failed_count)

        Args:
            records: Mappings whose keys are the arguments of `report_external_task`, and `time`: an iterable, for
                `areport_many` also an async one; the path of a .jsonl, .csv or .parquet file; a data frame or table of
                Arrow. Parquet and tables need the extra `[backfill]`. A key such as `tokens.prompt_tokens` is one
                within `tokens`. A record without an id gets one from its content and how many equal ones came before.
            concurrency: How many reports are on their way at the same time, up to 100.
            on_error: "collect" failed records in the result, or "raise" the first one's error in a `BatchError`.
            rate: Reports a second at most: a number, or a text such as "90/minute". A wait that the platform asks for
                holds up all.
            checkpoint: The path of a file that remembers by its id what the platform took; made if it is not there.
            batch_id: What tells equal records of different batches apart, where ids are made; by default the path of
                the file, else a new one.
            columns: By key of a report, the column that holds it: `{"input": "question"}`. Other columns are taken
                where they are named as a key, and ignored otherwise. Without it, an unknown key fails its record.
            progress: Called with a `BatchProgress`, a few times a second, at the start and at the end.
            on_failed: Called with each `FailedRecord`; the result holds the first 1,000.
            dry_run: Read and check all records, and send nothing.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            What was sent, what was skipped, and what failed and why.

        Raises:
            BatchError: The batch stopped before its end; `result` says what was done, `__cause__` why. Or the file, or
                the checkpoint, can't be used.
            ConfigurationError: The key or the agent is missing, or `rate` is none; nothing was sent.
            TypeError: An argument has another type; nothing was sent.
            ValueError: `concurrency` is out of range; nothing was sent.

        Example:
            >>> result = backend.report_many("runs.jsonl", rate="90/minute", checkpoint="runs.db")  # doctest: +SKIP
            >>> [str(failed) for failed in result.failed]  # doctest: +SKIP
            ['runs.jsonl, line 17: duration must be a number of seconds']
        """
        load(CALLS, BATCHES)
        from xpander_facade.batches._drivers import asend_batch
        from xpander_facade.batches._options import make_options

        options = make_options(
            self._acquire(configuration),
            concurrency=concurrency,
            on_error=on_error,
            rate=rate,
            checkpoint=checkpoint,
            batch_id=batch_id,
            columns=columns,
            progress=progress,
            on_failed=on_failed,
            dry_run=dry_run,
        )
        return await asend_batch(options, records)

    def external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | Callable[..., str | None] | None = None,
        input: str | None = None,
        *,
        attempt: Attempt | Callable[..., Attempt] = None,
        attempts: Joining | None = None,
        report_start: bool = False,
        strict: bool = False,
        ignore: IgnoredExceptions = (),
        configuration: Configuration | None = None,
    ) -> ExternalTask:
        """Record a run that is executed here, and report it when it ends.

        What is returned is used in one of four ways: `with`, `async with`, as a decorator of functions (sync and
        async), and as a decorator of generators (sync and async). Each call of a decorated function is a run.

        The run's duration is measured. An exception that leaves it is reported as its failure, with the exception's
        text as result, and goes on. A report that fails is logged and counted, and changes nothing for the caller.

            with backend.external_task(id="run-1", input="6 * 7?") as run:
                run.result = "42"

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. For a decorated function, what gives the id of a call for
                its arguments: `id=lambda job: job.key`.
            input: What the run was asked; for a decorated function its first argument, unless given here.
            attempt: Which attempt this is, where a job runner tries a job again under the same id: a number or a name.
                For a decorated function it can be what gives it for the arguments of a call. None: not told; the record
                is that of the run which ended last.
            attempts: How the attempts of one id are joined, where `attempt` is given. "sum", the default: tokens and
                duration are those of all attempts together, outcome and result those of the latest. "last": all of them
                are those of the attempt that ended last. "separate": each is a record of its own, "<id>#<attempt>".
                An attempt that is reported again replaces what was reported of it.
            report_start: Report the run when it starts, too, under the same id.
            strict: Raise the error of a report that fails, unless the run itself has raised one.
            ignore: Exceptions that are not failures: classes, or their names as "module.Class"; a run that one of them
                leaves is not reported. A mapping from them to "success", "unfinished" (the run goes on later) or
                "ignored" says what else they are. Those by which known job runners and frameworks steer, and
                `sys.exit(0)`, are known.
            configuration: What to call with, instead of this object's configuration.

        Raises:
            TypeError: An argument has another type.
            ValueError: An id is empty, `attempt` is given without an id, or `ignore` names an exception without its
                module.
        """
        make_run, make_options = _recorder()
        options = make_options(
            functools.partial(self._acquire, configuration),
            agent_id=_agent_of(agent_id, agent),
            id=id,
            input=input,
            report_start=report_start,
            strict=strict,
            ignore=ignore,
            attempt=attempt,
            attempts=attempts,
        )
        return make_run(options)

    def enqueue_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> str:
        """Leave a report to the outbox, which keeps it on disk until the platform has it, and return at once.

            run_id = backend.enqueue_external_task(id="run-1", result="42")

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. A later report of an id replaces one that waits.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The run's id.

        Raises:
            ConfigurationError: The outbox, the key or the agent is missing; nothing was kept.
            TypeError: An argument has another type; nothing was kept.
            ValueError: An id is empty, or a number negative or not finite; nothing was kept.
            OutboxError: The file can't be written, or (OutboxFullError) is full; `error.report` is what was not kept.
        """
        load(CALLS, OUTBOX)
        configuration = check_configuration(configuration) or self.configuration
        agent_id = _agent_of(agent_id, agent)
        configuration.check_complete(agent=agent_id is None)
        _check_outbox(configuration)
        # Made by `_keep`, which the async form calls on a thread.
        return _keep(
            configuration,
            lambda: _requests.make_report(
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
            ),
        )

    async def aenqueue_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: TokenCounts | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> str:
        """Leave a report to the outbox, which keeps it on disk until the platform has it, and return at once.

            run_id = backend.enqueue_external_task(id="run-1", result="42")

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. A later report of an id replaces one that waits.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage: `Tokens`, a mapping of its attributes, or a provider's `response.usage`.
            is_success: Whether the run succeeded; sets the task's status.
            result: The run's result.
            duration: Wall-clock seconds.
            used_tools: Names of the tools that the run called.
            configuration: What to call with, instead of this object's configuration.

        Returns:
            The run's id.

        Raises:
            ConfigurationError: The outbox, the key or the agent is missing; nothing was kept.
            TypeError: An argument has another type; nothing was kept.
            ValueError: An id is empty, or a number negative or not finite; nothing was kept.
            OutboxError: The file can't be written, or (OutboxFullError) is full; `error.report` is what was not kept.
        """
        load(CALLS, OUTBOX)
        configuration = check_configuration(configuration) or self.configuration
        agent_id = _agent_of(agent_id, agent)
        configuration.check_complete(agent=agent_id is None)
        _check_outbox(configuration)
        return await _akeep(
            configuration,
            lambda: _requests.make_report(
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
            ),
        )

    def flush(self, timeout: float | None = None) -> FlushResult:
        """Send what waits in the outbox now, and return how that went. Without an outbox there is nothing to send.

            outcome = backend.flush(timeout=5)
            print(outcome.waiting)

        Args:
            timeout: Seconds to take at most, by default the configuration's `deadline`. A Lambda passes what it has
                left.

        Raises:
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or not finite.
        """
        load(CALLS, RECORDER, OUTBOX)
        from xpander_facade.outbox._flush_result import FlushResult
        from xpander_facade.recorder._delivery import has_outbox

        if timeout is not None:
            _validation.check_seconds("timeout", timeout)
        if not has_outbox(self.configuration):
            return FlushResult(sent=0, waiting=0, quarantined=0)
        return _outbox_of(self.configuration).flush(timeout)

    async def aflush(self, timeout: float | None = None) -> FlushResult:
        """Send what waits in the outbox now, and return how that went. Without an outbox there is nothing to send.

            outcome = backend.flush(timeout=5)
            print(outcome.waiting)

        Args:
            timeout: Seconds to take at most, by default the configuration's `deadline`. A Lambda passes what it has
                left.

        Raises:
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or not finite.
        """
        load(CALLS, RECORDER, OUTBOX)
        from xpander_facade.outbox._flush_result import FlushResult
        from xpander_facade.recorder._delivery import has_outbox

        if timeout is not None:
            _validation.check_seconds("timeout", timeout)
        if not has_outbox(self.configuration):
            return FlushResult(sent=0, waiting=0, quarantined=0)
        return await _outbox_of(self.configuration).aflush(timeout)

    def get_args(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        agent_version: str | int | None = None,
        task: Task | None = None,
        override: dict[str, Any] | None = None,
        tools: Sequence[Any] | None = None,
        auth_events_callback: Callable[..., Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `agno.agent.Agent(**args)` takes to be an agent of the platform. Needs the extra `[agno]`.

        The agent's tools call the platform, and a task is told of each call; its knowledge bases become a retriever,
        its MCP servers toolkits, its model one of Agno's. What can't be used from here is left out, with a line for
        the model and one in the log. `get_args` is for `Agent.run`, `aget_args` for `Agent.arun`;
        the latter takes `is_async` for compatibility, and ignores it.

            arguments = await backend.aget_args(agent_id=task.agent_id, task=task)
            result = await agno.agent.Agent(**arguments).arun(input=task.to_message())

        Args:
            agent_id: The agent; by default the task's, else the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            agent_version: The version of the agent that is loaded; by default the task's, else the deployed one.
            task: The task that the run is for: what it says of the model, the output and the instructions goes before
                what the agent says. Its `used_tools` grow as tools are called.
            override: Laid over the result. With `model` no model is made; with `db` the conversation is kept there.
            tools: Tools of your own, as Agno takes them.
            auth_events_callback: Never called, since an MCP server that needs a login is left out.

        Raises:
            ConfigurationError: There is no agent, no key, no such provider, or a package is missing; the text names the
                remedy.
            TypeError: An argument has another type; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: A call failed otherwise.
        """
        from xpander_facade._agno import arguments

        inputs = arguments.check_inputs(
            self._acquire(),
            agent_id=agent_id,
            agent=agent,
            agent_version=agent_version,
            task=task,
            override=override,
            tools=tools,
            auth_events_callback=auth_events_callback,
        )
        return arguments.get_args(inputs)

    async def aget_args(  # noqa: D417 (`is_async` is explained where both are)
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        agent_version: str | int | None = None,
        task: Task | None = None,
        override: dict[str, Any] | None = None,
        tools: Sequence[Any] | None = None,
        is_async: bool = True,
        auth_events_callback: Callable[..., Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `agno.agent.Agent(**args)` takes to be an agent of the platform. Needs the extra `[agno]`.

        The agent's tools call the platform, and a task is told of each call; its knowledge bases become a retriever,
        its MCP servers toolkits, its model one of Agno's. What can't be used from here is left out, with a line for
        the model and one in the log. `get_args` is for `Agent.run`, `aget_args` for `Agent.arun`;
        the latter takes `is_async` for compatibility, and ignores it.

            arguments = await backend.aget_args(agent_id=task.agent_id, task=task)
            result = await agno.agent.Agent(**arguments).arun(input=task.to_message())

        Args:
            agent_id: The agent; by default the task's, else the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            agent_version: The version of the agent that is loaded; by default the task's, else the deployed one.
            task: The task that the run is for: what it says of the model, the output and the instructions goes before
                what the agent says. Its `used_tools` grow as tools are called.
            override: Laid over the result. With `model` no model is made; with `db` the conversation is kept there.
            tools: Tools of your own, as Agno takes them.
            auth_events_callback: Never called, since an MCP server that needs a login is left out.

        Raises:
            ConfigurationError: There is no agent, no key, no such provider, or a package is missing; the text names the
                remedy.
            TypeError: An argument has another type; nothing was sent.
            NotFoundError: There is no such agent.
            ModuleException: A call failed otherwise.
        """
        from xpander_facade._agno import arguments

        inputs = arguments.check_inputs(
            self._acquire(),
            agent_id=agent_id,
            agent=agent,
            agent_version=agent_version,
            task=task,
            override=override,
            tools=tools,
            auth_events_callback=auth_events_callback,
        )
        return await arguments.aget_args(inputs)

    def invoke_agent(
        self,
        agent_id: str | None = None,
        prompt: str = "",
        *,
        existing_task_id: str | None = None,
        file_urls: Sequence[str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        user_details: User | None = None,
        principal: Principal | None = None,
        agent_version: str | int | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = "sdk",
        worker_id: str | None = None,
        output_format: OutputFormat | str | None = None,
        output_schema: dict[str, Any] | None = None,
        run_locally: bool = False,
        events_streaming: bool = False,
        additional_context: str | None = None,
        instructions_override: str | None = None,
        test_run_node_id: str | None = None,
        user_oidc_token: str | None = None,
        expected_output: str | None = None,
        mcp_servers: Sequence[MCPServerDetails] | None = None,
        triggering_agent_id: str | None = None,
        title: str | None = None,
        think_mode: ThinkMode | str = ThinkMode.Default,
        disable_attachment_injection: bool = False,
        tool_call_limit: int | None = None,
        user_tokens: dict[str, Any] | None = None,
        return_metrics: bool = False,
        llm_model_provider: str | None = None,
        llm_model_name: str | None = None,
        llm_reasoning_effort: str | None = None,
        harness_cli: str | None = None,
        permission_mode: str | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Create a task of an agent without loading the agent.

        A prompt that is a JSON object with `xpander_task_id` loads that task instead.

        Arguments as `Tasks.create`; `configuration` is what to call with, instead of this object's configuration.
        """
        existing = _task_named_by(prompt)
        if existing is not None:
            return Task.load(existing, self._acquire(configuration))
        try:
            return Tasks(self._acquire(configuration)).create(
                agent_id,
                prompt=prompt,
                existing_task_id=existing_task_id,
                file_urls=file_urls,
                attachments=attachments,
                user_details=user_details,
                principal=principal,
                agent_version=agent_version,
                tool_call_payload_extension=tool_call_payload_extension,
                source=source,
                worker_id=worker_id,
                output_format=output_format,
                output_schema=output_schema,
                run_locally=run_locally,
                events_streaming=events_streaming,
                additional_context=additional_context,
                instructions_override=instructions_override,
                test_run_node_id=test_run_node_id,
                user_oidc_token=user_oidc_token,
                expected_output=expected_output,
                mcp_servers=mcp_servers,
                triggering_agent_id=triggering_agent_id,
                title=title,
                think_mode=think_mode,
                disable_attachment_injection=disable_attachment_injection,
                tool_call_limit=tool_call_limit,
                user_tokens=user_tokens,
                return_metrics=return_metrics,
                llm_model_provider=llm_model_provider,
                llm_model_name=llm_model_name,
                llm_reasoning_effort=llm_reasoning_effort,
                harness_cli=harness_cli,
                permission_mode=permission_mode,
            )
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens

    async def ainvoke_agent(
        self,
        agent_id: str | None = None,
        prompt: str = "",
        *,
        existing_task_id: str | None = None,
        file_urls: Sequence[str] | None = None,
        attachments: Sequence[Attachment] | None = None,
        user_details: User | None = None,
        principal: Principal | None = None,
        agent_version: str | int | None = None,
        tool_call_payload_extension: dict[str, Any] | None = None,
        source: str | None = "sdk",
        worker_id: str | None = None,
        output_format: OutputFormat | str | None = None,
        output_schema: dict[str, Any] | None = None,
        run_locally: bool = False,
        events_streaming: bool = False,
        additional_context: str | None = None,
        instructions_override: str | None = None,
        test_run_node_id: str | None = None,
        user_oidc_token: str | None = None,
        expected_output: str | None = None,
        mcp_servers: Sequence[MCPServerDetails] | None = None,
        triggering_agent_id: str | None = None,
        title: str | None = None,
        think_mode: ThinkMode | str = ThinkMode.Default,
        disable_attachment_injection: bool = False,
        tool_call_limit: int | None = None,
        user_tokens: dict[str, Any] | None = None,
        return_metrics: bool = False,
        llm_model_provider: str | None = None,
        llm_model_name: str | None = None,
        llm_reasoning_effort: str | None = None,
        harness_cli: str | None = None,
        permission_mode: str | None = None,
        configuration: Configuration | None = None,
    ) -> Task:
        """Create a task of an agent without loading the agent.

        A prompt that is a JSON object with `xpander_task_id` loads that task instead.

        Arguments as `Tasks.create`; `configuration` is what to call with, instead of this object's configuration.
        """
        existing = _task_named_by(prompt)
        if existing is not None:
            return await Task.aload(existing, self._acquire(configuration))
        try:
            return await Tasks(self._acquire(configuration)).acreate(
                agent_id,
                prompt=prompt,
                existing_task_id=existing_task_id,
                file_urls=file_urls,
                attachments=attachments,
                user_details=user_details,
                principal=principal,
                agent_version=agent_version,
                tool_call_payload_extension=tool_call_payload_extension,
                source=source,
                worker_id=worker_id,
                output_format=output_format,
                output_schema=output_schema,
                run_locally=run_locally,
                events_streaming=events_streaming,
                additional_context=additional_context,
                instructions_override=instructions_override,
                test_run_node_id=test_run_node_id,
                user_oidc_token=user_oidc_token,
                expected_output=expected_output,
                mcp_servers=mcp_servers,
                triggering_agent_id=triggering_agent_id,
                title=title,
                think_mode=think_mode,
                disable_attachment_injection=disable_attachment_injection,
                tool_call_limit=tool_call_limit,
                user_tokens=user_tokens,
                return_metrics=return_metrics,
                llm_model_provider=llm_model_provider,
                llm_model_name=llm_model_name,
                llm_reasoning_effort=llm_reasoning_effort,
                harness_cli=harness_cli,
                permission_mode=permission_mode,
            )
        finally:
            # Tracebacks can show variables, and these are secret.
            del user_oidc_token, user_tokens


def _agent_of(agent_id: object, agent: Agent | None) -> str | None:
    """Return the id of the agent that the arguments name, if any."""
    if agent is None and type(agent_id) is str:  # as mostly
        return _validation.check_agent_id(agent_id, instead="input")
    if agent is not None:
        agent_id = getattr(agent, "id", None)
        if not isinstance(agent_id, str):
            raise TypeError(f"agent must be an Agent, not {type(agent).__name__}: pass agent_id= for an id")
        return _validation.check_id("agent.id", agent_id)
    # `@backend.external_task` without parentheses passes the function here.
    if callable(agent_id):
        raise TypeError("agent_id must be a string, not a function: a decorator is written @backend.external_task()")
    if isinstance(getattr(agent_id, "id", None), str):
        raise TypeError(f"agent_id must be a string, not {type(agent_id).__name__}: pass agent= for an agent")
    return None if agent_id is None else _validation.check_agent_id(agent_id, instead="input")


@functools.cache  # an import for each run would cost as much as the rest of its making
def _recorder() -> tuple[Callable[[RunOptions], ExternalTask], Callable[..., RunOptions]]:
    load(RECORDER)
    from xpander_facade.recorder._external_task import ExternalTask
    from xpander_facade.recorder._run_options import make_options

    return ExternalTask, make_options


def _keep(configuration: Configuration, make: Callable[[], Report]) -> str:
    """Make a report, leave it to the outbox unless sending is disabled, and return the run's id."""
    report = make()
    return report.id if configuration.disabled else _outbox_of(configuration).enqueue(report)


async def _akeep(configuration: Configuration, make: Callable[[], Report]) -> str:
    """Do the same on a thread: a large response and the disk take their time, and the loop has none."""
    from xpander_facade._process.threads import in_thread

    return await in_thread(_keep, configuration, make)


def _outbox_of(configuration: Configuration) -> Outbox:
    return _outbox_class().of(configuration)


@functools.cache  # each report that is left to an outbox comes through here
def _outbox_class() -> type[Outbox]:
    from xpander_facade.outbox._outbox import Outbox

    return Outbox


def _check_outbox(configuration: Configuration) -> None:
    if configuration.outbox is None:
        raise ConfigurationError(
            "no outbox: pass outbox=True or the path of a file, or set XPANDER_OUTBOX to true or to the path"
        )


def _task_named_by(prompt: str) -> str | None:
    """Return the id of the task that a prompt stands for: a JSON object with `xpander_task_id`; else None."""
    if not (_validation.check_text("prompt", prompt) or "").lstrip().startswith("{"):
        return None
    import json

    try:
        data = json.loads(prompt)
    except (ValueError, RecursionError):
        return None
    task_id = data.get("xpander_task_id")
    return task_id if isinstance(task_id, str) and task_id else None
