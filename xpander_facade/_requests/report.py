"""Own the report of an external run: checked arguments in, request out, and errors that carry what was to be sent."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade import _validation
from xpander_facade._requests.generated import make_request
from xpander_facade._serialization import codec
from xpander_facade.errors import XpanderError
from xpander_facade.usage._usage import check_tokens

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from xpander_facade._client.request import Request
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.usage._usage import Tokens


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
    def request(self) -> Request:
        """The request. One that waits in an outbox needs none before it is sent."""
        return report_request(self.agent_id, self.body)


def report_request(agent_id: str, body: dict[str, Any] | bytes) -> Request:
    """Return the request that sends a report.

    Args:
        agent_id: The agent that the run counts for.
        body: The report; as bytes where it was redacted and cut before, such as one from an outbox.
    """
    from xpander_api.api.tasks import report_external_task
    from xpander_api.models.report_external_task_request import ReportExternalTaskRequest

    # The body is in the wire's form already; the generated model would only copy it.
    parts = report_external_task._get_kwargs(agent_id, body=ReportExternalTaskRequest())
    parts["json"] = body
    # The platform takes a second report of the same id as an update of the first one.
    return make_request("report_external_task", parts, idempotent=True, resource_id=agent_id)


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
    from xpander_facade._serialization.jsonable import Ready, to_jsonable

    if llm_response is not None and not isinstance(llm_response, Ready):
        from xpander_facade.usage._snapshots import snapshot

        limit = configuration.max_field_bytes
        llm_response = Ready(to_jsonable(llm_response, simplify=snapshot, limit=limit))

    whole: dict[str, Any] = {
        "id": _new_id() if id is None else _validation.check_id("id", id),
        "input": _validation.check_text("input", input),
        "llm_response": None if llm_response is None else llm_response.data,
        "tokens": codec.write(check_tokens(tokens)),
        "is_success": _validation.check_flag("is_success", is_success),
        "result": _validation.check_text("result", result),
        "duration": _validation.check_seconds("duration", duration),
        "used_tools": _validation.check_names("used_tools", used_tools),
    }
    body = {name: value for name, value in whole.items() if value is not None}
    if agent_id is None:
        with attach_report(Report("", body["id"], body)):
            agent_id = configuration.get_agent_id()
    return Report(_validation.check_id("agent_id", agent_id), body["id"], body)


@contextlib.contextmanager
def attach_report(report: Report) -> Generator[None]:
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
