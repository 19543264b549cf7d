"""URLs that are read without httpx are read as httpx reads them."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xpander_facade._transport.routing import _parse_normal, parse_url

PIECES = st.sampled_from(
    ["http", "https", "HTTP", "ftp", "://", ":", "/", "//", "a", "Host", "api.test", "127.0.0.1", "1.2.3", "999.1.1.1",
     "[::1]", "xn--a", "-a", "a-", "_", ".", "..", "%41", "%2f", "%2F", "%", "?", "#", "x=1", "&", "é", " ", "'", '"',
     "|", "\\", "^", "80", "443", "8080", "0", "65535", "65536", "@", "user", ";", "+", "~", "{", "\n"]
)  # fmt: skip


@given(st.builds("{}://{}{}".format, st.sampled_from(["http", "https"]), st.lists(PIECES, max_size=4).map("".join),
                 st.lists(PIECES, max_size=6).map("".join)))  # fmt: skip
@example("http://127.0.0.1:8080/agent-execution/a%2Fb/report_task")
@example("https://api.test/x/agents/list?page=1&q=a+b")
@example("http://1.2.3.4/")
@example("http://a.1/")
@example("https://api.test:443/")
@example("http://api.test:80/")
@example("https://api.test:80/")
@example("https://api.test/a//b")
@example("https://api.test/a/../b")
@example("https://api.test/a?b='c'")
def test_they_are_the_same(url: str):
    found = _parse_normal(url)
    if found is not None:
        expected = httpx.URL(url)
        assert (found.path, found.host, found.port) == (expected.raw_path, expected.netloc, expected.port)
        assert (found.origin.scheme, found.origin.host) == (expected.raw_scheme, expected.raw_host)
        assert found.origin.port == (expected.port or {"http": 80, "https": 443}[expected.scheme])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/agent-execution/5f0c2a4e-agent/report_task",
        "http://localhost:8080/agents/list?page=1",
        "https://inbound.xpander.ai/3c9f-organization/agent-execution/a%2Fb/status",
        "https://a-b.c1.example/x?since=2026-01-02T03%3A04%3A05Z&y=",
    ],
)
def test_those_of_the_platform_need_no_httpx(url: str):
    assert _parse_normal(url) is not None


@pytest.mark.parametrize(
    "url", ["https://EXAMPLE.test/", "https://exämple.test/", "http://[::1]:80/a", "https://a/b c"]
)
def test_others_are_left_to_it(url: str):
    assert _parse_normal(url) is None
    assert parse_url(url).path == httpx.URL(url).raw_path
