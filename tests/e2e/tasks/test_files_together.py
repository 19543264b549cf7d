"""What a task's files cost together, and texts and redirects that are written in unusual ways."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from calling import KEY, Caller
from misbehaving import answer, endless, hang
from wire_cases import ANSWERED_TASK

from xpander_facade import Configuration, FileLimits, Task
from xpander_facade.tasks._attachments import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Connection, Misbehaving, Request

    Start = Callable[..., Misbehaving]


def contents(call: Caller, files: list[str], limits: FileLimits | None = None) -> list[str]:
    configuration = Configuration(api_key=KEY, allow_private_file_hosts=True)
    task = Task.from_dict({**ANSWERED_TASK, "input": {"text": "Read", "files": files}}, configuration)
    given = {} if limits is None else {"limits": limits}
    return [entry["content"] for entry in call(task, "get_human_readable_files", **given)]


@pytest.mark.parametrize(
    ("limits", "longest"),
    [(FileLimits(timeout=0.4), 2.0), (FileLimits(timeout=0.4, total_timeout=0.2), 1.2)],
)
def test_all_files_have_one_time(call: Caller, misbehave: Start, limits: FileLimits, longest: float):
    server = misbehave(otherwise=hang)
    began = time.monotonic()
    assert contents(call, [f"{server.url}/{n}.txt" for n in range(100)], limits) == [UNREADABLE] * 100
    assert time.monotonic() - began < longest


def test_what_came_of_files_that_are_not_read_counts_too(call: Caller, misbehave: Start):
    sent = [0]
    server = misbehave(otherwise=endless(sent))
    limits = FileLimits(max_bytes=100_000, max_total_bytes=300_000, concurrency=2)
    assert contents(call, [f"{server.url}/{n}.txt" for n in range(40)], limits) == [UNREADABLE] * 40
    assert len(server.requests) <= 4


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "application/octet-stream"])
def test_a_text_is_what_its_mark_says(call: Caller, misbehave: Start, encoding: str, kind: str):
    server = misbehave(otherwise=answer(200, "\ufeffname;Grüße\n".encode(encoding), {"Content-Type": kind}))
    assert contents(call, [f"{server.url}/a.csv"]) == ["name;Grüße\n"]


@pytest.mark.parametrize("location", ["/größe/b c.txt", "/gr%C3%B6%C3%9Fe/b%20c.txt"])
def test_a_redirect_in_utf_8_is_followed(call: Caller, misbehave: Start, location: str):
    def serve(connection: Connection, request: Request) -> bool:
        if request.target == "/a.txt":
            connection.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location.encode() + b"\r\n\r\n")
            return True
        assert request.target == "/gr%C3%B6%C3%9Fe/b%20c.txt"
        return answer(200, "there", {"Content-Type": "text/plain"})(connection, request)

    server = misbehave(otherwise=serve)
    assert contents(call, [f"{server.url}/a.txt"]) == ["there"]


@pytest.mark.parametrize(
    "given", [{"total_timeout": 0}, {"timeout": 1e300}, {"total_timeout": True}, {"timeout": None}]
)
def test_times_that_limit_nothing_are_refused(given: dict[str, Any]):
    with pytest.raises(ValueError, match="timeout"):
        FileLimits(**given)
