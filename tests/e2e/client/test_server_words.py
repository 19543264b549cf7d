"""What a server says in an error or a log: on one line, not too long, without credentials; and JSON of any depth."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from calling import Caller, configured
from misbehaving import answer, event, stream, task_answer
from secure import AUTHORITY, Secure, server_context
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    Backend,
    Configuration,
    ConfigurationError,
    ModuleException,
    RedirectError,
    ServerError,
    Task,
    Tasks,
)

CLIENT = AUTHORITY.with_name("client.pem")
"""A certificate of the client with its key, which is its own authority."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    Start = Callable[..., Misbehaving]


def test_control_characters_are_escaped_and_the_text_is_bounded(call: Caller, misbehave: Start):
    said = "red \x1b[31m\u202etext\r\nINFO all is well " + "x" * 100_000
    server = misbehave(otherwise=answer(500, {"detail": said}, {"X-Request-Id": "r-\x1b[2J" + "y" * 5_000}))
    with pytest.raises(ServerError) as caught:
        call(Tasks(configured(server)), "get", "task_1")
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1_500
    assert "red" in text
    assert caught.value.details == said


def test_a_redirect_shows_no_credentials(call: Caller, misbehave: Start):
    server = misbehave(otherwise=answer(302, b"", {"Location": "https://user:pass-word@login.test/a?token=t-1"}))
    with pytest.raises(RedirectError, match=r"https://login\.test/a") as caught:
        call(Tasks(configured(server)), "get", "task_1")
    assert "pass-word" not in str(caught.value)
    assert "t-1" not in str(caught.value)


@pytest.mark.parametrize("depth", [100, 500, 1_000, 5_000, 200_000])
@pytest.mark.parametrize("member", ["result", "payload_extension", "of_nobody"])
def test_json_of_any_depth_is_a_value_or_our_error(call: Caller, misbehave: Start, depth: int, member: str):
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    body = b'{"%s": %s, ' % (member.encode(), nested) + task_bytes()[1:]
    for status in (200, 422):
        server = misbehave(otherwise=answer(status, body))
        try:
            outcome = call(Tasks(configured(server)), "get", "task_1").id
        except ModuleException as error:
            outcome = str(error)
        assert outcome == "task_1" or len(outcome) < 2_000


def test_an_event_of_any_depth_costs_itself_only(call: Caller, misbehave: Start):
    deep = event("chunk", "x").replace(b'"x"', b"[" * 50_000 + b"]" * 50_000)

    def serve(connection: Any, request: Any) -> bool:
        script = stream(deep, event("task_finished", ANSWERED_TASK)) if request.is_stream else task_answer()
        return script(connection, request)

    task = Task.from_dict({**ANSWERED_TASK, "status": "executing"}, configured(misbehave(otherwise=serve)))
    assert [event.type.value for event in call.events(task)] == ["task_finished"]


def task_bytes() -> bytes:
    return json.dumps(ANSWERED_TASK).encode()


# --- arguments ---


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"items": [value]}
    return value


def holding_itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["items"] = [value]
    return value


@pytest.mark.parametrize("value", [nested(600), nested(100_000), holding_itself()], ids=["deep", "deeper", "cycle"])
def test_an_argument_of_any_depth_is_refused_before_anything_is_sent(call: Caller, misbehave: Start, value: Any):
    server = misbehave(otherwise=task_answer())
    configuration = configured(server, agent_id="a")
    tasks, backend = Tasks(configuration), Backend(configuration)
    task = Task.from_dict(ANSWERED_TASK, configuration)
    task.output_schema = value
    for target, verb, given in (
        (tasks, "create", {"prompt": "p", "output_schema": value}),
        (tasks, "create", {"prompt": "p", "user_tokens": value}),
        (tasks, "update", {"task_id": "task_1", "tool_call_payload_extension": value}),
        (backend, "invoke_agent", {"prompt": "p", "tool_call_payload_extension": value}),
        (task, "save", {}),
    ):
        with pytest.raises(ValueError, match="nested"):
            call(target, verb, **given)
    assert server.requests == []


# --- arguments that say how connections are made ---


@pytest.mark.parametrize(
    "given",
    [
        {"verify": []},
        {"verify": None},
        {"verify": b"x"},
        {"verify": 3.5},
        {"verify": 1},
        {"timeout": 1e300},
        {"timeout": 10**400},
        {"timeout": float("inf")},
        {"deadline": 1e18},
        {"cert": ()},
        {"cert": 5},
        {"cert": ("a", "b", "c", "d")},
        {"cert": ("a", None)},
        {"proxy": "ftp://x"},
        {"proxy": "http://"},
        {"proxy": "http://x:99999999"},
        {"proxy": 5},
    ],
)
def test_a_value_that_can_not_be_used_is_refused_when_it_is_given(given: dict[str, Any]):
    with pytest.raises(ConfigurationError):
        Configuration(**given)


def test_a_certificate_of_the_client_is_shown(call: Caller):
    class Mutual(Secure):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self._context = server_context()
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(CLIENT)

    own = str(CLIENT)
    with Mutual(otherwise=task_answer()) as server:
        for cert in (own, (own, own)):
            configuration = configured(server, verify=str(AUTHORITY), cert=cert)
            assert call(Tasks(configuration), "get", "task_1").id == "task_1"
        with pytest.raises(ModuleException):
            call(Tasks(configured(server, verify=str(AUTHORITY))), "get", "task_1")
        with pytest.raises(ConfigurationError, match="cert="):
            call(Tasks(configured(server, verify=str(AUTHORITY), cert="/nowhere.pem")), "get", "task_1")
