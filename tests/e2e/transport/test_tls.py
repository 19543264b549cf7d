"""Certificates: whom the client believes, what it says of the others, and TLS connections that are shared."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, configured, run_python
from misbehaving import BROKEN, Misbehaving, answer, event, head, stream
from secure import AUTHORITY, AUTHORITY_HASH, NAME, Secure, resolve
from wire_cases import ANSWERED_TASK

from xpander_facade import APIConnectionError, Backend, Configuration, ConfigurationError, RetryEvent, Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORKING = ("-W", "error", "-W", "ignore::DeprecationWarning")
PREAMBLE = """
    import asyncio, os, sys
    from xpander_facade import Backend, Configuration, Task, Tasks
    configuration = Configuration(
        api_key="k", organization_id="o", base_url=sys.argv[1], verify=sys.argv[2], max_retries=0, timeout=10
    )
    backend = Backend(configuration)
"""


@pytest.fixture
def secure() -> Iterator[Secure]:
    with Secure() as server:
        yield server


def trusting(server: Secure, **given: Any) -> Configuration:
    return configured(server, **{"verify": str(AUTHORITY), "api_key": KEY, **given})


def get(call: Caller, configuration: Configuration) -> Task:
    return call(Tasks(configuration), "get", "task_1")


def is_believed(call: Caller, configuration: Configuration) -> bool:
    return get(call, configuration).id == ANSWERED_TASK["id"]


# --- whom to believe ---


def test_a_certificate_of_nobody_known_is_refused_before_the_key_is_sent(call: Caller, secure: Secure):
    told: list[RetryEvent] = []
    with pytest.raises(APIConnectionError) as caught:
        get(call, configured(secure, api_key=KEY, max_retries=2, on_retry=told.append))
    assert "certificate" in str(caught.value)
    assert secure.requests == []
    assert told == [], "it would be no better the next time"
    assert secure.wait_for(lambda: len(secure.refusals) == 1)
    assert secure.wait_for(lambda: secure.open == 0)


def test_the_error_for_a_refused_certificate_names_the_remedy(call: Caller, secure: Secure):
    with pytest.raises(APIConnectionError, match=r"verify=.*SSL_CERT_FILE"):
        get(call, configured(secure))


def test_a_certificate_of_another_host_is_refused(call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch):
    resolve(monkeypatch, {NAME: "127.0.0.1", "other.test": "127.0.0.1"})
    assert is_believed(call, trusting(secure, base_url=f"https://{NAME}:{secure.port}"))
    with pytest.raises(APIConnectionError, match="certificate"):
        get(call, trusting(secure, base_url=f"https://other.test:{secure.port}"))
    assert len(secure.requests) == 1
    assert secure.asked == [NAME, "other.test"]


def test_verify_may_be_a_file(call: Caller, secure: Secure):
    assert is_believed(call, configured(secure, verify=str(AUTHORITY)))


def test_verify_may_be_a_folder(call: Caller, secure: Secure, tmp_path: Path):
    shutil.copy(AUTHORITY, tmp_path / f"{AUTHORITY_HASH}.0")
    assert is_believed(call, configured(secure, verify=str(tmp_path)))


def test_verify_may_be_a_context_with_rules_of_its_own(call: Caller, secure: Secure):
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert is_believed(call, configured(secure, verify=context))
    assert not secure.refusals
    secure._context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(APIConnectionError):
        get(call, configured(secure, verify=context, base_url=f"{secure.url}/anew"))


def test_verify_false_believes_everybody(call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch):
    resolve(monkeypatch, {"other.test": "127.0.0.1"})
    assert is_believed(call, configured(secure, verify=False))
    assert is_believed(call, configured(secure, verify=False, base_url=f"https://other.test:{secure.port}"))
    with pytest.raises(APIConnectionError, match="certificate"):
        get(call, configured(secure))


def test_ssl_cert_file_names_the_authorities(call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(APIConnectionError, match="certificate"):
        get(call, configured(secure))
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    assert is_believed(call, configured(secure)), "the next call reads it anew"


def test_ssl_cert_dir_names_the_authorities(
    call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    shutil.copy(AUTHORITY, tmp_path / f"{AUTHORITY_HASH}.0")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert is_believed(call, configured(secure))


def test_verify_goes_before_the_environment(
    call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    doubting = ssl.create_default_context()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "is not there.pem"))
    assert is_believed(call, configured(secure, verify=str(AUTHORITY)))
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    with pytest.raises(APIConnectionError, match="certificate"):
        get(call, configured(secure, verify=doubting))


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_certificates_that_can_not_be_loaded_are_a_configuration_error(
    content: str | None, call: Caller, secure: Secure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match="verify="):
        get(call, configured(secure, verify=str(file)))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        get(call, configured(secure))
    assert secure.connections == []


def test_event_streams_are_checked_as_calls_are(call: Caller, secure: Secure):
    secure.play(stream(event("task_finished", ANSWERED_TASK)))
    task = Task.from_dict(ANSWERED_TASK, trusting(secure))
    assert [found.type.value for found in call.events(task)] == ["task_finished"]


# --- a server that speaks TLS badly ---


def test_a_server_that_speaks_no_tls_is_a_connection_error(call: Caller):
    def serve() -> None:
        with listener.accept()[0] as accepted, contextlib.suppress(ConnectionError):
            accepted.recv(65_536)
            accepted.sendall(head(400, {"Content-Length": "0"}))
            while accepted.recv(65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve)
        with pytest.raises(APIConnectionError, match="could not connect"):
            get(
                call,
                Configuration(api_key=KEY, base_url=f"https://127.0.0.1:{listener.getsockname()[1]}", max_retries=0),
            )
        served.result(10)


def test_a_handshake_that_hangs_ends_with_the_timeout(call: Caller):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(APIConnectionError):
            get(call, Configuration(api_key=KEY, base_url=f"https://127.0.0.1:{port}", timeout=0.3, max_retries=0))
        assert time.monotonic() - began < 4.5  # less than a connection may take by default


@pytest.mark.parametrize("fault", BROKEN)
def test_a_secure_answer_that_breaks_off_is_a_connection_error(fault: str, call: Caller, secure: Secure):
    secure.play(BROKEN[fault])
    with pytest.raises(APIConnectionError, match="broke"):
        get(call, trusting(secure))
    assert is_believed(call, trusting(secure))
    assert len(secure.requests) == 2


# --- shared ---


def test_secure_calls_use_one_connection_over_and_over(secure: Secure):
    with Tasks(trusting(secure)) as tasks:
        for _ in range(10):
            tasks.get("t")

    async def main() -> None:
        async with Tasks(trusting(secure)) as tasks:
            for _ in range(10):
                await tasks.aget("t")

    asyncio.run(main())
    assert [request.connection for request in secure.requests] == [1] * 10 + [2] * 10
    assert secure.wait_for(lambda: secure.open == 0)


def test_several_loops_in_threads_share_one_secure_backend(secure: Secure):
    backend = Backend(trusting(secure))

    def work(name: int) -> None:
        async def main() -> None:
            tasks = await asyncio.gather(*(backend.areport_external_task("a", id=f"{name}-{n}") for n in range(8)))
            assert [task.id for task in tasks] == [f"{name}-{n}" for n in range(8)]

        asyncio.run(main())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(secure.requests) == 32
    assert secure.wait_for(lambda: secure.open == 0)


COUNTED = """
    import ssl
    made = []
    new = ssl.SSLContext.__new__
    def counted(cls, *args, **kwargs):
        made.append(cls)
        return new(cls, *args, **kwargs)
    ssl.SSLContext.__new__ = counted
"""


def test_a_process_makes_one_tls_context(secure: Secure, monkeypatch: pytest.MonkeyPatch):
    # The authorities of the environment, which is how verify=True finds them.
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    secure.play(*[answer(body=ANSWERED_TASK)] * 9, stream(event("task_finished", ANSWERED_TASK)))
    out = run_python(
        COUNTED
        + """
    import asyncio, sys, threading
    from xpander_facade import Backend, Configuration, Task, Tasks
    def asked(**given):
        return Configuration(api_key="k", organization_id="o", base_url=sys.argv[1], max_retries=0, **given)
    for n in range(3):
        Tasks(asked(timeout=n + 1)).get("t")
        with Tasks(asked()) as tasks:
            tasks.get("t")
    for n in range(2):
        asyncio.run(Tasks(asked()).aget("t"))
    task = Tasks(asked()).get("t")
    list(task.events())
    print(len(made))
    """,
        secure.url,
    )
    assert len(secure.requests) == 10
    assert out == "1\n"


def test_plain_http_makes_no_tls_context(misbehave: Callable[..., Misbehaving]):
    out = run_python(
        COUNTED
        + """
    import asyncio, sys
    from xpander_facade import Configuration, Tasks
    tasks = Tasks(Configuration(api_key="k", base_url=sys.argv[1]))
    tasks.get("t")
    asyncio.run(tasks.aget("t"))
    print(len(made))
    """,
        misbehave().url,
    )
    assert out == "0\n"


# --- processes ---


def test_a_process_that_ends_with_warm_secure_connections_says_nothing(secure: Secure):
    run_python(PREAMBLE + '    backend.report_external_task("a")', secure.url, str(AUTHORITY))
    run_python(PREAMBLE + '    asyncio.run(backend.areport_external_task("a"))', secure.url, str(AUTHORITY))
    run_python(
        PREAMBLE
        + """
    backend.report_external_task("a")
    async def main():
        await backend.areport_external_task("a")
        backend.report_external_task("a")
        sys.exit(0)
    asyncio.run(main())
    """,
        secure.url,
        str(AUTHORITY),
    )
    assert len(secure.requests) == 5
    assert secure.wait_for(lambda: secure.open == 0)


def test_a_fork_with_warm_secure_connections_harms_neither_side(secure: Secure):
    # Parent and child share no TLS state: a record sent by one would make the other's next one unreadable.
    run_python(
        PREAMBLE
        + """
    def report(id):
        assert backend.report_external_task("a", id=id).id == id
    report("parent-1")
    child = os.fork()
    if child == 0:
        report("child-1")
        asyncio.run(backend.areport_external_task("a", id="child-2"))
        backend.close()
        sys.exit(0)
    report("parent-2")
    assert os.waitpid(child, 0)[1] == 0
    report("parent-3")
    """,
        secure.url,
        str(AUTHORITY),
        flags=FORKING,
    )
    by_id = {request.json["id"]: request.connection for request in secure.requests}
    assert by_id["parent-1"] == by_id["parent-2"] == by_id["parent-3"] == 1
    assert 1 not in (by_id["child-1"], by_id["child-2"])


def test_a_fork_inside_a_loop_with_warm_secure_connections_harms_neither_side(secure: Secure):
    run_python(
        PREAMBLE
        + """
    async def main():
        await backend.areport_external_task("a", id="parent-1")
        backend.report_external_task("a", id="parent-2")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                backend.report_external_task("a", id="child")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        await backend.areport_external_task("a", id="parent-3")
        backend.report_external_task("a", id="parent-4")
    asyncio.run(main())
    """,
        secure.url,
        str(AUTHORITY),
        flags=FORKING,
    )
    by_id = {request.json["id"]: request.connection for request in secure.requests}
    assert by_id["parent-1"] == by_id["parent-3"]
    assert by_id["parent-2"] == by_id["parent-4"]
    assert by_id["child"] not in (by_id["parent-1"], by_id["parent-2"])
