"""No object makes reading fail, and none is asked without end."""

import ast
import collections
import copy
import itertools
import json
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usage_shapes import (
    CHAT,
    CONVERSE_EVENTS,
    LAST_OF_OPENAI,
    OLLAMA,
    RESPONSES,
    STREAMS,
    as_objects,
    chunk,
    total,
    usage,
)

import xpander_facade
from xpander_facade import Tokens
from xpander_facade.usage import Usage, _reader, _reading, _registry, read_usage

PACKAGE = Path(xpander_facade.__file__).parent


class Raising:
    """Fails at whatever is asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Lying(Raising):
    @property
    def __class__(self):
        raise RuntimeError("no class")


class Endless:
    """Has every attribute, and each is one more of its kind."""

    reads = 0

    def __getattr__(self, name):
        Endless.reads += 1
        return Endless()


class EndlessList(list):
    def __iter__(self):
        return itertools.repeat({"usage": {"prompt_tokens": 1}})


class BreakingList(list):
    def __iter__(self):
        yield chunk("Hi")
        raise RuntimeError("broken off")


class HostileInt(int):
    def __int__(self):
        raise RuntimeError("no int")


class HostileText(str):
    def __str__(self):
        raise RuntimeError("no text")

    __hash__ = None


def recursive():
    value = {"type": "message", "role": "assistant"}
    value["message"] = value["messages"] = value["output"] = value["data"] = value
    value["content"] = value["choices"] = [value]
    return value


def nested():
    value = []
    for _ in range(40):
        value = [value] * 10
    return value


def mapping_that_raises():
    class Hostile(collections.UserDict):
        def get(self, key, default=None):
            raise RuntimeError(key)

    return Hostile(CHAT)


HOSTILE = {
    "mock": Mock,
    "magic mock": MagicMock,
    "many mocks": lambda: [Mock()] * 1_000,
    "raising": Raising,
    "raising class": Lying,
    "endless": Endless,
    "many endless": lambda: [Endless()] * 100_000,
    "recursive": recursive,
    "recursive list": lambda: (lambda value: value.append(value) or value)([]),
    "nested": nested,
    "raising mapping": mapping_that_raises,
    "many strangers": lambda: [object()] * 1_000_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_object_tells_nothing_soon(make):
    assert read_usage(make()) is None


def test_an_object_that_has_everything_is_asked_a_bounded_number_of_times():
    Endless.reads = 0
    read_usage([Endless()] * 100_000)
    assert 0 < Endless.reads < 50_000


@pytest.mark.parametrize("make", [Mock, MagicMock])
def test_of_many_mocks_few_are_looked_at(make, monkeypatch):
    looked_at = []
    monkeypatch.setattr(_reading, "parse", lambda thing, read: looked_at.append(thing))
    assert read_usage([make() for _ in range(100)]) is None
    assert 0 < len(looked_at) <= 5


@pytest.mark.timeout(20)
def test_a_list_without_end_is_read_up_to_a_bound(monkeypatch):
    assert _reader.MAX_ITEMS >= 100_000
    monkeypatch.setattr(_reader, "MAX_ITEMS", 5_000)
    assert Tokens.from_response(EndlessList()) == Tokens(5_000)
    assert Tokens.from_response({"messages": EndlessList(), "new_message_index": 0, "usage": OLLAMA}) == Tokens(26, 9)


def test_what_a_broken_list_gave_is_kept():
    assert read_usage(BreakingList([1])) == usage(model="m", text="Hi")


@pytest.mark.parametrize("make", [Raising, Lying, Mock, Endless, mapping_that_raises, object])
def test_one_hostile_item_costs_only_itself(make):
    assert read_usage([chunk("He"), make(), chunk("llo"), LAST_OF_OPENAI]) == usage(7, 3, model="m", text="Hello")


def test_a_mock_that_was_given_numbers_tells_them():
    mock = Mock(model="m", choices=[Mock(index=0, message=Mock(content="Hi", tool_calls=None))])
    mock.usage = Mock(prompt_tokens=3, completion_tokens=2)
    assert read_usage(mock) == usage(3, 2, model="m", text="Hi")


@pytest.mark.parametrize("key", ["usage", "choices", "model"])
def test_an_attribute_that_raises_costs_only_itself(key):
    def fail(self):
        raise RuntimeError(key)

    fields = {name: as_objects(value) for name, value in CHAT.items() if name != key}
    told = read_usage(type("Response", (SimpleNamespace,), {key: property(fail)})(**fields))
    whole = read_usage(CHAT)
    assert told.tokens == (None if key == "usage" else whole.tokens)
    assert told.model == (None if key == "model" else whole.model)
    assert told.text == (None if key == "choices" else whole.text)


def test_odd_kinds_of_numbers_and_strings_become_plain_ones_or_nothing():
    assert read_usage({"usage": {"prompt_tokens": HostileInt(5)}}) is None
    told = read_usage({**CHAT, "model": HostileText("m")})
    assert type(told.model) is str
    assert told.model == "m"


def test_an_interruption_is_not_swallowed():
    class Interrupted:
        @property
        def usage(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_usage(Interrupted())


def test_null_stands_for_nothing_everywhere():
    def nulled(value, path):
        if not path:
            return None
        copied = copy.copy(value)
        copied[path[0]] = nulled(value[path[0]], path[1:])
        return copied

    def paths(value):
        places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in places:
            yield (key,)
            yield from ((key, *rest) for rest in paths(item))

    cases = [*RESPONSES.values(), *STREAMS.values()]
    tried = 0
    for response in cases:
        whole = total(read_usage(response))
        for path in paths(response):
            if path[-1] in {"total_tokens", "totalTokenCount"}:
                continue  # without it nobody knows whether thoughts are within the answer
            broken = nulled(response, path)
            for form in (broken, as_objects(broken)):
                told = read_usage(form)
                # An id or an end that is missing can part a stream in two; nothing else makes more of it.
                assert total(told) <= whole * (2 if isinstance(response, list) else 1)
                tried += 1
    assert tried > 1_000


def test_no_library_is_imported_to_know_its_objects():
    allowed = {"attrs", "xpander_facade"}
    for path in (PACKAGE / "usage").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - allowed
            assert foreign <= ({"genai_prices"} if path.name == "_prices.py" else set()), path


def names_in(value):
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return (
        set().union(*map(names_in, value)) if isinstance(value, list) else {value} if isinstance(value, str) else set()
    )


ONLY_IN_MAPPINGS = set().union(*CONVERSE_EVENTS) | {"event"}
"""Events of Converse and of Strands: their bodies are mappings in every library."""
WORDS = sorted(names_in([*RESPONSES.values(), *STREAMS.values()]) - ONLY_IN_MAPPINGS)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)


ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


@st.composite
def mutated(draw):
    """Give a known response of which one place is replaced by something else."""
    response = json.loads(json.dumps(draw(st.sampled_from([*RESPONSES.values(), *STREAMS.values()]))))
    place = response
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(ANY_JSON)
            return response
        place = place[key]


def assert_sound(told):
    assert told is None or type(told) is Usage
    if told is not None:
        assert all(type(tool) is str and tool for tool in told.tools)
        assert len(set(told.tools)) == len(told.tools)
        assert told.text is None or (type(told.text) is str and told.text)
        assert total(told) >= 0


@given(ANY_JSON | mutated())
def test_any_json_is_read_without_an_error_and_as_objects_tells_no_more(value):
    told = read_usage(value)
    assert_sound(told)
    if not ONLY_IN_MAPPINGS & names_in(value):
        # Less where usages stand in a mapping by the names of models or nodes.
        assert total(read_usage(as_objects(value))) <= total(told)


class Deprecated:
    """Warns when it is looked at."""

    @property
    def messages(self):
        warnings.warn("look elsewhere", FutureWarning, stacklevel=2)
        return []


KINDS = st.sampled_from([
    lambda inner: SimpleNamespace(**dict(zip(("usage", "messages", "output"), inner, strict=False))),
    lambda inner: type("Slots", (), {"__slots__": (), "usage": property(lambda self: inner)})(),
    lambda inner: Deprecated(),
    lambda inner: collections.UserDict(enumerate(inner)),
    lambda inner: collections.namedtuple("Pair", "raw response")(*[*inner, None, None][:2]),
    lambda inner: (item for item in inner),
])  # fmt: skip
ANY_OBJECT = st.recursive(
    ANY_JSON | mutated() | st.builds(Endless) | st.builds(Raising) | st.builds(Lying) | st.builds(object),
    lambda inner: st.lists(inner, max_size=3).flatmap(
        lambda items: KINDS.map(lambda kind: kind(items)) | st.just({"messages": items}) | st.just([items, items])
    ),
    max_leaves=8,
)


@given(ANY_OBJECT)
def test_any_object_is_read_without_an_error_a_warning_or_much_work(value):
    visited = 0
    before = _registry.parse

    def counted(*arguments):
        nonlocal visited
        visited += 1
        return before(*arguments)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(_reading, "parse", counted)
        assert_sound(read_usage(value))
    assert visited < 5_000


@given(st.lists(ANY_JSON | mutated() | st.builds(Endless) | st.builds(Raising) | st.builds(object), max_size=4))
def test_any_list_of_anything_is_read_without_an_error(values):
    assert_sound(read_usage(values))
