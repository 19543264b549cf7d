"""What leaves with a report, and where it is taken apart."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from recording import Setting

    from xpander_facade import Configuration


class Response:
    """A provider's response that knows which threads took it apart."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def to_dict(self) -> dict[str, Any]:
        self.threads.append(threading.get_ident())
        return {"raw": 1}


def test_a_response_is_not_taken_apart_in_the_loop(setting: Setting):
    responses = [Response(), Response()]

    async def main() -> None:
        async with setting.backend.external_task(input="in") as run:
            run.llm_response = responses[0]
        if setting.outbox is not None:
            await setting.backend.aenqueue_external_task(input="in", llm_response=responses[1])

    asyncio.run(main())
    assert responses[0].threads
    assert bool(responses[1].threads) is (setting.outbox is not None)
    assert threading.get_ident() not in responses[0].threads + responses[1].threads
    assert setting.reports()[0]["llm_response"] == {"raw": 1}


def test_no_key_gets_out_with_an_argument(setting: Setting):
    @setting.backend.external_task()
    def serve(configuration: Configuration, question: str) -> str:
        return question

    secret = "key-that-nobody-may-see"
    configuration = attrs.evolve(setting.configuration, api_key=secret)
    serve(configuration, "why?")
    run = setting.backend.external_task(input="in").__enter__()
    run.llm_response = {"of": [configuration]}
    with pytest.warns(UserWarning, match="Configuration"):
        run.__exit__(None, None, None)
    files = [] if setting.outbox is None else list(setting.outbox.parent.glob("runs.db*"))
    assert bool(files) is (setting.outbox is not None)
    assert not [file for file in files if secret.encode() in file.read_bytes()]
    assert len(setting.reports()) == 2
    assert secret not in repr(setting.reports())
