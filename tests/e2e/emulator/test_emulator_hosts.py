"""Whom the emulator answers: names of hosts, origins of pages, other machines."""

from __future__ import annotations

import socket

import httpx
import pytest

from xpander_facade.emulator import Emulator

KEY = {"x-api-key": "k"}


def status(emulator: Emulator, **headers: str) -> int:
    return httpx.get(f"{emulator.url}/agents/list", headers=KEY | headers).status_code


def test_a_name_that_was_rebound_to_this_machine_is_refused():
    with Emulator() as emulator:
        answer = httpx.get(f"{emulator.url}/agents/list", headers=KEY | {"host": "somewhere.example:8787"})
        assert answer.status_code == 403
        assert "--allow-host" in answer.json()["detail"]
        assert [(request.status, request.operation_id) for request in emulator.requests()] == [(403, None)]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:1", "localhost.", "api.localhost:8787", "127.0.0.1", "127.0.0.1:80", "127.9.9.9",
        "[::1]:8787", "192.168.1.5:8787",
    ],
)  # fmt: skip
def test_names_of_this_machine_and_addresses_are_answered(host: str):
    with Emulator() as emulator:
        assert status(emulator, host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "somewhere.example", "localhost.somewhere.example", "127.0.0.1.nip.io", "notlocalhost", "a@localhost",
        "localhost@b", "localhost:port", "localhost:99999", "localhost/x", "localhost?x", "", " ", "[::1", "\xe9",
    ],
)  # fmt: skip
def test_all_other_names_are_refused(host: str):
    with Emulator() as emulator, socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as raw:
        raw.sendall(f"GET /agents/list HTTP/1.1\r\nhost: {host}\r\nx-api-key: k\r\n\r\n".encode("latin-1"))
        assert raw.recv(4096).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("lines", ["", "host: localhost\r\nhost: somewhere.example\r\n"])
def test_a_request_names_one_host(lines: str):
    with Emulator() as emulator, socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as raw:
        raw.sendall(f"GET /agents/list HTTP/1.1\r\n{lines}x-api-key: k\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 403")


def test_names_can_be_allowed():
    with Emulator(allow_hosts=["Emulator", ".svc.cluster.local"]) as emulator:
        for host, expected in (
            ("emulator:8787", 200),
            ("EMULATOR", 200),
            ("xpander.svc.cluster.local", 200),
            ("svc.cluster.local", 403),
            ("xsvc.cluster.local", 403),
            ("emulator.example", 403),
        ):
            assert (host, status(emulator, host=host)) == (host, expected)


@pytest.mark.parametrize("name", ["http://emulator", "emulator:80", "emulator/x", "", "a b", "*"])
def test_what_is_not_a_name_is_refused_at_once(name: str):
    with pytest.raises(ValueError, match="is not a host name"):
        Emulator(allow_hosts=[name])


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8787", 200),
        ("http://somewhere.example", 403),
        ("https://localhost.somewhere.example:8787", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_pages_from_elsewhere_are_refused(origin: str, expected: int):
    with Emulator() as emulator:
        assert status(emulator, origin=origin) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "somewhere.example"])
@pytest.mark.parametrize("key", [None, ""])
def test_other_machines_need_a_key(host: str, key: str | None):
    with pytest.raises(ValueError, match="pass api_key="):
        Emulator(host=host, api_key=key)


def test_with_a_key_it_listens_for_other_machines():
    with Emulator(host="0.0.0.0", api_key="k") as emulator:
        assert status(emulator) == 200


def test_a_head_without_an_end_is_refused():
    with Emulator() as emulator, socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as raw:
        raw.sendall(b"GET /agents/list HTTP/1.1\r\nhost: localhost\r\nx-long: ")
        answer = b""
        try:
            for _ in range(100):
                raw.sendall(b"a" * 10_000)
            answer = raw.recv(4096)
        except OSError:
            pass  # it was refused before all was sent
        assert answer.startswith((b"HTTP/1.1 431", b""))
        assert status(emulator) == 200
