"""What the tests over real sockets share: a running platform, a configuration for it, both ways of calling."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from calling import Caller
from misbehaving import Misbehaving

from xpander_facade import Backend, Configuration
from xpander_facade._transport import parsers as parsers  # takes the library that the environment names
from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from misbehaving import Script

_VARIABLES = re.compile(r"XPANDER_(?!HTTP_PARSER$)|IS_STG$|IS_XPANDER|SSL_CERT_|(HTTPS?|ALL|NO)_PROXY$", re.IGNORECASE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        metavar="URL",
        help="run what can run against the platform at this URL (with the XPANDER_* variables) instead of the emulator",
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Take the variables that configure calls out of the environment, and return what they were.

    All but that which names the parser of responses: the tests run on both.
    """
    found = {name: value for name, value in os.environ.items() if _VARIABLES.match(name)}
    for name in found:
        monkeypatch.delenv(name)
    return found


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """A running emulator that must not break the contract."""
    if request.config.getoption("--server", default=None):
        pytest.skip("looks into the emulator, or sets its faults")
    with Emulator(validate_answers=True, step=0.001) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def configuration(request: pytest.FixtureRequest, environment: dict[str, str]) -> Configuration:
    """How to call the platform: the emulator, or what --server and the environment say."""
    url = request.config.getoption("--server", default=None)
    if url:
        return Configuration(
            api_key=environment.get("XPANDER_API_KEY", "key-1"),
            organization_id=environment.get("XPANDER_ORGANIZATION_ID", "org-1"),
            agent_id=environment.get("XPANDER_AGENT_ID", "agent-123"),
            base_url=url,
        )
    emulator: Emulator = request.getfixturevalue("emulator")
    return Configuration(api_key="key-1", organization_id="org-1", base_url=emulator.url, agent_id="agent-123")


@pytest.fixture
def backend(configuration: Configuration) -> Iterator[Backend]:
    with Backend(configuration) as backend:
        yield backend


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Caller:
    """Call the verb, and in another run of the test its async form."""
    return Caller(request.param)


@pytest.fixture
def misbehave() -> Iterator[Callable[..., Misbehaving]]:
    """Start a misbehaving server that plays the given scripts."""
    running: list[Misbehaving] = []

    def start(*scripts: Script, otherwise: Script | None = None, port: int = 0) -> Misbehaving:
        server = Misbehaving(*scripts, otherwise=otherwise, port=port)
        running.append(server)
        return server.__enter__()

    yield start
    for server in running:
        server.__exit__(None, None, None)
