"""What leaves with a report, and where it is taken apart."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from xpander_facade import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def answer(text: str = "It rains.") -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "model": "m-1",
        "content": [{"type": "text", "text": text}],
        "usage": {"input_tokens": 5, "output_tokens": 2},
    }


def stored(setting: Setting) -> Any:
    (report,) = [report for report in setting.reports() if report.get("llm_response") is not None]
    return report["llm_response"]


def test_the_model_and_its_provider_stand_under_one_key_beside_what_was_recorded(setting: Setting):
    with setting.backend.external_task(input="in") as run:
        run.record(answer())
        run.metadata = {"customer": 5}
        run.metadata["tags"] = ["a"]
    facts = {"model": "m-1", "provider": "anthropic", "metadata": {"customer": 5, "tags": ["a"]}}
    assert stored(setting) == {"_run": facts, **answer()}


def test_several_responses_stand_beside_the_key(setting: Setting):
    with setting.backend.external_task(input="in") as run:
        run.record(answer())
        run.record([1, None])
    facts = {"model": "m-1", "provider": "anthropic"}
    assert stored(setting) == {"_run": facts, "responses": [answer(), [1, None]]}


def test_what_was_set_stays_as_it_is_and_metadata_can_stand_alone(setting: Setting):
    with setting.backend.external_task(input="in") as run:
        run.record(answer())
        run.llm_response = {"mine": True}
    assert stored(setting) == {"mine": True}
    setting.emulator.reset()
    with setting.backend.external_task(input="in") as run:
        run.metadata = {"customer": 5}
    assert stored(setting) == {"_run": {"metadata": {"customer": 5}}}


def test_the_key_stays_where_the_response_is_cut(setting: Setting):
    configuration = attrs.evolve(setting.configuration, max_field_bytes=2_000)
    with Backend(configuration).external_task(input="in") as run:
        run.record(answer("x" * 1_500))
        run.record(answer("y" * 1_500))
    kept = stored(setting)
    assert kept["_run"] == {"model": "m-1", "provider": "anthropic"}
    assert "cut from" in kept["response"]
    assert len(kept["response"]) <= 2_000


def test_an_array_is_shortened_unless_the_run_says_otherwise(setting: Setting):
    class Array:
        shape = (200,)
        dtype = "int64"

        def tolist(self) -> list[int]:
            return list(range(200))

        def __getitem__(self, index: slice) -> Array:
            raise IndexError(index)

        def head(self, count: int) -> Head:
            return Head(count)

        def __len__(self) -> int:
            return 200

        def __iter__(self) -> Iterator[int]:
            return iter(range(200))

        def __contains__(self, item: object) -> bool:
            return item in range(200)

    class Head:
        def __init__(self, count: int) -> None:
            self.count = count

        def tolist(self) -> list[int]:
            return list(range(self.count))

    with setting.backend.external_task(input="in") as run:
        run.record({"rows": Array()})
        run.record({"rows": Array()}, shorten=False)
    first, second = stored(setting)
    assert first["rows"] == {"_shortened": "Array", "shape": [200], "dtype": "int64", "head": list(range(100))}
    assert second["rows"] == list(range(200))
