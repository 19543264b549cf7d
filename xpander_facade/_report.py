"""Own the report of an external run: checked arguments in, request out, and errors that carry what was to be sent."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import attrs

from xpander_facade import _checks, _codec
from xpander_facade._task_record import TaskRecord
from xpander_facade.configuration import Configuration
from xpander_facade.errors import XpanderError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from xpander_facade.models import Tokens


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
        from xpander_facade import _http

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
        with carried(report):
            return _http.send(configuration, report.request, _http.Repeat.ALWAYS, cls._reader(configuration))

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
        from xpander_facade import _http

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
        with carried(report):
            return await _http.asend(configuration, report.request, _http.Repeat.ALWAYS, cls._reader(configuration))

    @classmethod
    def _reader(cls, configuration: Configuration | None) -> Callable[[Any], Self]:
        """Return what makes a task of an answer."""
        return lambda data: _codec.read(cls, data)._remember(data, configuration)


@attrs.frozen
class Report:
    """One report, ready to send.

    Args:
        agent_id: The agent that the run counts for.
        id: The run's id; made here where the caller gave none, so that the report can be repeated.
        body: What is sent, as JSON-ready data.
    """

    agent_id: str
    id: str
    body: dict[str, Any]

    @property
    def request(self) -> Mapping[str, Any]:
        """The generated request. One that waits in an outbox needs none before it is sent."""
        from xpander_api.api.tasks import report_external_task
        from xpander_api.models.report_external_task_request import ReportExternalTaskRequest

        # The body is in the wire's form already; the generated model would only copy it.
        kwargs = report_external_task._get_kwargs(self.agent_id, body=ReportExternalTaskRequest())
        return {**kwargs, "json": self.body}


def make_report(
    configuration: Configuration,
    *,
    agent_id: str | None,
    id: str | None,
    input: str | None,
    llm_response: Any,
    tokens: Tokens | Mapping[str, int] | None,
    is_success: bool,
    result: str | None,
    duration: float,
    used_tools: Iterable[str] | None,
) -> Report:
    """Check the arguments of a report and make it.

    Raises:
        ConfigurationError: There is no agent.
        TypeError: An argument has another type.
        ValueError: An id is empty, the duration negative or not finite, a token count negative.
    """
    from xpander_facade._plain import plain

    whole: dict[str, Any] = {
        "id": _new_id() if id is None else _checks.check_id("id", id),
        "input": _checks.check_text("input", input),
        "llm_response": None if llm_response is None else plain(llm_response),
        "tokens": _codec.write(_checks.check_tokens(tokens)),
        "is_success": _checks.check_flag("is_success", is_success),
        "result": _checks.check_text("result", result),
        "duration": _checks.check_seconds("duration", duration),
        "used_tools": _checks.check_names("used_tools", used_tools),
    }
    body = {name: value for name, value in whole.items() if value is not None}
    if agent_id is None:
        with carried(Report("", body["id"], body)):
            agent_id = configuration.get_agent_id()
    return Report(_checks.check_id("agent_id", agent_id), body["id"], body)


@contextlib.contextmanager
def carried(report: Report) -> Generator[None]:
    """Give every error of a report the report itself, so that the caller can repeat it."""
    try:
        yield
    except XpanderError as error:
        error.task_id = report.id
        error.report = report.body
        raise


def _new_id() -> str:
    import uuid

    return f"ext-{uuid.uuid4()}"
