"""One call as a pure generator: from the request to the decoded answer, with its retries. The drivers do the I/O."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode

import attrs

from xpander_facade._client import retry
from xpander_facade._client.dry_run import dry_run_response
from xpander_facade._client.error_mapping import (
    RequestInfo,
    decode,
    failure_error,
    parse_error,
    request_id_of,
    response_error,
)
from xpander_facade._client.foreground import BACKGROUND, foreground_calls
from xpander_facade._client.hooks import notify_retry
from xpander_facade._client.links import page_url
from xpander_facade._client.request import Request, Server, Snapshot
from xpander_facade._client.retry import RetryReason
from xpander_facade._client.secrets import secrets_of
from xpander_facade._process import late_attrs
from xpander_facade._serialization.codec import DecodeError
from xpander_facade._serialization.json_bytes import encode
from xpander_facade._serialization.redaction import redact_body
from xpander_facade._transport.request import USER_AGENT, Attempt
from xpander_facade._transport.response import Response, redacted
from xpander_facade.configuration._retry_event import RetryEvent
from xpander_facade.errors import XpanderError

if TYPE_CHECKING:
    from xpander_facade._client.foreground import ForegroundCalls
    from xpander_facade._transport.response import Failure
    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.errors import ModuleException

T = TypeVar("T")

_TOO_LARGE = 413
_TOO_MANY = 429
_REPORT = "report_external_task"
_LARGE = 200_000
"""Characters from which on a thread prepares a body. A smaller one is ready before a thread would have begun."""

_VALUE = 10
"""How many characters a value counts that is not a text."""

_type_of: Callable[[Any], Any] = type
_NOT_THE_PLATFORM = "check base_url or XPANDER_BASE_URL, and whether a proxy or login page stands in between"
_log = logging.getLogger("xpander_facade")


@late_attrs.frozen(eq=False, repr=False)
class Sleep:
    """Wait this many seconds."""

    seconds: float


@attrs.frozen(eq=False, repr=False)
class PreparedRequest:
    """A request whose body is ready to leave.

    Args:
        request: The request. A body of JSON-ready data is redacted, but not cut: a text that must be cut again, since
            the platform took it for too large, then still tells of the whole in its note.
        content: The body as bytes, cut to the configuration's limit; None where there is none.
    """

    request: Request
    content: bytes | None = attrs.field(repr=False)

    def shortened(self, limit: int) -> bytes | None:
        """Return the body with no text longer than `limit` bytes."""
        body = self.request.body
        if body is None:
            return None
        return _encoded(json.loads(body) if isinstance(body, bytes) else body, limit)


CallFlow = Generator[Attempt | Sleep, "Response | Failure | None", T]


def call_flow(
    configuration: Configuration,
    request: Request | PreparedRequest,
    reader: Callable[[Any], T],
    clock: Callable[[], float],
    snapshot: Snapshot | None = None,
    *,
    in_background: bool = False,
) -> CallFlow[T]:
    """Yield what to do next and take what came of it; return the value that the reader makes of the answer.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ModuleException: The call failed for good.
    """
    if configuration.disabled:
        return _unsent(configuration, request, reader, snapshot)
    began = clock()
    prepared = prepare(configuration, request)
    calls = BACKGROUND if in_background else foreground_calls(configuration)
    call = object()
    try:
        return (yield from _attempts(configuration, prepared, reader, clock, began, calls, call))
    except XpanderError as error:
        error.report = _report_of(prepared.request)
        raise
    finally:
        calls.release(call)


def _report_of(request: Request) -> dict[str, Any] | None:
    """Return the body of a report, redacted as it was to leave; None for any other request."""
    body: Any = request.body
    return cast("dict[str, Any]", body) if request.operation == _REPORT and isinstance(body, dict) else None


def _attempts(
    configuration: Configuration,
    prepared: PreparedRequest,
    reader: Callable[[Any], T],
    clock: Callable[[], float],
    began: float,
    calls: ForegroundCalls,
    call: object,
) -> CallFlow[T]:
    attempt = first_attempt(configuration, prepared)
    where: RequestInfo = {"method": attempt.method, "url": attempt.url.partition("?")[0]}
    bucket = retry.bucket_of(configuration)
    retries = 0
    while True:
        calls.note()
        outcome = yield attempt
        if isinstance(outcome, Response) and outcome.is_success:
            bucket.refund(retried=retries > 0)
            return _value(outcome, reader, where, configuration, prepared.request)
        remaining = configuration.deadline - (clock() - began)
        if isinstance(outcome, Response) and outcome.status_code == _TOO_LARGE and remaining > 0:
            # No server says what it would take. One that is asked twice has said no for good.
            shorter = prepared.shortened(configuration.max_field_bytes // 4)
            if shorter is not None and len(shorter) < len(attempt.content or b""):
                attempt = attrs.evolve(attempt, content=shorter, deadline=remaining)
                continue
        if isinstance(outcome, Response):
            # Servers and gateways echo what they were sent, and an error quotes them.
            outcome = outcome.redacted(secrets_of(configuration, prepared.request.body))
            error: ModuleException = response_error(outcome, where)
            reason = retry_reason(outcome)
        else:
            assert outcome is not None  # a driver answers every Attempt
            outcome = outcome.redacted(secrets_of(configuration, prepared.request.body))
            error = failure_error(outcome, where)
            reason = RetryReason(outcome.text, transient=outcome.transient, not_processed=outcome.not_processed)
        elapsed = clock() - began
        wait = retry.backoff(
            reason,
            idempotent=prepared.request.idempotent,
            retries=retries,
            max_retries=configuration.max_retries,
            elapsed=elapsed,
            deadline=configuration.deadline,
        )
        if wait is None or not bucket.spend():
            raise error
        retries += 1
        if isinstance(outcome, Response) and outcome.status_code == _TOO_MANY:
            calls.hold(call)
        event = RetryEvent(attempt=retries, wait=wait, cause=reason.cause, **where)
        _log.info("retry %d in %.2f s: %s %s: %s", event.attempt, event.wait, event.method, event.url, event.cause)
        notify_retry(configuration, event)
        yield Sleep(wait)
        remaining = configuration.deadline - (clock() - began)
        if remaining <= 0:
            raise error
        attempt = attrs.evolve(attempt, deadline=remaining)


def first_attempt(configuration: Configuration, request: Request | PreparedRequest) -> Attempt:
    """Return what is sent for a request.

    Raises:
        ConfigurationError: The key, or an organisation that the URL needs, is missing.
        ValueError: The body holds what JSON can't say (NaN, an object of another kind).
    """
    # The key comes last: an error before it has no frame that holds it.
    prepared = prepare(configuration, request)
    request = prepared.request
    root = configuration.get_events_url() if request.server is Server.EVENTS else configuration.get_full_url()
    url = f"{root}{request.path}"
    params = {name: _query_value(value) for name, value in request.params.items() if value is not None}
    if params:
        url = f"{url}?{urlencode(params, doseq=True)}"
    # What the request itself and the key say goes over the user's headers.
    headers = {"accept": "*/*", "user-agent": USER_AGENT, **configuration.headers}
    headers.update({name.lower(): value for name, value in request.headers.items()})
    if prepared.content is not None:
        headers["content-type"] = "application/json"
    headers["x-api-key"] = configuration.get_api_key()
    return Attempt(request.method, url, headers, prepared.content, configuration.deadline, request.operation)


def _query_value(value: Any) -> Any:
    """Return a value as a query spells it: Python's own spelling of a boolean is not JSON's."""
    return str(value).lower() if isinstance(value, bool) else value


def takes_long(configuration: Configuration, request: Request) -> bool:
    """Whether preparing a request may take longer than an event loop has: a redactor is called, or it is large."""
    return configuration.redact is not None or _is_large(request.body)


def _is_large(body: Any) -> bool:
    # Each report pays for this look: types are compared, and what a container holds is counted before it is looked at.
    room = _LARGE
    waiting: list[Iterable[Any]] = [(body,)]
    while waiting:
        for value in waiting.pop():
            kind = _type_of(value)
            if kind is str:
                room -= len(value)
            elif kind is dict or kind is list:
                room -= _VALUE * len(value)
                waiting.append(value.values() if kind is dict else value)
            elif isinstance(value, str):
                room -= len(value)
        if room <= 0:
            return True
    return False


def prepare(configuration: Configuration, request: Request | PreparedRequest) -> PreparedRequest:
    """Return a request with its body redacted, and as bytes. One that is prepared already stays as it is.

    Raises:
        ValueError: The body holds what JSON can't say (NaN, an object of another kind).
    """
    if isinstance(request, PreparedRequest):
        return request
    if request.body is None or isinstance(request.body, bytes):
        return PreparedRequest(request, request.body)
    if configuration.redact is not None:
        request = attrs.evolve(request, body=redact_body(request.body, configuration.redact, sys.maxsize))
    return PreparedRequest(request, _encoded(request.body, configuration.max_field_bytes))


def _encoded(body: Any, limit: int) -> bytes:
    """Return a redacted body as bytes, with no text longer than `limit` bytes."""
    content = encode(body)
    return content if len(content) <= limit else encode(redact_body(body, None, limit))


def _unsent(
    configuration: Configuration,
    request: Request | PreparedRequest,
    reader: Callable[[Any], T],
    snapshot: Snapshot | None,
) -> T:
    prepared = prepare(configuration, request)
    # What the platform would get is what it would answer with: redacted, and cut.
    body = None if prepared.content is None else json.loads(prepared.content)
    return reader(dry_run_response(configuration, prepared.request, body, snapshot))


def retry_reason(answer: Response) -> RetryReason:
    """Return why an answer that says no might go better the next time, or not."""
    return RetryReason(
        f"the answer was {answer.status_code}",
        transient=answer.status_code in retry.TRANSIENT_STATUSES,
        not_processed=answer.status_code == 429,
        retry_after=retry.read_retry_after(answer.headers.get("retry-after"), datetime.now(UTC)),
    )


def _value(
    answer: Response,
    reader: Callable[[Any], T],
    where: RequestInfo,
    configuration: Configuration,
    request: Request,
) -> T:
    try:
        value = reader(decode(answer.content))
        # Readers give values of any kind; a task and the like keep the answer's id and link.
        bind = getattr(value, "_bind_response", None)
        if bind is not None:
            bind(request_id_of(answer), page_url(answer.headers, where["url"]))
        return value
    except DecodeError as mismatch:
        problem = f"the platform's answer has an unexpected shape: {mismatch}"
    except RecursionError:
        problem = "the platform's answer is nested too deeply"
    except ValueError as error:
        problem = f"the answer ({answer.status_code}) is not JSON ({error}): {_NOT_THE_PLATFORM}"
    # No local variable holds a secret: tracebacks can show them.
    problem = redacted(problem, secrets_of(configuration, request.body))
    raise parse_error(answer.redacted(secrets_of(configuration, request.body)), problem, where)
