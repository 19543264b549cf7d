"""Every exception that this package raises on purpose.

    XpanderError
    ├── ConfigurationError (also a ValueError)     something is missing or wrong before anything was sent
    │   ├── IntegrationError                       a runner or library is missing, too old, or set up in a wrong way
    │   └── ClientUnavailableError (also an AttributeError)    `Backend.api` has no client yet, for such a reason
    ├── RunNotBegunError (also a RuntimeError and an AttributeError)    a recorded run has no such attribute yet
    ├── WaitTimeoutError (also a TimeoutError)     a task did not end in the time it was given
    ├── OutboxError                                the outbox's file can't be read or written
    │   └── OutboxFullError                        it has no room for another report
    ├── ApprovalRequiredError                      a tool was not called, because a person has to allow it first
    ├── TaskUnavailableError (also an AttributeError)    a recorded run has no task of the platform yet
    ├── WorkerConflictError                        the platform refuses a worker from this environment
    └── ModuleException                            a call to the platform went wrong
        ├── APIConnectionError                     no answer, or half of one
        │   └── APITimeoutError                    no answer in time
        ├── APIResponseParseError                  an answer that can't be read
        └── APIStatusError                         an answer that says no
            ├── RedirectError              3xx
            ├── BadRequestError            400
            ├── AuthenticationError        401
            ├── PermissionDeniedError      403
            ├── NotFoundError              404
            ├── ConflictError              409
            ├── PayloadTooLargeError       413
            ├── UnprocessableEntityError   422
            ├── RateLimitError             429
            ├── ClientError                any other 4xx
            └── ServerError                5xx

No name here shadows a builtin, no exception of httpx or of the generated client reaches a user, and none of these
carries an API key. All of them can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class XpanderError(Exception):
    """The root of every error of this package.

        try:
            Task.load("task-1")
        except XpanderError as error:
            print(error)

    Attributes:
        task_id: The id of the external run whose report failed, else None.
        report: The body of the report that failed, as JSON-ready data, so that a caller can repeat it or keep it in a
            dead-letter queue; else None. It is never part of the error's text.
    """

    task_id: str | None = None
    report: dict[str, Any] | None = None

    def __init__(self, *arguments: object) -> None:
        *own, last = arguments or ("",)
        # A job runner that stores errors as JSON makes them again from their `args`.
        is_restored = bool(own) and isinstance(last, dict)
        super().__init__(*(own if is_restored else arguments))
        if is_restored:
            self.__dict__.update(cast("dict[str, Any]", last))

    if not TYPE_CHECKING:  # a type checker would miss a setter in the other bases of these classes

        @property
        def args(self) -> tuple[Any, ...]:
            """What makes the same error again: its text, and beside it what else it tells, as far as that is JSON.

            Job runners store an exception as its class and its `args`.
            """
            facts = {name: value for name, value in self.__dict__.items() if _is_told(name, value)}
            return (*self._own_args, facts) if facts else self._own_args

        @args.setter
        def args(self, value: tuple[Any, ...]) -> None:
            BaseException.args.__set__(self, value)

    @property
    def _own_args(self) -> tuple[Any, ...]:
        own: tuple[Any, ...] = cast("Any", BaseException).args.__get__(self)
        return own

    # Python's own way calls the class with `args`, which not every subclass takes.
    def __reduce__(self) -> tuple[Callable[..., XpanderError], tuple[Any, ...]]:
        return _restore, (type(self), self._own_args, dict(self.__dict__))


class ConfigurationError(XpanderError, ValueError):
    """Something needed for a call is missing or malformed; nothing was sent. The text names the remedy.

    For example:

        try:
            Backend(Configuration(api_key="k", base_url="ftp://example.com"))
        except ConfigurationError as error:
            print(error)
    """


class IntegrationError(ConfigurationError):
    """An integration can't work: its library is missing, too old, instrumented twice or set up in a wrong way.

    The text names the library and the remedy.

        try:
            from xpander_facade.integrations import opentelemetry

            opentelemetry.RunSpanProcessor(backend)
        except IntegrationError as error:
            print(error)
    """


class ClientUnavailableError(ConfigurationError, AttributeError):
    """`Backend.api`, `Tasks.api` or `Agents.api` can't be had, because something that it needs is missing.

    It is an `AttributeError` too, so that `hasattr`, `inspect.getmembers` and mocks can look at such an object.

        try:
            Tasks().api
        except ClientUnavailableError as error:
            print(error)
    """


class RunNotBegunError(XpanderError, RuntimeError, AttributeError):
    """A recorded run has no such attribute before it begins: read it inside of the `with` block.

    It is an `AttributeError` too, so that `hasattr`, `inspect.getmembers` and mocks can look at a run.

        run = backend.external_task()
        try:
            run.id
        except RunNotBegunError as error:
            print(error)
    """


class OutboxError(XpanderError):
    """The file of the outbox can't be read or written; the report in question was not stored.

    For example:

        try:
            backend.enqueue_external_task(id="run-1")
        except OutboxError as error:
            print(error)
    """


class OutboxFullError(OutboxError):
    """The outbox holds as many reports, or bytes, as it may; the report was not stored.

    For example:

        try:
            backend.enqueue_external_task(id="run-1")
        except OutboxFullError as error:
            print("try later:", error)
    """


class TaskUnavailableError(XpanderError, AttributeError):
    """A recorded run has no task of the platform, since its report is not there yet; the text says why.

    It is an `AttributeError` too, so that `hasattr`, `getattr` with a default and mocks can look at a run.

        with backend.external_task() as run:
            try:
                run.task
            except TaskUnavailableError as error:
                print(error)
    """


class WorkerConflictError(XpanderError):
    """The platform refuses a worker of this agent from this environment; the text is the platform's reason.

    For example:

        try:
            handler.run_prompt("Are you there?")
        except WorkerConflictError as error:
            print(error)
    """


class ApprovalRequiredError(XpanderError):
    """A tool was not called, because a person has to allow it first, or has refused it.

        try:
            agent.invoke_tool("get_weather", {})
        except ApprovalRequiredError as error:
            print(error)

    Attributes:
        tool_id: The tool.
        tool_call_id: The id of the call; once it is allowed, call again with it.
        request_id: The platform's id of the request for approval, or None.
        denied: Whether it was refused.
        self_approve: Whether the user of the task may allow it.
        wait_seconds: How long the platform waits for an answer, in seconds, or None.
    """

    def __init__(
        self,
        message: str,
        told: Mapping[str, Any] | None = None,
        /,
        *,
        tool_id: str = "",
        tool_call_id: str = "",
        request_id: str | None = None,
        denied: bool = False,
        self_approve: bool = False,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.tool_id = tool_id
        self.tool_call_id = tool_call_id
        self.request_id = request_id
        self.denied = denied
        self.self_approve = self_approve
        self.wait_seconds = wait_seconds
        self.__dict__.update(told or {})


class ModuleException(XpanderError):  # noqa: N818 (the platform's name for it)
    """A call to the platform went wrong.

        try:
            Task.load("task-1")
        except ModuleException as error:
            print(error.status_code, error.request_id)

    Attributes:
        status_code: The HTTP status of the answer; None where there was no answer.
        description: What went wrong, in one sentence.
        details: The `detail` of the platform's answer as it came (text, or a list for 422), or the start of an answer
            that is not JSON, or None.
        request_id: The platform's id of the request, from the answer's headers, or None.
        method: The HTTP method of the call, or None.
        url: The URL of the call without its query, or None.
    """

    def __init__(
        self,
        description: str,
        told: Mapping[str, Any] | None = None,
        /,
        *,
        status_code: int | None = None,
        details: Any = None,
        request_id: str | None = None,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(description)
        self.status_code = status_code
        self.description = description
        self.details = details
        self.request_id = request_id
        self.method = method
        self.url = url
        self.__dict__.update(told or {})

    def __str__(self) -> str:
        where = f"{self.method} {self.url}: " if self.method and self.url else ""
        request = f" [request id {self.request_id}]" if self.request_id else ""
        return f"{where}{self.description}{request}"


class APIConnectionError(ModuleException):
    """The platform could not be reached, or the connection broke before the answer was whole.

    For example:

        try:
            Task.load("task-1")
        except APIConnectionError as error:
            print("no connection:", error)
    """


class APITimeoutError(APIConnectionError):
    """The platform did not answer in time.

    For example:

        try:
            Task.load("task-1")
        except APITimeoutError as error:
            print("no answer in time:", error)
    """


class APIResponseParseError(ModuleException):
    """The platform's answer can't be read: not JSON, or not of the shape that the contract promises.

    For example:

        try:
            Task.load("task-1")
        except APIResponseParseError as error:
            print("somebody else answered:", error)
    """


class APIStatusError(ModuleException):
    """The platform answered with a status that is not a success.

        try:
            Task.load("task-1")
        except APIStatusError as error:
            print(error.status_code, error.details)

    Attributes:
        retry_after: Seconds that the answer's `Retry-After` header asks to wait, or None.
    """

    retry_after: float | None = None


class RedirectError(APIStatusError):
    """The base URL redirects elsewhere (3xx). Redirects are never followed: the API key must not travel there.

    For example:

        try:
            Task.load("task-1")
        except RedirectError as error:
            print("correct the base URL:", error)
    """


class ClientError(APIStatusError):
    """The platform refused the request (4xx without a class of its own).

    For example:

        try:
            Task.load("task-1")
        except ClientError as error:
            print("refused:", error.status_code)
    """


class BadRequestError(ClientError):
    """The platform could not make sense of the request (400).

    For example:

        try:
            Task.report_external_task(configuration, id="run-1")
        except BadRequestError as error:
            print(error)
    """


class AuthenticationError(ClientError):
    """The API key is missing, wrong or revoked (401).

    For example:

        try:
            Task.load("task-1")
        except AuthenticationError as error:
            print("set XPANDER_API_KEY to a valid key:", error)
    """


class PermissionDeniedError(ClientError):
    """The API key may not do this (403).

    For example:

        try:
            Task.load("task-1")
        except PermissionDeniedError as error:
            print(error)
    """


class NotFoundError(ClientError):
    """There is no such task, agent or route (404).

    For example:

        try:
            Task.load("unknown")
        except NotFoundError as error:
            print("no such task:", error)
    """


class ConflictError(ClientError):
    """The request does not fit the state of the task (409).

    For example:

        try:
            task.stop()
        except ConflictError as error:
            print(error)
    """


class PayloadTooLargeError(ClientError):
    """The request is larger than the platform takes (413).

    For example:

        try:
            backend.report_external_task(id="run-1", llm_response={"text": "long"})
        except PayloadTooLargeError as error:
            print(error)
    """


class UnprocessableEntityError(ClientError):
    """The platform found the request's fields invalid (422); `details` lists them.

    For example:

        try:
            tasks.update(task.id, result="done")
        except UnprocessableEntityError as error:
            print(error.details)
    """


class RateLimitError(ClientError):
    """Too many requests (429).

    For example:

        try:
            Task.load("task-1")
        except RateLimitError as error:
            print("too many requests:", error)
    """


class ServerError(APIStatusError):
    """The platform, or a gateway in front of it, failed (5xx).

    For example:

        try:
            Task.load("task-1")
        except ServerError as error:
            print("try again later:", error.status_code)
    """


STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error(status_code: int) -> type[APIStatusError]:
    """Return the class for a status; the one place that maps statuses to classes."""
    if status_code in STATUS_ERRORS:
        return STATUS_ERRORS[status_code]
    if 300 <= status_code < 400:
        return RedirectError
    if 400 <= status_code < 500:
        return ClientError
    if status_code >= 500:
        return ServerError
    return APIStatusError


def _is_told(name: str, value: object) -> bool:
    # The description is the error's text already.
    return name != "description" and isinstance(value, str | int | float | list | dict)


def _restore(cls: type[XpanderError], args: tuple[Any, ...], state: dict[str, Any]) -> XpanderError:
    error = cls.__new__(cls, *args)
    # Past `__init__`, whose arguments are other ones in each class.
    error.args = args
    error.__dict__.update(state)
    return error
