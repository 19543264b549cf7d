"""Hold the calls that async code makes on threads of the package's own: whatever they raise, somebody is told."""

from __future__ import annotations

import asyncio

import pytest

from xpander_facade._process.threads import in_thread
from xpander_facade._transport.background import run_in_thread


def stop() -> None:
    next(iter(()))


@pytest.mark.parametrize("call", [run_in_thread, in_thread])
def test_a_function_that_raises_stop_iteration_is_not_waited_for_for_ever(call):
    async def main() -> None:
        await asyncio.wait_for(call(stop), 10)

    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        asyncio.run(main())
    assert isinstance(caught.value.__cause__, StopIteration)
