"""Short timeouts, hooks that are forgotten after the test, and the tasks of a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from serving import IMPATIENT

from xpander_facade import (
    Configuration,
    Tasks,
)
from xpander_facade.worker import _session
from xpander_facade.worker._handlers import BOOT, SHUTDOWN

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_session, "TIMEOUTS", IMPATIENT)


@pytest.fixture
def hooks() -> Iterator[None]:
    """Forget, after the test, what it wants to run before and after workers."""
    yield
    BOOT.clear()
    SHUTDOWN.clear()


@pytest.fixture
def tasks(configuration: Configuration) -> Tasks:
    return Tasks(configuration)
