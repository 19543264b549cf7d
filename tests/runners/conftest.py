"""What the tests of job runners share: a platform, a Redis server, and settings for workers."""

from __future__ import annotations

import itertools
import socket
from typing import TYPE_CHECKING

import pytest
from running import Setting, redis_server

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_databases = itertools.count()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with redis_server(tmp_path_factory.mktemp("redis"), port) as url:
        yield url


@pytest.fixture(scope="module")
def make_setting(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Setting]]:
    """Make a platform and a database of the broker for workers; `outbox=False` reports at once."""
    made: list[Setting] = []

    def make(*, outbox: bool = True) -> Setting:
        folder: Path = tmp_path_factory.mktemp("workers")
        emulator = Emulator().start()
        setting = Setting(emulator, f"{redis}/{next(_databases) % 16}", folder, has_outbox=outbox)
        made.append(setting)
        return setting

    yield make
    for setting in made:
        setting.close()
        setting.emulator.stop()


@pytest.fixture
def new_setting(make_setting: Callable[..., Setting]) -> Iterator[Callable[..., Setting]]:
    """Make a setting whose processes end with the test."""
    made: list[Setting] = []

    def make(**given: bool) -> Setting:
        made.append(make_setting(**given))
        return made[-1]

    yield make
    for setting in made:
        setting.close()
