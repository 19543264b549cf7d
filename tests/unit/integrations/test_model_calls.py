"""Calls of one client object are recorded in the current run, whatever kind of thing they return."""

import asyncio
import logging

import attrs
import pytest

from xpander_facade import Backend, Configuration, IntegrationError, Tokens
from xpander_facade.integrations import litellm, openai
from xpander_facade.integrations._model_calls import replace, restore, wrap_call

USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


@attrs.define
class Answer:
    """Looks like a model of pydantic."""

    id: str = "chatcmpl-1"
    object: str = "chat.completion"
    choices: list = attrs.field(factory=list)
    usage: dict = attrs.field(factory=USAGE.copy)

    def model_dump(self):
        return attrs.asdict(self)


class Stream:
    """A stream that can be gone through once."""

    def __init__(self, chunks):
        self.iterator = iter(chunks)

    def __next__(self):
        return next(self.iterator)

    def __iter__(self):
        yield from self.iterator


class Client:
    def request(self):
        return Answer()


def chunk(number, text="", usage=None):
    choices = [{"index": 0, "delta": {"content": text}}] if text else []
    return {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "choices": choices, "usage": usage}


@pytest.fixture
def backend():
    return Backend(Configuration(disabled=True, agent_id="agent-1"))


def test_an_answer_is_recorded_and_goes_on_as_it_is(backend):
    answer = Answer()
    with backend.external_task() as run:
        assert wrap_call(lambda: answer, "client")() is answer
        run.record(answer)
    assert run.tokens == Tokens(7, 2)
    assert run.llm_response is answer


def test_an_answer_of_a_coroutine_function_is_recorded(backend):
    async def request():
        return Answer()

    async def main():
        async with backend.external_task() as run:
            await wrap_call(request, "client")()
        return run

    assert asyncio.run(main()).tokens == Tokens(7, 2)


def test_a_stream_keeps_its_class_and_is_recorded_at_its_end(backend):
    with backend.external_task() as run:
        stream = wrap_call(lambda: Stream([chunk(1, "In "), chunk(1, "May"), chunk(1, usage=USAGE)]), "client")()
        assert isinstance(stream, Stream)
        assert len(list(stream)) == 3
        assert run.tokens == Tokens(7, 2)
    assert run.result == "In May"


def test_a_generator_that_is_left_is_recorded_with_what_it_told(backend):
    with backend.external_task() as run:
        stream = wrap_call(lambda: (one for one in [chunk(1, "In "), chunk(1, "May")]), "client")()
        next(stream)
        stream.close()
    assert run.result == "In "


def test_two_streams_at_once_are_two_calls(backend):
    with backend.external_task() as run:
        call = wrap_call(lambda number: Stream([chunk(number, "x"), chunk(number, usage=USAGE)]), "client")
        one, two = call(1), call(2)
        while next(one, None) and next(two, None):
            pass
    assert run.tokens == Tokens(14, 4)


def test_a_stream_goes_on_after_its_run(backend):
    with backend.external_task() as run:
        stream = wrap_call(lambda: Stream([chunk(1, "In "), chunk(1, "May"), chunk(1, usage=USAGE)]), "client")()
        next(stream)
    assert run.result == "In "
    assert len(list(stream)) == 2
    assert run.tokens is None


def test_what_can_not_be_read_is_logged_and_goes_on(backend, caplog):
    class Odd(Stream):
        __slots__ = ()

        def __setattr__(self, name, value):
            if name != "iterator":
                raise AttributeError(name)
            super().__setattr__(name, value)

    with caplog.at_level(logging.WARNING), backend.external_task() as run:
        assert list(wrap_call(lambda: Odd([1, 2]), "client")()) == [1, 2]
    assert run.tokens is None
    assert "lacks a response of its client client" in caplog.text


def test_an_error_of_the_call_goes_on(backend):
    def fail():
        raise LookupError("no model")

    with backend.external_task() as run, pytest.raises(LookupError, match="no model"):
        wrap_call(fail, "client")()
    assert run.tokens is None


def test_one_object_is_changed_and_restored():
    one, other = Client(), Client()
    replace(one, {"request": wrap_call(one.request, "client")}, integration="integrations.x")
    with pytest.raises(IntegrationError, match=r"has instrumented this Client already: call uninstrument\(\) first"):
        replace(one, {}, integration="integrations.x")
    assert "request" not in vars(other)
    assert restore(one)
    assert vars(one) == {}
    assert not restore(one)


def test_an_object_that_hands_on_what_is_set_is_changed_and_restored(backend):
    class Facade(Client):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    facade = Facade()
    replace(facade, {"request": wrap_call(facade.request, "client")}, integration="integrations.x")
    with backend.external_task() as run:
        facade.request()
    assert run.tokens == Tokens(7, 2)
    with pytest.raises(IntegrationError, match="already"):
        replace(facade, {}, integration="integrations.x")
    assert restore(facade)
    assert vars(facade) == {}


@pytest.mark.parametrize("is_async", [False, True])
def test_what_another_library_has_put_there_stays(backend, is_async):
    calls = []

    async def arequest():
        return Answer()

    def around(request):
        def call():
            calls.append(request)
            return request()

        return call

    def request():
        made = client.request()
        return asyncio.run(made) if is_async else made

    client = Client()
    if is_async:
        client.request = arequest
    client.request = before = around(client.request)
    replace(client, {"request": wrap_call(client.request, "client")}, integration="integrations.x")
    restore(client)
    assert client.request is before
    replace(client, {"request": wrap_call(client.request, "client")}, integration="integrations.x")
    client.request = after = around(client.request)
    with backend.external_task() as run:
        request()
    assert (run.tokens, len(calls)) == (Tokens(7, 2), 2)
    restore(client)
    assert client.request is after
    with backend.external_task() as run:
        request()
    assert (run.tokens, len(calls)) == (None, 4)


@pytest.mark.parametrize("integration", [openai, litellm])
def test_a_library_that_is_not_installed_is_named(integration, monkeypatch):
    name = integration.__name__.rpartition(".")[2]
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(IntegrationError, match=rf"integrations\.{name} needs {name} .* not installed: pip install"):
        integration.instrument(Client())
