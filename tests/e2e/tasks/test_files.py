"""A task's files, fetched over real sockets from a server that may do anything."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller, run_python
from misbehaving import Connection, Misbehaving, Request, answer, drip, endless, gzip_bomb, hang, head, only, reset
from secure import AUTHORITY, NAME, Secure, resolve

from xpander_facade import Configuration, FileLimits, Task
from xpander_facade._downloads import fetch
from xpander_facade.tasks._attachments import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from misbehaving import Script

SMALL = FileLimits(timeout=5, max_bytes=1_000, concurrency=4, max_redirects=2)
SHORT = FileLimits(timeout=0.8, max_bytes=1_000)


def task(*files: str, configuration: Configuration | None = None, **fields: Any) -> Task:
    created = {"id": "t-1", "agent_id": "a-1", "organization_id": "o-1", "created_at": "2026-01-02T03:04:05Z"}
    configuration = configuration or Configuration(api_key=KEY, allow_private_file_hosts=True)
    return Task.from_dict({**created, "input": {"text": "Read", "files": list(files)}, **fields}, configuration)


def routed(pages: Mapping[str, Script]) -> Script:
    """Play the script of the path that is asked for."""

    def script(connection: Connection, request: Request) -> bool:
        return pages.get(request.target.partition("?")[0], answer(404))(connection, request)

    return script


def text(content: bytes | str, content_type: str = "text/plain") -> Script:
    return answer(body=content, headers={"Content-Type": content_type})


def moved(location: str, status: int = 302) -> Script:
    return answer(status, b"", {"Location": location})


def slowly(then: Script) -> Script:
    def script(connection: Connection, request: Request) -> bool:
        connection.stop.wait(0.2)
        return then(connection, request)

    return script


@pytest.fixture
def serve(misbehave: Callable[..., Misbehaving]) -> Callable[[Mapping[str, Script]], Misbehaving]:
    return lambda pages: misbehave(otherwise=routed(pages))


def contents(call: Caller, files: list[str], limits: FileLimits | None = SMALL, **fields: Any) -> list[str]:
    """Return what the files say, after a check that there is an entry for each, in order."""
    entries = call(task(*files, **fields), "get_human_readable_files", limits=limits)
    assert [set(entry) for entry in entries] == [{"url", "content"}] * len(files)
    assert [entry["url"] for entry in entries] == files
    return [entry["content"] for entry in entries]


def test_text_files_are_read_in_order_and_the_key_is_not_sent(call: Caller, serve: Any):
    server = serve({"/a.csv": text("id,name\n1,Žofia\n", "text/csv; charset=utf-8"), "/b.json": answer(body={"b": 2})})
    found = task(f"{server.url}/a.csv?sig=1", f"{server.url}/c.pdf", f"{server.url}/b.json", f"{server.url}/d.png")
    entries = call(found, "get_human_readable_files")
    assert entries == [
        {"url": f"{server.url}/a.csv?sig=1", "content": "id,name\n1,Žofia\n"},
        {"url": f"{server.url}/b.json", "content": '{"b": 2}'},
    ]
    assert {request.target for request in server.requests} == {"/a.csv?sig=1", "/b.json"}
    for request in server.requests:
        assert set(request.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["host"] == f"127.0.0.1:{server.port}"
        assert KEY not in str(request)


def test_the_message_holds_the_files_and_what_they_say(call: Caller, serve: Any):
    server = serve({"/a.csv": text("1,2")})
    message = call(task(f"{server.url}/a.csv", f"{server.url}/b.pdf"), "to_message", limits=SMALL)
    urls = [f"{server.url}/a.csv", f"{server.url}/b.pdf"]
    assert message.splitlines() == [
        "Read",
        f"Files: {', '.join(urls)}",
        "Files contents:",
        json.dumps({"url": urls[0], "content": "1,2"}),
    ]


def test_without_injection_nothing_is_fetched(call: Caller, serve: Any):
    server = serve({"/a.csv": text("1,2")})
    found = task(f"{server.url}/a.csv", disable_attachment_injection=True)
    assert call(found, "get_human_readable_files") == []
    assert call(found, "to_message") == f"Read\nFiles: {server.url}/a.csv"
    assert server.connections == []


def test_a_file_that_is_named_twice_is_fetched_once(call: Caller, serve: Any):
    server = serve({"/a.txt": text("a")})
    url = f"{server.url}/a.txt"
    assert call(task(*[url] * 50), "get_human_readable_files") == [{"url": url, "content": "a"}]
    assert len(server.requests) == 1


def test_a_file_that_is_named_twice_is_shown_once(call: Caller, serve: Any):
    server = serve({"/a.txt": text("a"), "/b.txt": text("b")})
    urls = [f"{server.url}/{name}.txt" for name in "abab"]
    assert call(task(*urls), "to_message").splitlines() == [
        "Read",
        f"Files: {', '.join(urls)}",
        "Files contents:",
        *(json.dumps({"url": f"{server.url}/{name}.txt", "content": name}) for name in "ab"),
    ]


def test_of_many_files_those_are_read_that_fit_together(call: Caller, serve: Any, caplog: pytest.LogCaptureFixture):
    server = serve({f"/{number}.txt": text("x" * 400) for number in range(6)})
    limits = FileLimits(concurrency=2, max_total_bytes=1_200)
    files = [f"{server.url}/{number}.txt" for number in range(6)]
    assert contents(call, files, limits) == ["x" * 400] * 3 + [UNREADABLE] * 3
    # What did not fit beside the third was fetched with it; what comes after was not.
    assert {request.target for request in server.requests} == {f"/{number}.txt" for number in range(4)}
    assert "2 files of the task were not read: all files together are longer than 1200 bytes" in caplog.text
    lines = call(task(*files), "to_message", limits=limits).splitlines()
    assert [json.loads(line)["content"] for line in lines[3:]] == ["x" * 400] * 3 + [UNREADABLE] * 3


def test_no_more_files_are_fetched_than_allowed(call: Caller, serve: Any, caplog: pytest.LogCaptureFixture):
    server = serve({f"/{number}.txt": text("x") for number in range(5)})
    files = [f"{server.url}/{number}.txt" for number in range(5)]
    assert contents(call, files, FileLimits(max_files=3)) == ["x", "x", "x", UNREADABLE, UNREADABLE]
    assert {request.target for request in server.requests} == {f"/{number}.txt" for number in range(3)}
    assert "2 files of the task were not read: there are more than 3" in caplog.text


def test_files_are_fetched_at_once_but_not_more_than_allowed(call: Caller, misbehave: Any):
    pair, lock, active, most = threading.Barrier(2), threading.Lock(), [0], [0]

    def meet(connection: Connection, request: Request) -> bool:
        with lock:
            active[0] += 1
            most[0] = max(most[0], active[0])
        pair.wait(10)  # nobody is answered before two have come
        connection.stop.wait(0.05)  # so that a third one would be seen
        with lock:
            active[0] -= 1
        return text(request.target)(connection, request)

    server = misbehave(otherwise=meet)
    files = [f"{server.url}/{number}.txt" for number in range(6)]
    assert contents(call, files, FileLimits(concurrency=2)) == [f"/{number}.txt" for number in range(6)]
    assert most == [2]


@pytest.mark.parametrize(
    "page",
    {
        "larger than allowed": text("x" * 1_001),
        "larger than allowed, which only shows": only(head(200) + b"x" * 1_001),
        "larger than allowed, in chunks": only(
            head(200, {"Transfer-Encoding": "chunked"}) + b"3e8\r\n" + b"x" * 1_000 + b"\r\n1\r\nx\r\n0\r\n\r\n"
        ),
        "unpacked larger than allowed": gzip_bomb(10_000_000),
        "packed, though not asked for": answer(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
        "packed in a route that is not known": answer(body=b"x", headers={"Content-Encoding": "br, identity"}),
        "ends before it is whole": only(head(200, {"Content-Length": "10"}) + b"12345"),
        "closed without a word": lambda connection, request: False,
        "reset": reset,
        "no HTTP": only(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        "404": answer(404),
        "403 with a text": answer(403, "sign in"),
        "500": answer(500),
        "304": answer(304, b""),
        "redirect without a target": answer(302, b""),
        "redirect to itself": moved("/page.txt"),
        "redirect to a file": moved("file:///etc/passwd"),
        "redirect to nonsense": moved("http://[::1"),
    }.items(),
    ids=lambda page: page[0],
)
def test_a_file_that_fails_costs_neither_an_exception_nor_its_neighbours(
    call: Caller, serve: Any, page: tuple[str, Script], caplog: pytest.LogCaptureFixture
):
    server = serve({"/page.txt": page[1], "/a.txt": text("a"), "/b.txt": text("b")})
    with caplog.at_level(logging.WARNING, "xpander_facade"):
        files = [f"{server.url}/a.txt", f"{server.url}/page.txt?sig=SECRET", f"{server.url}/b.txt"]
        assert contents(call, files) == ["a", UNREADABLE, "b"]
    (record,) = caplog.records
    assert f"{server.url}/page.txt: " in record.getMessage()
    assert "SECRET" not in record.getMessage()


def test_a_file_of_just_the_largest_size_is_read(call: Caller, serve: Any):
    server = serve({"/a.txt": text("x" * 1_000), "/b.txt": only(head(200) + b"y" * 1_000), "/c.txt": answer(204, b"")})
    files = [f"{server.url}/{name}.txt" for name in "abc"]
    assert contents(call, files) == ["x" * 1_000, "y" * 1_000, ""]


@pytest.mark.parametrize(
    "page",
    {
        "never answers": hang,
        "drips its body": drip(head(200), b"x"),
        "drips its headers": drip(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"),
        "redirects slowly": slowly(moved("/slow.txt")),
    }.items(),
    ids=lambda page: page[0],
)
def test_a_slow_file_ends_when_its_time_is_over(
    call: Caller, serve: Any, page: tuple[str, Script], caplog: pytest.LogCaptureFixture
):
    server = serve({"/slow.txt": page[1], "/a.txt": text("a")})
    began = time.monotonic()
    assert contents(call, [f"{server.url}/slow.txt", f"{server.url}/a.txt"], SHORT) == [UNREADABLE, "a"]
    # The drips go on for twenty seconds.
    assert 0.7 < time.monotonic() - began < 15
    assert "it took too long" in caplog.text
    # The connection is closed, not left to itself.
    assert server.wait_for(lambda: server.open == 0)


def test_a_body_without_an_end_is_left_as_soon_as_it_is_too_large(call: Caller, misbehave: Any):
    sent = [0]
    server = misbehave(otherwise=endless(sent))
    assert contents(call, [f"{server.url}/a.txt"]) == [UNREADABLE]
    assert server.wait_for(lambda: server.open == 0)
    assert sent[0] < 50_000_000  # what the sockets' buffers took


def test_a_body_that_promises_to_be_too_large_is_not_waited_for(
    call: Caller, misbehave: Any, caplog: pytest.LogCaptureFixture
):
    server = misbehave(otherwise=only(head(200, {"Content-Length": "1001"}), then=hang))
    assert contents(call, [f"{server.url}/a.txt"]) == [UNREADABLE]
    assert "larger than 1000 bytes" in caplog.text


@pytest.mark.parametrize(
    ("content", "content_type", "found"),
    [
        ("hé".encode("latin-1"), "text/plain; charset=iso-8859-1", "hé"),
        ("hé".encode("latin-1"), "text/plain; charset=utf-8", "h\ufffd"),
        ("hé".encode("latin-1"), "text/plain", "h\ufffd"),
        ("hé".encode(), "text/plain; charset=klingon", "hé"),
        ("hé".encode("utf-16"), "text/plain; charset=UTF-16", "hé"),
    ],
)
def test_a_wrong_charset_costs_only_what_it_can_not_say(
    call: Caller, serve: Any, content: bytes, content_type: str, found: str
):
    server = serve({"/a.txt": text(content, content_type)})
    assert contents(call, [f"{server.url}/a.txt"]) == [found]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_as_far_as_allowed(call: Caller, serve: Any, status: int):
    pages = {"/2.txt": text("there"), "/1.txt": moved("2.txt", status), "/0.txt": moved("/1.txt", status)}
    server = serve({**pages, "/far.txt": moved("/0.txt", status)})
    pages = [f"{server.url}/0.txt", f"{server.url}/far.txt"]
    assert contents(call, pages) == ["there", UNREADABLE]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:7f00:1]"])
def test_a_private_host_is_not_even_connected_to(call: Caller, serve: Any, host: str, caplog: Any):
    server = serve({"/a.txt": text("secret")})
    closed = Configuration(api_key=KEY)
    assert contents(call, [f"http://{host}:{server.port}/a.txt"], configuration=closed) == [UNREADABLE]
    assert "is not public" in caplog.text
    assert server.connections == []
    # The same file, where the user says so: the test would find a connection.
    assert contents(call, [f"http://{host}:{server.port}/a.txt"]) == ["secret"]


def test_the_environment_can_open_private_hosts(call: Caller, serve: Any, monkeypatch: pytest.MonkeyPatch):
    server = serve({"/a.txt": text("a")})
    monkeypatch.setenv("XPANDER_ALLOW_PRIVATE_FILE_HOSTS", "true")
    assert contents(call, [f"{server.url}/a.txt"], configuration=Configuration()) == ["a"]
    closed = Configuration(allow_private_file_hosts=False)
    assert contents(call, [f"{server.url}/a.txt"], configuration=closed) == [UNREADABLE]


def test_a_redirect_to_a_private_address_is_not_followed(
    call: Caller, serve: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    inner = serve({"/a.txt": text("secret")})
    outer = serve({"/a.txt": moved(f"http://localhost:{inner.port}/a.txt"), "/b.txt": text("b")})
    # One loopback name plays a public host; what it really resolves to is checked as ever.
    real = socket.getaddrinfo
    resolved = {"public.example": "127.0.0.1", "localhost": "127.0.0.1"}
    monkeypatch.setattr(
        "xpander_facade._transport.resolving.socket.getaddrinfo",
        lambda host, *a, **k: real(resolved.get(host, host), *a, **k),
    )
    lookups: list[str] = []

    def is_public(address: str) -> bool:
        lookups.append(address)
        return len(lookups) in {1, 2}

    monkeypatch.setattr(fetch, "is_public", is_public)
    files = [f"http://public.example:{outer.port}/{name}.txt" for name in "ba"]
    closed = Configuration(api_key=KEY)
    assert contents(call, files, FileLimits(concurrency=1), configuration=closed) == ["b", UNREADABLE]
    assert len(lookups) == 3
    assert "the address of localhost is not public" in caplog.text
    assert [request.target for request in outer.requests] == ["/b.txt", "/a.txt"]
    assert inner.connections == []


def test_a_host_is_looked_up_once_for_each_request(call: Caller, serve: Any, monkeypatch: pytest.MonkeyPatch):
    server = serve({"/a.txt": moved("/b.txt"), "/b.txt": text("b")})
    real, names = socket.getaddrinfo, []

    def rebinding(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "rebinding.example":
            names.append(host)
            host = "127.0.0.1"
        return real(host, *args, **kwargs)

    monkeypatch.setattr("xpander_facade._transport.resolving.socket.getaddrinfo", rebinding)
    assert contents(call, [f"http://rebinding.example:{server.port}/a.txt"]) == ["b"]
    assert names == ["rebinding.example"] * 2
    assert {request.headers["host"] for request in server.requests} == {f"rebinding.example:{server.port}"}


def test_a_look_up_that_hangs_ends_with_the_files_time(call: Caller, serve: Any, monkeypatch: pytest.MonkeyPatch):
    server = serve({"/a.txt": text("a")})
    real, released = socket.getaddrinfo, threading.Event()

    def hanging(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.example":
            released.wait(30)
        return real(host, *args, **kwargs)

    monkeypatch.setattr("xpander_facade._transport.resolving.socket.getaddrinfo", hanging)
    began = time.monotonic()
    try:
        assert contents(call, ["http://slow.example/a.txt", f"{server.url}/a.txt"], SHORT) == [UNREADABLE, "a"]
        assert time.monotonic() - began < 10
    finally:
        released.set()


def test_no_proxy_of_the_environment_is_used_but_in_ones_own_network(
    call: Caller, serve: Any, monkeypatch: pytest.MonkeyPatch
):
    proxy = serve({"http://files.invalid/a.txt": text("through the proxy")})
    monkeypatch.setenv("http_proxy", proxy.url)
    closed = Configuration(api_key=KEY)
    assert contents(call, ["http://files.invalid/a.txt"], configuration=closed) == [UNREADABLE]
    assert proxy.connections == []
    assert contents(call, ["http://files.invalid/a.txt"]) == ["through the proxy"]
    assert KEY not in str(proxy.requests)


@pytest.mark.parametrize(("name", "found"), [(NAME, "a"), ("other.test", UNREADABLE)])
def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    call: Caller, monkeypatch: pytest.MonkeyPatch, name: str, found: str
):
    resolve(monkeypatch, {name: "127.0.0.1"})
    own = Configuration(allow_private_file_hosts=True, verify=str(AUTHORITY))
    with Secure(otherwise=text("a")) as server:
        assert contents(call, [f"https://{name}:{server.port}/a.txt"], configuration=own) == [found]
        assert server.asked == [name]
        assert len(server.requests) == (found == "a")


MEASURED = """
    import asyncio, logging, pathlib, resource, sys
    from xpander_facade import Configuration, Task

    def peak():
        # ru_maxrss begins with what the parent process had; VmHWM is of this process alone.
        try:
            status = pathlib.Path("/proc/self/status").read_text()
        except OSError:
            unit = 1_000_000 if sys.platform == "darwin" else 1_000
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        return int(status.partition("VmHWM:")[2].split()[0]) * 1_024 / 1_000_000

    def read(files):
        created = {"id": "t", "agent_id": "a", "organization_id": "o", "created_at": "2026-01-02T03:04:05Z"}
        task = Task.from_dict({**created, "input": {"files": files}}, Configuration(allow_private_file_hosts=True))
        if sys.argv[2] == "sync":
            return task.get_human_readable_files()
        return asyncio.run(task.aget_human_readable_files())

    logging.getLogger("xpander_facade").addHandler(logging.NullHandler())
    url = sys.argv[1]
    assert read([f"{url}/small.txt"])[0]["content"] == "small"
    before = peak()
    entries = read([f"{url}/large{n}.txt" for n in range(10)])
    assert len(entries) == 10 and all(len(entry["content"]) < 100 for entry in entries), entries
    print(peak() - before)
"""


def test_ten_answers_of_fifty_megabytes_do_not_fill_the_memory(call: Caller, misbehave: Any):
    def fifty_megabytes(connection: Connection, request: Request) -> bool:
        if request.target == "/small.txt":
            return text("small")(connection, request)
        connection.send(head(200, {"Content-Type": "text/plain"}))
        for _ in range(800):
            connection.send(b"x" * 62_500)
        return False

    server = misbehave(otherwise=fifty_megabytes)
    grown = float(run_python(MEASURED, server.url, call.way))
    assert grown < 60  # megabytes
