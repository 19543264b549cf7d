"""The trust boundary of the file fetch, step by step: which addresses are public, and what a fetch does next."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from xpander_facade import Configuration, FileLimits
from xpander_facade._downloads import fetch
from xpander_facade._downloads.addresses import is_public
from xpander_facade._downloads.budget import FileBudget, loggable_url
from xpander_facade._downloads.fetch import FetchRefused, Get, Reply, Resolve, Unreachable
from xpander_facade._transport.routing import Origin

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.0.1", "223.255.255.255", "2606:4700::1111",
     "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)  # fmt: skip
def test_an_address_of_the_public_internet_is_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
     "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192",
     "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250",
     "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%2", "fc00::1", "fd00:ec2::254", "fec0::1",
     "ff02::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "2001::1", "2002:7f00:1::", "::127.0.0.1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
     "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1"],
)  # fmt: skip
def test_any_other_address_is_not(address: str):
    assert not is_public(address)


class FetchFlow:
    """A fetch that is told what comes of each step."""

    def __init__(self, url: str, *, max_redirects: int = 5, **given: Any) -> None:
        policy = fetch._policy(Configuration(**given), FileLimits(max_redirects=max_redirects))
        self._steps = fetch._fetch_flow(url, policy)
        self.step: Any = next(self._steps)

    def tell(self, outcome: Any) -> Any:
        """Go on; return the next step, or the text at the end."""
        try:
            self.step = self._steps.send(outcome)
        except StopIteration as stop:
            return stop.value
        return self.step


def reply(text: str = "", location: str | None = None) -> Reply:
    return Reply(location, None, bytearray(text.encode()))


def redirected(location: str) -> Reply:
    return reply(location=location)


def test_the_address_that_was_checked_is_the_one_connected_to():
    journey = FetchFlow("https://user:pass@Files.Example:8443/a.txt?sig=1")
    assert journey.step == Resolve(b"files.example", 8443)
    step = journey.tell(["10.0.0.1", PUBLIC, "8.8.8.8"])
    assert isinstance(step, Get)
    assert step.route.origin == Origin(b"https", PUBLIC.encode(), 8443)
    assert step.route.proxy is None
    request = fetch._request(step.target, step.route, 1.0)
    reached = request.url.origin
    assert Origin(reached.scheme, reached.host, reached.port) == step.route.origin
    assert request.url.target == b"/a.txt?sig=1"
    assert request.extensions["sni_hostname"] == "files.example"
    headers = dict(request.headers)
    assert headers[b"host"] == b"files.example:8443"
    assert set(headers) == {b"host", b"user-agent", b"accept", b"accept-encoding", b"connection"}
    assert journey.tell(reply("content")) == "content"


def test_the_next_address_is_tried_where_one_does_not_answer():
    journey = FetchFlow("http://files.example/a.txt")
    assert journey.step == Resolve(b"files.example", 80)
    hosts = [
        journey.tell([PUBLIC, "2606:4700::1111"]).route.origin.host,
        journey.tell(Unreachable("x")).route.origin.host,
    ]
    assert hosts == [PUBLIC.encode(), b"2606:4700::1111"]
    with pytest.raises(FetchRefused, match="no route"):
        journey.tell(Unreachable("no route"))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fe80::1%2"])
def test_a_name_that_leads_to_a_private_address_is_refused_before_anything_is_sent(address: str):
    with pytest.raises(FetchRefused, match="not public"):
        FetchFlow("http://files.example/a.txt").tell([address])


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest", "//internal.example/x", "http://localhost/"])
def test_the_target_of_a_redirect_is_looked_up_and_checked_anew(location: str):
    journey = FetchFlow("http://files.example/a.txt")
    journey.tell([PUBLIC])
    assert isinstance(journey.tell(redirected(location)), Resolve)
    with pytest.raises(FetchRefused, match="not public"):
        journey.tell(["127.0.0.1"])


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://files.example/a", "gopher://x/", "data:,x"])
def test_a_redirect_leads_to_http_and_https_only(location: str):
    journey = FetchFlow("http://files.example/a.txt")
    journey.tell([PUBLIC])
    with pytest.raises(FetchRefused, match="only http and https"):
        journey.tell(redirected(location))


@pytest.mark.parametrize("url", ["http:///x", "https://", "ftp://x.example/", "files.example/a.txt", ""])
def test_a_url_needs_http_and_a_host(url: str):
    with pytest.raises(FetchRefused):
        FetchFlow(url)


def test_a_relative_redirect_stays_at_its_host():
    journey = FetchFlow("https://files.example/folder/a.txt")
    journey.tell([PUBLIC])
    assert journey.tell(redirected("../b.txt?x=1")) == Resolve(b"files.example", 443)
    assert str(journey.tell([PUBLIC]).target) == "https://files.example/b.txt?x=1"


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_one_redirect_too_many_is_refused(allowed: int):
    journey = FetchFlow("http://files.example/0", max_redirects=allowed)
    for number in range(allowed):
        journey.tell([PUBLIC])
        journey.tell(redirected(f"/{number + 1}"))
    journey.tell([PUBLIC])
    with pytest.raises(FetchRefused, match=f"more than {allowed} times"):
        journey.tell(redirected("/again"))


def test_a_proxy_of_the_environment_is_used_only_where_private_hosts_are_allowed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert isinstance(FetchFlow("http://files.example/a.txt").step, Resolve)
    step = FetchFlow("http://files.example/a.txt", allow_private_file_hosts=True).step
    assert isinstance(step, Get)
    assert step.route.proxy is not None
    assert step.route.proxy.url.host == "proxy.example"
    assert step.route.origin.host == b"files.example"


def test_the_platforms_certificate_settings_are_for_ones_own_network_only():
    checked, open_ = (
        FetchFlow("https://files.example/a", verify=False, allow_private_file_hosts=allowed).tell([PUBLIC]).route.tls
        for allowed in (False, True)
    )
    assert checked.check_hostname
    assert not open_.check_hostname


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("hé".encode(), None, "hé"),
        ("hé".encode(), "utf-8", "hé"),
        ("hé".encode("latin-1"), "iso-8859-1", "hé"),
        ("hé".encode("latin-1"), "utf-8", "h\ufffd"),
        ("hé".encode("latin-1"), None, "h\ufffd"),
        ("hé".encode(), "no-such-charset", "hé"),
        ("hé".encode("utf-16"), "utf-16", "hé"),
        (b"\xef\xbb\xbfh", None, "h"),
        (b"\xef\xbb\xbfh", "utf-8", "h"),
        (b"\xff\xfeh", "utf-16", "\ufffd"),
        *(("xn--hé".encode(), name, "xn--hé") for name in (
            "zlib", "base64", "rot13", "idna", "punycode", "undefined", "unicode_escape", "\x00",
        )),
    ],
)  # fmt: skip
def test_the_charset_is_the_headers_else_utf_8_and_what_it_lacks_is_replaced(
    content: bytes, charset: str | None, text: str
):
    assert fetch._text(bytearray(content), charset) == text


@pytest.mark.parametrize(
    ("value", "charset"),
    [
        ("text/csv; charset=ISO-8859-1", "iso-8859-1"),
        ('text/csv; charset="utf-8"', "utf-8"),
        ("text/csv", None),
        ("", None),
    ],
)
def test_the_charset_is_read_off_the_content_type(value: str, charset: str | None):
    assert fetch._charset({"content-type": value}) == charset


def test_a_url_in_the_log_has_no_secret_and_no_line_end():
    assert loggable_url("https://user:pass@x.example/a.txt?sig=secret#top") == "https://x.example/a.txt"
    assert loggable_url("https://x.example/a\nWARNING: b?c") == "https://x.example/a?WARNING: b"
    assert loggable_url("https://x.example/@home") == "https://x.example/@home"
    assert loggable_url("nonsense?sig=secret") == "nonsense"
    assert len(loggable_url("https://x.example/" + "a" * 1_000)) == 200


def shared(sizes: list[int], **limits: Any) -> tuple[list[int], list[str]]:
    """Fetch files of these sizes; return which are kept, and which were asked for."""
    texts = {f"u{number}": "x" * size for number, size in enumerate(sizes)}
    budget = FileBudget([*texts, *texts], FileLimits(**{"concurrency": 2, **limits}))
    fetched: list[str] = []
    for batch in budget.batches():
        fetched += batch
        budget.add(batch, (texts[url] for url in batch))
    assert list(budget.texts) == list(texts)
    assert all(text in {None, texts[url]} for url, text in budget.texts.items())
    return [number for number, text in enumerate(budget.texts.values()) if text is not None], fetched


def test_all_files_are_kept_where_they_fit_and_each_is_fetched_once():
    assert shared([1, 2, 3, 0, 4], max_total_bytes=10) == ([0, 1, 2, 3, 4], ["u0", "u1", "u2", "u3", "u4"])


def test_a_file_that_does_not_fit_with_those_before_it_is_left_out(caplog: pytest.LogCaptureFixture):
    assert shared([6, 6, 3, 2, 1], max_total_bytes=10)[0] == [0, 2, 4]
    assert "u1: all files together are longer than 10 bytes" in caplog.text
    assert "u3: " in caplog.text


def test_nothing_is_fetched_when_nothing_more_fits(caplog: pytest.LogCaptureFixture):
    assert shared([6, 4, 1, 1, 1], max_total_bytes=10) == ([0, 1], ["u0", "u1"])
    assert "3 files of the task were not read: all files together are longer than 10 bytes" in caplog.text


@pytest.mark.parametrize(("allowed", "fetched"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 5)])
def test_no_more_files_are_fetched_than_allowed(allowed: int, fetched: int, caplog: pytest.LogCaptureFixture):
    assert shared([1] * 5, max_files=allowed)[1] == [f"u{number}" for number in range(fetched)]
    left = f"{5 - allowed} files of the task were not read: there are more than {allowed}"
    assert (left in caplog.text) is (allowed < 5)


def test_texts_count_as_utf_8_and_those_that_have_none_cost_nothing():
    budget = FileBudget(["a", "b", "c"], FileLimits(max_total_bytes=4))
    budget.add(["a", "b", "c"], [None, "\u20ac\ud800", "\u20ac"])
    assert budget.texts == {"a": None, "b": None, "c": "\u20ac"}


def test_time_that_ends_while_a_connection_is_made_is_told_as_such(caplog: pytest.LogCaptureFixture):
    policy = fetch._policy(Configuration(allow_private_file_hosts=True), FileLimits())
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = fetch.Fetch(f"http://127.0.0.1:{server.getsockname()[1]}/a.txt", policy, time.monotonic() - 1)
        one.run()
    assert one.text is None
    assert "it took too long" in caplog.text
