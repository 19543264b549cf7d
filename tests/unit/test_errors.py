"""Test the exception tree: which status gives which class, what an error says, and that it survives a pickle."""

import builtins
import copy
import json
import pickle
from datetime import UTC, datetime

import pytest

from xpander_facade import errors
from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APIStatusError,
    APITimeoutError,
    ApprovalRequiredError,
    AuthenticationError,
    BadRequestError,
    ClientError,
    ConfigurationError,
    ConflictError,
    ModuleException,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    ServerError,
    UnprocessableEntityError,
    XpanderError,
    status_error,
)
from xpander_facade.tasks._task import Task, WaitTimeoutError
from xpander_facade.types.models import AgentExecutionInput

CLASSES = [
    value
    for value in (*vars(errors).values(), WaitTimeoutError)
    if isinstance(value, type) and issubclass(value, XpanderError)
]


def a_task():
    return Task(
        id="t",
        agent_id="a",
        organization_id="o",
        input=AgentExecutionInput(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def made(cls):
    if issubclass(cls, ModuleException):
        return cls(
            "it went wrong",
            status_code=418,
            details=[{"loc": ["body"], "msg": "bad"}],
            request_id="req-1",
            method="POST",
            url="https://x.example/a",
        )
    if issubclass(cls, ApprovalRequiredError):
        return cls("ask first", tool_id="tool-1", tool_call_id="call-1", request_id="req-1", wait_seconds=60.0)
    return cls("not in time", task=a_task()) if issubclass(cls, WaitTimeoutError) else cls("wrong")


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, PayloadTooLargeError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (300, RedirectError),
        (301, RedirectError),
        (307, RedirectError),
        (402, ClientError),
        (405, ClientError),
        (418, ClientError),
        (499, ClientError),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, ServerError),
        (520, ServerError),
        (526, ServerError),
        (599, ServerError),
        (999, ServerError),
        (100, APIStatusError),
    ],
)
def test_a_status_has_its_class(status, cls):
    assert status_error(status) is cls


@pytest.mark.parametrize(
    ("cls", "parents"),
    [
        (ConfigurationError, (XpanderError, ValueError)),
        (WaitTimeoutError, (XpanderError, TimeoutError)),
        (ModuleException, (XpanderError,)),
        (APIConnectionError, (ModuleException,)),
        (APITimeoutError, (APIConnectionError,)),
        (APIResponseParseError, (ModuleException,)),
        (APIStatusError, (ModuleException,)),
        (RedirectError, (APIStatusError,)),
        (ClientError, (APIStatusError,)),
        (ServerError, (APIStatusError,)),
        (NotFoundError, (APIStatusError,)),
        (RateLimitError, (APIStatusError,)),
    ],
)
def test_the_tree_is_as_drawn(cls, parents):
    assert all(issubclass(cls, parent) for parent in parents)


def test_the_docstring_draws_every_class_and_no_other():
    drawn = {
        word
        for word in errors.__doc__.replace("(", " ").split()
        if word[0].isupper() and word.endswith(("Error", "Exception"))
    }
    assert {cls.__name__ for cls in CLASSES} <= drawn
    assert drawn - {cls.__name__ for cls in CLASSES} <= {"ValueError", "TimeoutError", "RuntimeError"}


def test_no_name_shadows_a_builtin():
    assert not [cls.__name__ for cls in CLASSES if hasattr(builtins, cls.__name__)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("way", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_an_error_keeps_all_it_knows_through_pickling_and_copying(cls, way):
    error = made(cls)
    error.task_id = "ext-1"
    error.report = {"id": "ext-1", "result": "r"}
    if isinstance(error, APIStatusError):
        error.retry_after = 3.5
    again = way(error)
    assert type(again) is cls
    assert str(again) == str(error)
    assert again.args == error.args
    assert again.__dict__ == error.__dict__
    assert (again.task_id, again.report) == ("ext-1", {"id": "ext-1", "result": "r"})


def test_an_error_names_the_call_and_the_request_id():
    text = str(made(ServerError))
    assert text == "POST https://x.example/a: it went wrong [request id req-1]"
    assert str(ModuleException("it went wrong")) == "it went wrong"


def test_a_report_is_no_part_of_the_text():
    error = made(ServerError)
    error.report = {"result": "private words"}
    assert "private words" not in str(error) + repr(error)


def test_an_error_without_an_answer_has_no_status():
    error = APIConnectionError("no route")
    assert error.status_code is None
    assert (error.details, error.request_id, error.method, error.url) == (None,) * 4
    assert (error.task_id, error.report) == (None, None)
    assert error.description == "no route"


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError(
            "no such task", status_code=404, details=[{"loc": ["id"]}], request_id="r-1", method="GET", url="u"
        ),
        APITimeoutError("too late"),
        ConfigurationError("no API key"),
        ApprovalRequiredError("ask", tool_id="t", tool_call_id="c", denied=True),
    ],
)
def test_a_class_and_its_arguments_as_json_make_the_same_error_again(error: XpanderError):
    # Job runners store exceptions so.
    error.task_id, error.report = "run-1", {"id": "run-1"}
    again = type(error)(*json.loads(json.dumps(error.args)))
    assert (str(again), again.__dict__) == (str(error), error.__dict__)
    assert again.args == error.args


def test_an_error_that_tells_nothing_more_has_its_text_alone():
    assert ConfigurationError("no API key").args == ("no API key",)
    assert XpanderError().args == ()
