"""What the tests of engines share: a platform that counts, and the environment of the workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from counting import Platform, counting

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="leave out what takes long")
    parser.addoption("--full", action="store_true", help="100,000 rows over two workers, one of which is killed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_full, is_short = config.getoption("full"), config.getoption("short")
    kept = [
        item
        for item in items
        if (item.get_closest_marker("full") is not None) == is_full
        and not (is_short and item.get_closest_marker("long") is not None)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def _workers() -> Iterator[None]:
    """Give workers the key, and the modules of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XPANDER_API_KEY", "key-1")
        patch.setenv("XPANDER_ALLOW_INSECURE_HTTP", "1")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield


@pytest.fixture
def platform() -> Iterator[Platform]:
    with counting() as platform:
        yield platform
