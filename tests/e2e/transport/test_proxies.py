"""The environment's proxies: a real one on loopback, which alone knows where platform.test is."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, configured
from misbehaving import Misbehaving, answer, close, event, stream, task_answer
from proxying import Proxy
from secure import AUTHORITY, NAME, Secure, resolve, server_context
from wire_cases import ANSWERED_TASK

from xpander_facade import (
    APIConnectionError,
    Backend,
    ClientError,
    Configuration,
    ConfigurationError,
    Task,
    Tasks,
    XpanderError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "p@ss-59c1"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xpander_facade._client.retry.BASE_WAIT", 0)


@pytest.fixture(autouse=True)
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that this process looks up; none of them leads anywhere."""
    return resolve(monkeypatch, {})


@pytest.fixture
def proxy(start: Callable[..., Proxy]) -> Proxy:
    return start()


@pytest.fixture
def start() -> Iterator[Callable[..., Proxy]]:
    """Start a proxy that knows platform.test."""
    running: list[Proxy] = []

    def begin(**given: Any) -> Proxy:
        proxy = Proxy({NAME: "127.0.0.1"}, **given)
        running.append(proxy)
        return proxy.__enter__()

    yield begin
    for proxy in running:
        proxy.__exit__(None, None, None)


@pytest.fixture
def secure() -> Iterator[Secure]:
    with Secure() as server:
        yield server


def plainly(server: Misbehaving, **given: Any) -> Configuration:
    """Return how to call platform.test over plain http."""
    url = f"http://{NAME}:{server.port}"
    return configured(server, **{"base_url": url, "allow_insecure_http": True, "api_key": KEY, **given})


def securely(server: Secure, **given: Any) -> Configuration:
    """Return how to call platform.test over https."""
    url = f"https://{NAME}:{server.port}"
    return configured(server, **{"base_url": url, "verify": str(AUTHORITY), "api_key": KEY, **given})


def get(call: Caller, configuration: Configuration) -> Task:
    return call(Tasks(configuration), "get", "task_1")


def refused(call: Caller, configuration: Configuration, kind: type[XpanderError] = APIConnectionError) -> str:
    """Return the text of the error that a call must end with; neither key nor password is anywhere in it."""
    with pytest.raises(kind) as caught:
        get(call, configuration)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    everything = "".join(told.format()) + repr(vars(caught.value))
    assert KEY not in everything
    assert PASSWORD not in everything
    assert "p%40ss-59c1" not in everything
    return str(caught.value)


# --- through ---


def test_a_plain_call_goes_through_the_proxy_which_alone_knows_the_host(
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    proxy: Proxy,
    looked_up: list[str],
    monkeypatch: pytest.MonkeyPatch,
):
    server = misbehave()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert get(call, plainly(server)).id == ANSWERED_TASK["id"]
    task = call(Backend(plainly(server)), "report_external_task", agent_id="a", id="x", result="r")
    assert (task.id, task.result) == ("x", "r")
    assert proxy.asked[0].target == f"http://{NAME}:{server.port}/agent-execution/task_1/status"
    assert [request.headers["host"] for request in server.requests] == [f"{NAME}:{server.port}"] * 2
    assert server.requests[0].headers["x-api-key"] == KEY
    assert looked_up == []


def test_a_secure_call_goes_through_a_tunnel_in_which_the_proxy_sees_nothing(
    call: Caller, secure: Secure, proxy: Proxy, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    task = call(Backend(securely(secure)), "report_external_task", agent_id="a", id="x", result="to be kept")
    assert (task.id, task.result) == ("x", "to be kept")
    assert [(asked.method, asked.target) for asked in proxy.asked] == [("CONNECT", f"{NAME}:{secure.port}")]
    assert "x-api-key" not in proxy.asked[0].headers
    assert len(proxy.seen) > 1_000
    assert KEY.encode() not in proxy.seen
    assert b"to be kept" not in proxy.seen
    assert secure.requests[0].headers["x-api-key"] == KEY
    assert secure.asked == [NAME], "the certificate is the platform's and not the proxy's"
    assert looked_up == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_of_a_secure_call_is_honoured(
    variable: str, call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, proxy.url)
    get(call, securely(secure))
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_each_variable_of_a_plain_call_is_honoured(
    variable: str,
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv(variable, proxy.host)  # without a scheme it means http
    get(call, plainly(misbehave()))
    assert len(proxy.asked) == 1


def test_the_scheme_s_own_proxy_goes_before_that_of_all(
    call: Caller, secure: Secure, start: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
):
    own, of_all = start(), start()
    monkeypatch.setenv("HTTPS_PROXY", own.url)
    monkeypatch.setenv("ALL_PROXY", of_all.url)
    get(call, securely(secure))
    assert (own.connections, of_all.connections) == (1, 0)


def test_a_proxy_of_the_other_scheme_is_not_used(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    refused(call, securely(secure))
    assert proxy.connections == 0


def test_calls_share_one_tunnel(secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with Tasks(securely(secure)) as tasks:
        for _ in range(5):
            tasks.get("t")

    async def main() -> None:
        async with Tasks(securely(secure)) as tasks:
            for _ in range(5):
                await tasks.aget("t")

    asyncio.run(main())
    assert [request.connection for request in secure.requests] == [1] * 5 + [2] * 5
    assert len(proxy.asked) == 2
    assert secure.wait_for(lambda: secure.open == 0)


def test_calls_at_once_have_a_tunnel_each_and_get_their_own_answers(
    secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)

    async def main() -> list[Task]:
        async with Backend(securely(secure)) as backend:
            return await asyncio.gather(*(backend.areport_external_task("a", id=str(n)) for n in range(12)))

    assert [task.id for task in asyncio.run(main())] == [str(n) for n in range(12)]


def test_a_tunnel_that_was_closed_is_not_used_again(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    # Creating is never repeated, so it would fail if it went out through a dead tunnel.
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    tasks = Tasks(securely(secure))
    secure.play(*[_answer_and_close] * 3)

    async def main() -> None:
        for n in range(1, 4):
            await tasks.acreate("a")
            assert await asyncio.to_thread(proxy.wait_for, lambda n=n: proxy.closed == n)

    if call.way == "async":
        asyncio.run(main())
    else:
        for n in range(1, 4):
            tasks.create("a")
            assert proxy.wait_for(lambda n=n: proxy.closed == n)
    assert [request.connection for request in secure.requests] == [1, 2, 3]


def _answer_and_close(connection: Any, request: Any) -> bool:
    task_answer()(connection, request)
    return False


def test_event_streams_go_through_the_proxy(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    secure.play(stream(event("chunk", "a"), event("task_finished", ANSWERED_TASK)))
    task = Task.from_dict(ANSWERED_TASK, securely(secure))
    assert [found.type.value for found in call.events(task)] == ["chunk", "task_finished"]
    assert len(proxy.asked) == 1


def test_a_proxy_may_speak_tls_itself(
    call: Caller, secure: Secure, start: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
):
    proxy = start(tls=server_context())
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert get(call, securely(secure)).id == ANSWERED_TASK["id"]
    assert (proxy.asked[0].method, secure.requests[0].headers["x-api-key"]) == ("CONNECT", KEY)


def test_a_proxy_that_speaks_tls_is_not_trusted_without_its_certificate(
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    start: Callable[..., Proxy],
    monkeypatch: pytest.MonkeyPatch,
):
    proxy = start(tls=server_context())
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert "certificate" in refused(call, plainly(misbehave()))
    assert proxy.asked == []


def test_proxies_are_read_anew_by_a_new_object(
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    start: Callable[..., Proxy],
    monkeypatch: pytest.MonkeyPatch,
):
    server, first, second = misbehave(), start(), start()
    monkeypatch.setenv("HTTP_PROXY", first.url)
    get(call, plainly(server))
    gc.collect()
    monkeypatch.setenv("HTTP_PROXY", second.url)
    get(call, plainly(server))
    assert (len(first.asked), len(second.asked)) == (1, 1)


# --- past ---


@pytest.mark.parametrize("listed", [NAME, ".test", "elsewhere.test, platform.test", "*", "{host}"])
def test_no_proxy_leads_past_the_proxy(
    listed: str, call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    looked_up = resolve(monkeypatch, {NAME: "127.0.0.1"})
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", listed.format(host=f"{NAME}:{secure.port}"))
    assert get(call, securely(secure)).id == ANSWERED_TASK["id"]
    assert proxy.connections == 0
    assert NAME in looked_up


def test_no_proxy_of_another_host_changes_nothing(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "example.test,form.test,127.0.0.0/8")
    get(call, securely(secure))
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_loopback_address_is_never_reached_through_a_proxy(
    host: str,
    call: Caller,
    misbehave: Callable[..., Misbehaving],
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
):
    resolve(monkeypatch, {"localhost": "127.0.0.1"})
    server = misbehave()
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, proxy.url)
    get(call, configured(server, base_url=f"http://{host}:{server.port}"))
    assert proxy.connections == 0


# --- in the clear ---


def test_a_proxy_is_given_no_key_in_the_clear_unless_that_is_allowed(
    call: Caller, misbehave: Callable[..., Misbehaving], proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    server = misbehave()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    text = refused(call, plainly(server, allow_insecure_http=None), ConfigurationError)
    assert "allow_insecure_http=True" in text
    assert proxy.connections == 0
    monkeypatch.setenv("XPANDER_ALLOW_INSECURE_HTTP", "1")
    get(call, plainly(server, allow_insecure_http=None))
    assert server.requests[0].headers["x-api-key"] == KEY
    refused(call, plainly(server, allow_insecure_http=False), ConfigurationError)
    assert len(server.requests) == 1


# --- credentials ---


@pytest.mark.off_contract("proxy-authorization, which is for the proxy")
def test_a_proxy_s_user_and_password_are_for_the_proxy_alone(
    call: Caller, secure: Secure, start: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
):
    proxy = start(credentials=f"user:{PASSWORD}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss-59c1@{proxy.host}")
    monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss-59c1@{proxy.host}")
    get(call, securely(secure))
    with Misbehaving() as server:
        get(call, plainly(server))
    assert len(proxy.asked) == 2
    assert "proxy-authorization" not in secure.requests[0].headers


@pytest.mark.off_contract("proxy-authorization, which is for the proxy")
def test_a_wrong_password_of_a_proxy_is_an_error_that_does_not_show_it(
    call: Caller,
    secure: Secure,
    misbehave: Callable[..., Misbehaving],
    start: Callable[..., Proxy],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("DEBUG")
    proxy = start(credentials="user:the right one")
    monkeypatch.setenv("ALL_PROXY", f"http://user:p%40ss-59c1@{proxy.host}")
    assert "407" in refused(call, securely(secure))
    server = misbehave()
    assert "407" in refused(call, plainly(server), ClientError)
    assert secure.connections == server.connections == []
    assert PASSWORD not in caplog.text


# --- a proxy that fails ---


def test_a_proxy_that_refuses_is_a_connection_error_with_its_status(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.answers += [b"HTTP/1.1 403 Not from here\r\nContent-Length: 0\r\n\r\n"]
    assert "403 Not from here" in refused(call, securely(secure))
    assert secure.connections == []


def test_a_proxy_that_knows_no_such_host_is_a_connection_error(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert "502" in refused(call, securely(secure, base_url=f"https://no-such-host.test:{secure.port}"))


def test_what_a_refusing_proxy_let_nobody_take_is_sent_again(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.answers += [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"]
    call(Tasks(securely(secure, max_retries=1)), "create", "a")
    assert len(proxy.asked) == 2
    assert len(secure.requests) == 1


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"\x15\x03\x01 this is no HTTP\r\n\r\n"])
def test_a_proxy_that_breaks_off_is_a_connection_error(
    said: bytes, call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.answers += [said, b""]
    refused(call, securely(secure))
    assert get(call, securely(secure, max_retries=1)).id == ANSWERED_TASK["id"]


def test_a_dead_proxy_is_a_connection_error(
    call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch, looked_up: list[str]
):
    with Proxy({}) as gone:
        pass
    monkeypatch.setenv("HTTPS_PROXY", gone.url)
    refused(call, securely(secure))
    assert looked_up == [], "nothing goes past a proxy because it is dead"


def test_a_proxy_that_says_nothing_is_waited_for_no_longer_than_the_timeout(
    call: Caller, secure: Secure, misbehave: Callable[..., Misbehaving], monkeypatch: pytest.MonkeyPatch
):
    mute = misbehave(otherwise=lambda connection, _: bool(connection.wait_for_client_to_leave()))
    monkeypatch.setenv("HTTPS_PROXY", mute.url)
    began = time.monotonic()
    refused(call, securely(secure, timeout=0.3))
    assert time.monotonic() - began < 4.5  # less than a connection may take by default
    assert mute.wait_for(lambda: mute.open == 0)


def test_a_platform_that_breaks_off_behind_a_proxy_leaves_no_tunnel(
    call: Caller, secure: Secure, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    secure.play(close, answer(503))
    with Tasks(securely(secure, max_retries=2)) as tasks:
        assert call(tasks, "get", "task_1").id == ANSWERED_TASK["id"]
    assert [request.connection for request in secure.requests] == [1, 2, 2]
    assert secure.wait_for(lambda: secure.open == 0)


@pytest.mark.parametrize("url", ["ftp://user:p%40ss-59c1@127.0.0.1:1", "http://user:p%40ss-59c1@:port"])
def test_a_proxy_that_is_none_is_a_configuration_error_that_does_not_show_the_password(
    url: str, call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", url)
    assert "HTTPS_PROXY" in refused(call, securely(secure), ConfigurationError)


@pytest.mark.parametrize("url", ["http://user:p%40ss-59c1@[half", "http://user:p%40ss-59c1@127.0.0.1:99999999"])
def test_a_proxy_that_can_not_be_is_an_error_that_does_not_show_the_password(
    url: str, call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", url)
    refused(call, securely(secure), XpanderError)


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="the package is here")
def test_a_socks_proxy_without_its_package_is_a_configuration_error_that_names_it(
    call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    assert "socksio" in refused(call, securely(secure), ConfigurationError)
