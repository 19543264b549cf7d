"""What the tests of the emulator's workers share: a clock that they turn, and a worker made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from worker_by_hand import Clock, Worker

from xpander_facade.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(validate_answers=True, step=0.001, clock=clock) as running:
        yield running
        assert running.violations == []


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, headers={"x-api-key": "k"}, timeout=10) as client:
        yield client


@pytest.fixture
def worker(client: httpx.Client) -> Iterator[Worker]:
    with Worker(client) as worker:
        yield worker


@pytest.fixture
def pass_time(emulator: Emulator, clock: Clock) -> Callable[..., None]:
    """Let seconds pass in which only these workers are heard of."""

    def seconds(count: float, *heard: Worker) -> None:
        for _ in range(int(count)):
            clock.seconds += 1
            for worker in heard:
                worker.beat()
            emulator.check_workers()

    return seconds
