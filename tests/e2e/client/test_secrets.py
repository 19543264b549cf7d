"""Secrets beyond the API key: in no frame, no error, no pickle, and not where a server echoes them."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, configured
from misbehaving import Connection, Request, answer

from xpander_facade import (
    Agent,
    APIResponseParseError,
    Backend,
    Configuration,
    MCPServerDetails,
    ModuleException,
    Tasks,
    UnprocessableEntityError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving

    Start = Callable[..., Misbehaving]

SECRETS = ("OIDC-SECRET", 'USER-"SECRÉT"', "MCP-SECRET", "ENV-SECRET", "GATEWAY-SECRET", "PROXY-SECRET")
IN_ADDRESSES = ("QUERY-SECRET", "PASSWORD-SECRET", "ARGUMENT-SECRET")
GIVEN: dict[str, Any] = {
    "user_oidc_token": SECRETS[0],
    "user_tokens": {"connector": {"token": SECRETS[1]}},
    "mcp_servers": [
        MCPServerDetails(
            name="m", url="http://x", api_key=SECRETS[2], env_vars={"A": SECRETS[3]}, headers={"b": SECRETS[2]}
        ),
        MCPServerDetails(name="q", url=f"https://me:{IN_ADDRESSES[1]}@x/sse?v=1&token={IN_ADDRESSES[0]}"),
        MCPServerDetails(name="c", type="local", command=f"npx -y server --api-key {IN_ADDRESSES[2]}"),
    ],
}


def echo(status: int) -> Any:
    """Answer with the body that came, as FastAPI does, escaped in both ways."""

    def script(connection: Connection, request: Request) -> bool:
        body = {"detail": [{"loc": ["body"], "msg": "bad", "input": request.json}], "raw": request.body.decode()}
        body["detail"].append({"headers": request.headers})
        if status == 200:
            return answer(200, f"no JSON: {json.dumps(body)}")(connection, request)
        return answer(status, body, {"X-Echo": SECRETS[4]})(connection, request)

    return script


def all_of(error: BaseException) -> str:
    """Return all that an error tracker shows: texts, attributes, pickle, and the variables of our frames."""
    shown = [str(error), repr(error), repr(getattr(error, "details", None)), repr(pickle.dumps(error))]
    at = error.__traceback__
    while at is not None:
        if "xpander_facade" in at.tb_frame.f_code.co_filename:
            shown.append(repr(dict(at.tb_frame.f_locals)))
        at = at.tb_next
    return " ".join(shown)


def creators(configuration: Configuration) -> dict[str, tuple[Any, str, tuple[Any, ...]]]:
    agent = Agent._reader(configuration)({"id": "a", "name": "n", "organization_id": "o"})
    return {
        "tasks": (Tasks(configuration), "create", ("a",)),
        "agent": (agent, "create_task", ()),
        "backend": (Backend(configuration), "invoke_agent", ("a",)),
    }


@pytest.mark.off_contract("a gateway's header")
@pytest.mark.parametrize("creator", ["tasks", "agent", "backend"])
@pytest.mark.parametrize(("status", "kind"), [(422, UnprocessableEntityError), (200, APIResponseParseError)])
def test_no_secret_of_a_call_shows_in_its_error(
    call: Caller, misbehave: Start, creator: str, status: int, kind: type[ModuleException]
):
    server = misbehave(otherwise=echo(status))
    configuration = configured(server, api_key=KEY, headers={"x-gateway-key": SECRETS[4]})
    target, verb, arguments = creators(configuration)[creator]
    with pytest.raises(kind) as caught:
        call(target, verb, *arguments, prompt="words", **GIVEN)
    shown = all_of(caught.value)
    secrets = (*SECRETS, *IN_ADDRESSES, KEY)
    assert not [secret for secret in secrets if secret in shown or json.dumps(secret)[1:-1] in shown]


@pytest.mark.parametrize("wrong", [{"prompt": 1}, {"title": 1}, {"tool_call_limit": "x"}, {"agent_id": ""}])
def test_no_secret_shows_where_another_argument_is_wrong(call: Caller, wrong: dict[str, Any]):
    tasks = Tasks(Configuration(api_key=KEY))
    with pytest.raises((TypeError, ValueError)) as caught:
        call(tasks, "create", **{"agent_id": "a", **GIVEN, **wrong})
    shown = all_of(caught.value)
    assert not [secret for secret in (*SECRETS, *IN_ADDRESSES) if secret in shown]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, None),
        ("https://x.test:8443/sse", "https://x.test:8443/sse"),
        ("https://x.test/a@b", "https://x.test/a@b"),
        ("https://u:p@x.test/a", "https://x.test/a..."),
        ("https://u@x.test?key=k", "https://x.test..."),
        ("https://x.test/#key=k", "https://x.test/..."),
        ("http://[not a url", "http://[not a url"),
    ],
)
def test_the_repr_of_a_server_shows_its_address_without_what_may_be_a_key(url: str | None, shown: str | None):
    assert f"url={shown!r}," in repr(MCPServerDetails(url=url))


def test_the_report_of_an_error_is_redacted(call: Caller, misbehave: Start):
    server = misbehave(otherwise=answer(400))
    backend = Backend(configured(server, agent_id="a", redact=lambda field, text: text.replace("PRIVATE", "[x]")))
    with pytest.raises(ModuleException) as caught:
        call(backend, "report_external_task", id="run-1", input="PRIVATE words", result="fine")
    report = caught.value.report
    assert report is not None
    assert (report["id"], report["input"], report["result"]) == ("run-1", "[x] words", "fine")
    assert json.loads(server.requests[0].body) == report


def test_a_pickle_of_a_configuration_holds_no_secret():
    configuration = Configuration(
        api_key=KEY,
        base_url="https://x.test",
        headers={"x-gateway": SECRETS[4]},
        proxy=f"http://user:{SECRETS[5]}@proxy.test:3128",
        cert=("c.pem", "k.pem", "KEY-PASSWORD"),
        on_request=lambda _: None,
        on_retry=lambda _: None,
    )
    packed = pickle.dumps(configuration)
    for secret in (KEY, SECRETS[4], SECRETS[5], "KEY-PASSWORD"):
        assert secret.encode() not in packed
        assert secret not in repr(configuration)
    there = pickle.loads(packed)
    assert there.proxy == "http://proxy.test:3128"
    assert there.cert == ("c.pem", "k.pem")
    assert there.base_url == "https://x.test"
