"""Which hosts NO_PROXY excepts, as curl, Go and requests have it, and how a proxy may be written."""

from __future__ import annotations

import pytest

from xpander_facade._transport import proxies


@pytest.mark.parametrize(
    ("entry", "host", "port", "excepted"),
    [
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3/32", "10.1.2.3", 443, True),
        ("10.1.2.9/24", "10.1.2.3", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:8080", "10.1.2.3", 8080, True),
        ("10.1.2.3:8080", "10.1.2.3", 443, False),
        ("1.2.3", "10.1.2.3", 443, False),
        (".2.3", "10.1.2.3", 443, False),
        ("fd00::1", "fd00::1", 443, True),
        ("[fd00::1]", "fd00::1", 443, True),
        ("[fd00::1]", "FD00:0:0::1", 443, True),
        ("[fd00::1]:8443", "fd00::1", 8443, True),
        ("[fd00::1]:8443", "fd00::1", 443, False),
        ("fd00::/8", "fd00::1", 443, True),
        ("[fd00::]/8", "fd00::1", 443, True),
        ("fd00::/8", "fe80::1", 443, False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", 443, True),
        ("fe80::1", "fe80::1%eth0", 443, True),
        ("corp.test", "corp.test", 443, True),
        ("corp.test", "api.corp.test", 443, True),
        ("corp.test", "notcorp.test", 443, False),
        ("CORP.Test", "Api.Corp.TEST", 443, True),
        (".corp.test", "api.corp.test", 443, True),
        ("*.corp.test", "api.corp.test", 443, True),
        ("*.corp.test", "notcorp.test", 443, False),
        ("corp.test.", "api.corp.test", 443, True),
        ("corp.test", "api.corp.test.", 443, True),
        ("corp.test:8443", "api.corp.test", 8443, True),
        ("corp.test:8443", "api.corp.test", 443, False),
        ("*", "anything.test", 443, True),
        ("", "anything.test", 443, False),
        (".", "anything.test", 443, False),
        ("10.0.0.0/99", "10.1.2.3", 443, False),
        ("a.test, corp.test", "api.corp.test", 443, True),
        ("a.test corp.test", "api.corp.test", 443, True),
        ("a.test,,10.0.0.0/8 ", "10.1.2.3", 443, True),
    ],
)
def test_what_no_proxy_excepts(entry: str, host: str, port: int, excepted: bool):
    assert proxies.is_excepted(entry, host, port) is excepted


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("http://proxy.test:3128", "http://proxy.test:3128"),
        ("proxy.test:3128", "http://proxy.test:3128"),
        ("SOCKS5://proxy.test:1080", "socks5://proxy.test:1080"),
        (" HTTPS://User:Pass@proxy.test ", "https://User:Pass@proxy.test"),
    ],
)
def test_how_a_proxy_may_be_written(written: str, used: str):
    assert proxies.with_scheme(written) == used
