"""A backend in both ways of reporting, and what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from recording import Setting

from xpander_facade import (
    ReportCounts,
    report_counts,
)
from xpander_facade.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xpander_facade.emulator import Emulator


@pytest.fixture(params=["direct", "outbox"])
def setting(request: pytest.FixtureRequest, emulator: Emulator, tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(emulator, tmp_path / "runs.db" if request.param == "outbox" else None)
    yield setting
    if setting.outbox is not None:
        Outbox.of(setting.configuration).close()
    setting.backend.close()


@pytest.fixture
def counted() -> Callable[[], ReportCounts]:
    """Return what has been counted since the test began."""
    before = report_counts()

    def since() -> ReportCounts:
        now = report_counts()
        pairs = zip(attrs.astuple(now), attrs.astuple(before), strict=True)
        return ReportCounts(*(one - other for one, other in pairs))

    return since
