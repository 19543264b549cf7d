"""How long a connection of an event loop waits: one timer looks after all of its waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from xpander_facade._transport.async_network import aconnect
from xpander_facade._transport.exceptions import ReadTimeout
from xpander_facade._transport.network import Deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xpander_facade._transport.async_network import AsyncSocketStream


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[AsyncSocketStream]:
    """A connection to a server that sends back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stream = await aconnect(Deadline(), "127.0.0.1", server.sockets[0].getsockname()[1], 10)
    try:
        yield stream
    finally:
        await stream.aclose()
        await asyncio.wait_for(ended.wait(), 10)
        server.close()
        await asyncio.sleep(0)


def timers_of(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> list[asyncio.TimerHandle]:
    """Return the timers that are started from now on."""
    started: list[asyncio.TimerHandle] = []
    start = loop.call_at

    def noted(*given, **named):
        started.append(start(*given, **named))
        return started[-1]

    monkeypatch.setattr(loop, "call_at", noted)
    return started


@pytest.mark.parametrize("earlier", [None, 30.0])
def test_a_wait_ends_at_its_own_time_whatever_the_one_before_it_was_given(earlier: float | None):
    async def run() -> None:
        async with echoing() as stream:
            await stream.write(b"x")
            assert await stream.read(1, earlier) == b"x"
            for seconds in (0.05, 0.2, 0.1):
                began = time.monotonic()
                with pytest.raises(ReadTimeout):
                    await asyncio.wait_for(stream.read(1, seconds), 10)
                assert time.monotonic() - began >= seconds - 0.001

    asyncio.run(run())


def test_one_timer_looks_after_many_waits_and_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch):
    async def run() -> None:
        started = timers_of(asyncio.get_running_loop(), monkeypatch)
        async with echoing() as stream:
            for _ in range(50):
                await stream.write(b"x")
                assert await stream.read(1, 30) == b"x"
            # Opening has one of its own.
            assert 1 <= len(started) <= 3
            assert [timer for timer in started if not timer.cancelled()] == started[-1:]
        assert all(timer.cancelled() for timer in started)

    asyncio.run(run())


def test_a_wait_without_end_is_not_ended_by_the_timer_of_an_earlier_one():
    async def run() -> None:
        async with echoing() as stream:
            await stream.write(b"x")
            assert await stream.read(1, 0.2) == b"x"
            reading = asyncio.ensure_future(stream.read(1))
            await asyncio.sleep(0.4)
            assert not reading.done()
            await stream.write(b"y")
            assert await reading == b"y"

    asyncio.run(run())
