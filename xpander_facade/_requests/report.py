"""Reports of external runs: checked arguments in, request out, and errors that carry what was to be sent."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade import _validation
from xpander_facade._client.request import Request
from xpander_facade._process.imports import OBJECTS, load
from xpander_facade._serialization.codec import DecodeError
from xpander_facade._serialization.redaction import redact_body
from xpander_facade.errors import XpanderError
from xpander_facade.usage._tokens import check_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from xpander_api.models.report_external_task_request import ReportExternalTaskRequest
    from xpander_api.types import Unset

    from xpander_facade._serialization.redaction import Redactor
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.usage._tokens import Tokens
    from xpander_facade.usage._usage import TokenCounts


@attrs.define(eq=False, repr=False)
class Report:
    """One report, ready to send. Nobody changes it.

    Args:
        agent_id: The agent that the run counts for.
        id: The run's id; made here where the caller gave none, so that the report can be repeated.
        body: What is sent, as JSON-ready data.
    """

    agent_id: str
    id: str
    body: dict[str, Any] = attrs.field(repr=False)

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
    method, path = _route(agent_id)
    return Request(
        operation="report_external_task",
        method=method,
        path=path,
        body=body,
        idempotent=True,  # the platform takes a second report of the same id as an update of the first one
        resource_id=agent_id,
    )


@functools.lru_cache(maxsize=16)  # each report of an agent goes the same way
def _route(agent_id: str) -> tuple[str, str]:
    from xpander_api.api import tasks as operations

    method, path = operations.report_external_task_route(agent_id)
    return method, path


def check_taken(answer: Any) -> None:
    """Check that an answer to a report is the record of a run; any other has taken nothing.

    A login page answers 200, and so does a gateway's own JSON in the midst of maintenance.

    Raises:
        DecodeError: It is something else.
    """
    if not isinstance(answer, dict):
        raise DecodeError(f"expected a task, not {type(answer).__name__}")
    id = cast("dict[str, Any]", answer).get("id")
    if not isinstance(id, str) or not id:
        raise DecodeError("expected a task, but the response has no id")


def make_report(
    configuration: Configuration,
    *,
    agent_id: str | None,
    id: str | None,
    input: str | None,
    llm_response: Any,
    tokens: TokenCounts | None,
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
    request, members, tokens_members, unset = _generated()
    # Cut as it is copied: a response can hold many times of what is sent of it.
    response = None if llm_response is None else _copier()(llm_response, limit=configuration.max_field_bytes)
    run_id = new_id() if id is None else _validation.check_id("id", id)
    counts = check_tokens(tokens)
    # Each run comes through here twice: what is not given is not looked at.
    model = request(
        id=run_id,
        input_=input if type(input) is str else unset if input is None else _validation.check_text("input", input),
        llm_response=unset if response is None else response,
        tokens=unset if counts is None else tokens_members(counts),
        is_success=is_success is True or _validation.check_flag("is_success", is_success),
        result=result if type(result) is str else unset if result is None else _validation.check_text("result", result),
        duration=_validation.check_seconds("duration", duration),
        used_tools=_validation.check_names("used_tools", used_tools),
    )
    body = members(model)
    if agent_id is None:
        # Without an agent there is no report yet, and the error carries what was to be in it all the same.
        with attach_report(Report("", run_id, body), configuration.redact):
            agent_id = configuration.get_agent_id()
    return Report(_validation.check_id("agent_id", agent_id), run_id, body)


def make_start(agent_id: str, id: str | None, input: str | None) -> Report:
    """Make the report of a run that has begun, of which no more is known; arguments as `make_report`."""
    request, members, _, unset = _generated()
    run_id = new_id() if id is None else _validation.check_id("id", id)
    told = input if type(input) is str else unset if input is None else _validation.check_text("input", input)
    model = request(id=run_id, input_=told, is_success=True, duration=0.0, used_tools=[])
    return Report(_validation.check_id("agent_id", agent_id), run_id, members(model))


@contextlib.contextmanager
def attach_report(report: Report, redact: Redactor | None) -> Generator[None]:
    """Give every error of a report the report itself, as it was to leave, so that the caller can repeat it."""
    try:
        yield
    except XpanderError as error:
        attach_to(error, report, redact)
        raise


def attach_to(error: XpanderError, report: Report, redact: Redactor | None) -> None:
    """Give an error of a report the report itself, as `attach_report` does."""
    error.task_id = report.id
    if error.report is None:  # else the call has seen to it
        # Uncut, for whoever repeats the report: that call cuts it.
        error.report = redact_body(report.body, redact, sys.maxsize)


@functools.cache  # with this module they would load the generated client for whoever only names the recorder's classes
def _generated() -> tuple[
    type[ReportExternalTaskRequest],
    Callable[[Any], dict[str, Any]],
    Callable[[Tokens], Any],
    Unset,
]:
    from xpander_api.models.report_external_task_request import ReportExternalTaskRequest
    from xpander_api.types import UNSET

    from xpander_facade._requests.bodies import members, tokens_members

    return ReportExternalTaskRequest, members, tokens_members, UNSET


@functools.cache  # for each report an import would cost as much as the copy of a small response
def _copier() -> Callable[..., Any]:
    load(OBJECTS)
    from xpander_facade._serialization.jsonable import to_jsonable
    from xpander_facade.usage._snapshots import snapshot

    return functools.partial(to_jsonable, simplify=snapshot)


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def new_id() -> str:
    """Return an id for a run: a UUID of version 7 (RFC 9562), whose first 60 bits are the time.

    Ids that follow each other in time follow each other in the index of an outbox's file, too, so that storing one
    writes fewer pages. `uuid.uuid7` exists from Python 3.14 on.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    moment = f"{milliseconds:012x}"
    digits = os.urandom(8).hex()
    # The twelve bits after the version are the part of the millisecond.
    return (
        f"ext-{moment[:8]}-{moment[8:]}-7{rest * 4096 // 1_000_000:03x}-"
        f"{_VARIANTS[digits[0]]}{digits[1:4]}-{digits[4:]}"
    )
