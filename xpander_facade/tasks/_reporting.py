"""Reporting of runs that were executed outside the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from xpander_facade._requests.report import attach_report, make_report
from xpander_facade._serialization import codec
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.tasks._record import TaskRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xpander_facade.usage._usage import Tokens


class Reportable(TaskRecord):
    """The part of Task that records runs from elsewhere."""

    __slots__ = ()

    @classmethod
    def report_external_task(
        cls,
        configuration: Configuration | None = None,
        agent_id: str | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
    ) -> Self:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

        Args:
            configuration: What to call with; by default a new `Configuration()`.
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
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
        from xpander_facade import _client

        configuration = configuration or Configuration()
        report = make_report(
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
        with attach_report(report):
            return _client.send(configuration, report.request, cls._reader(configuration))

    @classmethod
    async def areport_external_task(
        cls,
        configuration: Configuration | None = None,
        agent_id: str | None = None,
        id: str | None = None,
        input: str | None = None,
        llm_response: Any = None,
        tokens: Tokens | Mapping[str, int] | None = None,
        is_success: bool = True,
        result: str | None = None,
        duration: float = 0,
        used_tools: Iterable[str] | None = None,
    ) -> Self:
        """Record a run that was executed outside the platform. The same `id` again updates the record.

        Args:
            configuration: What to call with; by default a new `Configuration()`.
            agent_id: The agent that the run counts for; by default the configuration's, else XPANDER_AGENT_ID.
            id: The run's id; one is made where none is given, so that the report can be repeated. The returned task's
                id is what counts.
            input: What the run was asked.
            llm_response: What the provider answered, any object; kept for debugging.
            tokens: Token usage, as `Tokens` or a mapping of its attributes.
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
        from xpander_facade import _client

        configuration = configuration or Configuration()
        report = make_report(
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
        with attach_report(report):
            return await _client.asend(configuration, report.request, cls._reader(configuration))

    @classmethod
    def _reader(cls, configuration: Configuration | None) -> Callable[[Any], Self]:
        """Return what makes a task of an answer."""
        return lambda data: codec.read(cls, data)._remember(data, configuration)
