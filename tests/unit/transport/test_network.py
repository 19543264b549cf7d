"""The deadline of a call, which no single wait of its sockets may overrun."""

from __future__ import annotations

from types import SimpleNamespace

import httpcore
import pytest

from xpander_facade._transport import network
from xpander_facade._transport.network import Deadline


@pytest.fixture
def deadline(monkeypatch: pytest.MonkeyPatch) -> Deadline:
    """A deadline that is ten seconds away."""
    monkeypatch.setattr(network, "time", SimpleNamespace(monotonic=lambda: 1_000.0))
    deadline = Deadline()
    deadline.until = 1_010.0
    return deadline


@pytest.mark.parametrize(("timeout", "allowed"), [(3.0, 3.0), (10.0, 10.0), (30.0, 10.0), (None, 10.0)])
def test_a_wait_is_no_longer_than_what_is_left(deadline: Deadline, timeout: float | None, allowed: float):
    assert deadline.cut(timeout, httpcore.ReadTimeout) == allowed


@pytest.mark.parametrize("until", [1_000.0, 999.0])
def test_after_the_deadline_there_is_no_wait(deadline: Deadline, until: float):
    deadline.until = until
    with pytest.raises(httpcore.WriteTimeout):
        deadline.cut(5.0, httpcore.WriteTimeout)


def test_a_deadline_that_nobody_set_cuts_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(network, "time", SimpleNamespace(monotonic=lambda: 1e9))
    assert Deadline().cut(5.0, httpcore.ReadTimeout) == 5.0
