"""Own the part of Backend that records runs as they happen, and that leaves reports to the outbox."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade._resource import Module
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xpander_facade._requests.report import Report
    from xpander_facade.agents._agent import Agent
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.outbox._flush_result import FlushResult
    from xpander_facade.outbox._outbox import Outbox
    from xpander_facade.recorder._external_task import ExternalTask
    from xpander_facade.usage._usage import Tokens


class Recording(Module):
    """The part of Backend that records runs as they happen, and that leaves reports to the outbox."""

    def external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        *,
        report_start: bool = False,
        strict: bool = False,
        configuration: Configuration | None = None,
    ) -> ExternalTask:
        """Record a run that is executed here, and report it when it ends.

        What is returned is used in one of four ways: `with`, `async with`, as a decorator of functions (sync and
        async), and as a decorator of generators (sync and async). Each call of a decorated function is a run.

        The run's duration is measured. An exception that leaves it is reported as its failure, with the exception's
        text as result, and goes on. A report that fails is logged and counted, and changes nothing for the caller.

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. Not for decorators.
            input: What the run was asked; for a decorated function its first argument, unless given here.
            report_start: Report the run when it starts, too, under the same id.
            strict: Raise the error of a report that fails, unless the run itself has raised one.
            configuration: What to call with, instead of this object's configuration.

        Raises:
            TypeError: An argument has another type.
            ValueError: An id is empty.
        """
        from xpander_facade.recorder._external_task import ExternalTask, RunOptions

        options = RunOptions(
            configure=functools.partial(self._using, configuration),
            agent_id=_agent_of(agent_id, agent),
            id=None if id is None else _validation.check_id("id", id),
            input=_validation.check_text("input", input),
            report_start=_validation.check_flag("report_start", report_start),
            strict=_validation.check_flag("strict", strict),
        )
        return ExternalTask(options)

    def enqueue_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> str:
        """Leave a report to the outbox, which keeps it on disk until the platform has it, and return at once.

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. A later report of an id replaces one that waits.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
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
        from xpander_facade._requests.report import make_report
        from xpander_facade.recorder._delivery import check_ready

        configuration = configuration or self.configuration
        check_ready(configuration)
        _check_outbox(configuration)
        make = functools.partial(
            make_report,
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
        return _keep(configuration, make)

    async def aenqueue_external_task(
        self,
        agent_id: str | None = None,
        agent: Agent | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
        configuration: Configuration | None = None,
    ) -> str:
        """Leave a report to the outbox, which keeps it on disk until the platform has it, and return at once.

        Args:
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            agent: A loaded agent; goes before `agent_id`.
            id: The run's id; one is made where none is given. A later report of an id replaces one that waits.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
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
        from xpander_facade._requests.report import make_report
        from xpander_facade.recorder._delivery import check_ready

        configuration = configuration or self.configuration
        check_ready(configuration)
        _check_outbox(configuration)
        make = functools.partial(
            make_report,
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
        return await _akeep(configuration, make)

    def flush(self, timeout: float | None = None) -> FlushResult:
        """Send what waits in the outbox now, and return how that went. Without an outbox there is nothing to send.

        Args:
            timeout: Seconds to take at most, by default the configuration's `deadline`. A Lambda passes what it has
                left.

        Raises:
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or not finite.
        """
        from xpander_facade.outbox._flush_result import FlushResult
        from xpander_facade.recorder._delivery import has_outbox

        if timeout is not None:
            _validation.check_seconds("timeout", timeout)
        if not has_outbox(self.configuration):
            return FlushResult(sent=0, waiting=0, quarantined=0)
        return _outbox_of(self.configuration).flush(timeout)

    async def aflush(self, timeout: float | None = None) -> FlushResult:
        """Send what waits in the outbox now, and return how that went. Without an outbox there is nothing to send.

        Args:
            timeout: Seconds to take at most, by default the configuration's `deadline`. A Lambda passes what it has
                left.

        Raises:
            OutboxError: The file can't be read or written.
            ValueError: The timeout is negative or not finite.
        """
        from xpander_facade.outbox._flush_result import FlushResult
        from xpander_facade.recorder._delivery import has_outbox

        if timeout is not None:
            _validation.check_seconds("timeout", timeout)
        if not has_outbox(self.configuration):
            return FlushResult(sent=0, waiting=0, quarantined=0)
        return await _outbox_of(self.configuration).aflush(timeout)


def _agent_of(agent_id: object, agent: Agent | None) -> str | None:
    """Return the id of the agent that the arguments name, if any."""
    if agent is not None:
        agent_id = getattr(agent, "id", None)
        if not isinstance(agent_id, str):
            raise TypeError(f"agent must be an Agent, not {type(agent).__name__}: pass agent_id= for an id")
    if callable(agent_id):
        raise TypeError("agent_id must be a string, not a function: a decorator is written @backend.external_task()")
    return None if agent_id is None else _validation.check_id("agent_id", agent_id)


def _keep(configuration: Configuration, make: Callable[[], Report]) -> str:
    """Make a report, leave it to the outbox unless sending is disabled, and return the run's id."""
    report = make()
    return report.id if configuration.disabled else _outbox_of(configuration).enqueue(report)


async def _akeep(configuration: Configuration, make: Callable[[], Report]) -> str:
    """Do the same on a thread: a large response and the disk take their time, and the loop has none."""
    from xpander_facade.outbox._threads import in_thread

    return await in_thread(_keep, configuration, make)


def _outbox_of(configuration: Configuration) -> Outbox:
    from xpander_facade.outbox._outbox import Outbox

    return Outbox.of(configuration)


def _check_outbox(configuration: Configuration) -> None:
    if configuration.outbox is None:
        raise ConfigurationError(
            "no outbox: pass Configuration(outbox=...) or set XPANDER_OUTBOX to the path of a file"
        )
