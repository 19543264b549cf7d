"""What holds for all tests: whatever the facade sends in any of them is held against `openapi.yaml`."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from typing import TYPE_CHECKING

import pytest
import silence
from contract_recorder import RECORDER

from xpander_facade.outbox import _runtime
from xpander_facade.recorder import _circuit

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDER.install()

# How long an answer of the local platform takes says more about the machine than about the platform.
_circuit.SLOW_ANSWER = 60.0

# No test writes into the home of whoever runs it.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="xpander-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# A shell starts what it leaves in the background without Ctrl-C, and every process of the tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    silence.watch(config)
    config.addinivalue_line(
        "markers", "off_contract(reason): the facade is made to send what openapi.yaml does not allow"
    )
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings

        # How long an example takes says more about the machine than about the code.
        settings.register_profile("unhurried", settings.default, deadline=None)
        settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _contract(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test in which the facade sent something that the contract does not declare, or just before it."""
    RECORDER.take()
    yield
    breaches = RECORDER.breaches()
    marker = request.node.get_closest_marker("off_contract")
    if breaches and marker is None:
        pytest.fail("the facade sent what openapi.yaml does not declare:\n  " + "\n  ".join(breaches), pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """End the senders that a test leaves, before the folders of their files go and the platform that they send to."""
    end_senders()


@pytest.fixture(autouse=True)
def _outboxes() -> Iterator[None]:
    """End the senders that the fixtures of a test start as they end: later tests would see what those send."""
    yield
    end_senders()


def end_senders() -> None:
    for runtime in list(_runtime._runtimes.values()):
        if runtime.was_used:
            runtime.close()
