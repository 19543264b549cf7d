"""Test `to_jsonable`: it writes values as pydantic's JSON mode does, and no object in the world makes it fail."""

import collections
import dataclasses
import enum
import json
import math
import pathlib
import types
import uuid
import warnings
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade import Backend, Configuration
from xpander_facade._serialization import jsonable
from xpander_facade._serialization.json_bytes import encode
from xpander_facade._serialization.jsonable import Ready, is_small_json, small_copy, to_jsonable, to_text


class Colour(enum.Enum):
    RED = "red"
    ONE = 1
    SOME = (1, 2)


class Number(enum.IntEnum):
    TWO = 2


class Word(enum.StrEnum):
    HELLO = "hello"


Point = collections.namedtuple("Point", "x y")
PLUS_TWO = timezone(timedelta(hours=2))


class Usage(pydantic.BaseModel):
    prompt: int = 3
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    took: timedelta = timedelta(days=1, hours=2)
    nothing: None = None


def as_pydantic_writes(value):
    return json.loads(pydantic.TypeAdapter(Any).dump_json(value))


VALUES = {
    "none": None,
    "bool": True,
    "int": 5,
    "float": 1.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "text": "ünï\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "naive time": datetime(2026, 1, 2, 3, 4, 5),
    "utc time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "offset time": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=PLUS_TWO),
    "date": date(2026, 1, 2),
    "time of day": time(1, 2, 3),
    "time of day with fraction": time(1, 2, 3, 500000),
    "time of day in utc": time(1, 2, 3, tzinfo=UTC),
    "time of day with offset": time(1, 2, 3, tzinfo=PLUS_TWO),
    "no duration": timedelta(0),
    "seconds": timedelta(seconds=90),
    "fraction": timedelta(milliseconds=1500),
    "microsecond": timedelta(microseconds=1),
    "days": timedelta(days=3),
    "days and hours": timedelta(days=1, hours=2),
    "hours": timedelta(hours=5, minutes=6, seconds=7),
    "negative": timedelta(seconds=-5),
    "negative days": timedelta(days=-2, microseconds=5),
    "uuid": uuid.UUID(int=5),
    "decimal": Decimal("1.10"),
    "large decimal": Decimal("1E+30"),
    "decimal nan": Decimal("NaN"),
    "bytes": b"abc",
    "bytearray": bytearray(b"abc"),
    "path": pathlib.Path("/a/b"),
    "enum": Colour.RED,
    "enum of int": Colour.ONE,
    "enum of tuple": Colour.SOME,
    "int enum": Number.TWO,
    "str enum": Word.HELLO,
    "tuple": (1, (2,)),
    "named tuple": Point(1, 2),
    "set": {1},
    "frozenset": frozenset({"a"}),
    "deque": collections.deque([1, 2]),
    "ordered dict": collections.OrderedDict(b=1, a=2),
    "keys": {2: "a", True: "b", 1.5: "c", date(2026, 1, 2): "d", uuid.UUID(int=1): "e", Colour.RED: "f", None: "g"},
    "nested": {"a": [{"b": (datetime(2026, 1, 1, tzinfo=UTC), {Decimal("2")})}], "n": None},
    "model": Usage(),
    "models": {"m": [Usage(prompt=1)]},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_written_as_pydantic_writes_it(name):
    assert to_jsonable(VALUES[name]) == as_pydantic_writes(VALUES[name])


@given(st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)))
def test_any_duration_is_written_as_pydantic_writes_it(value):
    assert to_jsonable(value) == as_pydantic_writes(value)


@given(st.datetimes(timezones=st.none() | st.just(UTC) | st.just(PLUS_TWO)))
def test_any_time_is_written_as_pydantic_writes_it(value):
    assert to_jsonable(value) == as_pydantic_writes(value)


def test_nulls_inside_stay():
    assert to_jsonable({"a": None, "b": [None, {"c": None}]}) == {"a": None, "b": [None, {"c": None}]}


def test_bytes_that_are_no_text_lose_only_what_is_no_text():
    assert to_jsonable(b"ab\xff") == "ab\ufffd"


class WithToDict:
    def to_dict(self):
        return {"at": datetime(2026, 1, 1, tzinfo=UTC), "n": float("nan")}


@attrs.define
class WithAttrs:
    a: int = 1
    when: date = date(2026, 1, 2)


@dataclasses.dataclass
class WithFields:
    a: int = 1
    inner: Any = dataclasses.field(default_factory=WithAttrs)


class FailingDump(WithToDict):
    def model_dump(self, **_):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (WithToDict(), {"at": "2026-01-01T00:00:00Z", "n": None}),
        (WithAttrs(), {"a": 1, "when": "2026-01-02"}),
        (WithFields(), {"a": 1, "inner": {"a": 1, "when": "2026-01-02"}}),
        (FailingDump(), {"at": "2026-01-01T00:00:00Z", "n": None}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
    ],
)
def test_a_model_is_taken_by_whichever_way_works(value, data):
    assert to_jsonable(value) == data


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no repr")


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


class BrokenMapping(dict):
    def keys(self):
        raise RuntimeError("no keys")

    def __iter__(self):
        raise RuntimeError("no items")


def cycle():
    data = {"a": []}
    data["a"].append(data)
    return data


def deep():
    data: list[Any] = []
    for _ in range(5000):
        data = [data]
    return data


STRANGERS = {
    "object": object,
    "class": lambda: int,
    "function": lambda: print,
    "generator": lambda: (n for n in range(3)),
    "complex": lambda: 1j,
    "unspeakable": Unspeakable,
    "hostile": Hostile,
    "cycle": cycle,
    "deep": deep,
    "exception": lambda: ValueError("x"),
    "module": lambda: json,
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: {"a": [v, v, 1]}], ids=["bare", "wrapped"])
def test_what_json_has_no_form_for_is_sent_by_its_repr_with_one_warning(name, wrap):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = to_jsonable(wrap(STRANGERS[name]()))
    assert len(caught) == 1
    assert "repr is sent" in str(caught[0].message)
    encode(data)


def test_a_value_that_json_can_say_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_jsonable({"a": VALUES})


@pytest.mark.parametrize("value", [10**5000, [10**5000], {"a": -(10**5000)}], ids=["bare", "in a list", "in a dict"])
def test_a_number_with_more_digits_than_python_prints_costs_no_report(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encode(to_jsonable(value))


def test_text_with_half_a_surrogate_pair_can_be_sent():
    assert encode(to_jsonable({"a": "x\ud800"})) == b'{"a":"x?"}'


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.uuids()
    | st.complex_numbers()
    | st.sampled_from([*Colour, *Number, *Word, int, print])
    | st.builds(object)
    | st.builds(Unspeakable)
    | st.builds(Hostile)
    | st.builds(WithToDict)
    | st.builds(FailingDump)
    | st.builds(BrokenMapping)
    | st.builds(Usage)
    | st.builds(MagicMock),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.integers() | st.floats() | st.tuples(st.integers()), inner, max_size=3
        )
        | st.builds(WithFields, inner=inner)
        | st.builds(WithAttrs, a=inner)
        | st.builds(Point, inner, inner)
        | st.builds(collections.deque, st.lists(inner, max_size=2))
    ),
    max_leaves=10,
)


@given(anything)
def test_any_object_gives_data_that_json_can_say(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = to_jsonable(value)
    assert json.loads(encode(data)) is not Ellipsis


# --- what stays where it is ---


SECRET = "key-that-nobody-may-see"


@attrs.define
class Login:
    name: str = "ann"
    password: str = attrs.field(default=SECRET, repr=False)
    token: str = attrs.field(default=SECRET, repr=lambda value: "***")


@dataclasses.dataclass
class Service:
    holder: Any
    password: str = dataclasses.field(default=SECRET, repr=False)


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [value]}, Service], ids=["bare", "in", "of"])
@pytest.mark.parametrize(
    "holder",
    [
        Configuration(api_key=SECRET),
        Backend(Configuration(api_key=SECRET)),
        Login(),
        Service(Login()),
    ],
    ids=["configuration", "backend", "attrs", "dataclass"],
)
@pytest.mark.filterwarnings("ignore:llm_response")
def test_what_a_class_hides_in_its_repr_is_not_taken(holder, wrap):
    assert SECRET not in json.dumps(to_jsonable(wrap(holder))) + to_text(wrap(holder))


@pytest.mark.filterwarnings("ignore:llm_response")
def test_the_generated_client_keeps_its_key():
    with Backend(Configuration(api_key=SECRET)).api as client:
        client.get_httpx_client()
        assert SECRET not in json.dumps(to_jsonable([client])) + to_text(client)


# --- a text for any object ---


def test_a_large_collection_is_named_wherever_it_is():
    rows = [[number] for number in range(6_000)]
    assert to_text({"rows": rows}) == "<dict of more than 10000 entries>"
    assert to_text(dict.fromkeys(range(10_001))) == "<dict of 10001>"
    assert to_text(rows[:5_000]).startswith("[[0], [1]")


class Query:
    """Asks a database as soon as anything of it is wanted, its repr too."""

    def _ask(self, *_: Any) -> Any:
        raise AssertionError("the database was asked")

    __iter__ = __len__ = __getitem__ = __contains__ = __repr__ = _ask


def test_a_query_is_not_asked():
    assert to_text(Query()) == "<Query>"
    assert to_text({"rows": Query()}) == '{"rows": "<Query>"}'


def test_what_is_too_deep_is_named_and_what_is_above_it_is_not():
    value: Any = "end"
    for _ in range(150):
        value = [value]
    with pytest.warns(UserWarning, match="list"):
        data = to_jsonable(value)
    depth = 0
    while isinstance(data, list):
        (data,) = data
        depth += 1
    assert (depth, data) == (101, "<list>")


# --- what comes again, and what is large ---


@attrs.define
class Person:
    name: str
    friends: list[Any] = attrs.field(factory=list)


@dataclasses.dataclass
class Town:
    name: str
    near: list[Any] = dataclasses.field(default_factory=list)


class Model(pydantic.BaseModel):
    name: str
    parts: list[Any] = []


def test_an_object_that_is_met_again_is_written_once_and_referred_to():
    ann = Person("Ann")
    assert to_jsonable({"first": ann, "second": [ann]}) == {
        "first": {"name": "Ann", "friends": []},
        "second": [{"$ref": "#/first"}],
    }


def test_an_object_that_holds_itself_refers_to_itself_without_a_warning():
    ann = Person("Ann")
    ann.friends.append(ann)
    assert to_jsonable([ann]) == [{"name": "Ann", "friends": [{"$ref": "#/0"}]}]


def test_json_that_holds_itself_refers_to_itself():
    with pytest.warns(UserWarning, match="dict"):
        assert to_jsonable(cycle()) == {"a": [{"$ref": "#"}]}


def test_json_that_comes_again_stays_verbatim():
    part = {"type": "text", "text": "Hi."}
    assert to_jsonable([part, part, {"again": part}]) == [part, part, {"again": part}]


def test_a_pointer_escapes_what_json_pointers_escape():
    ann = Person("Ann")
    assert to_jsonable({"a/b~c": ann, "d": ann})["d"] == {"$ref": "#/a~1b~0c"}


def complete_graph(kind, count):
    people = [kind(name=f"person {number}") for number in range(count)]
    for person in people:
        (person.parts if kind is Model else person.friends if kind is Person else person.near).extend(people)
    return people[0]


def chain(kind, count):
    last = kind(name="last")
    for number in range(count):
        above = kind(name=f"message {number}")
        (above.parts if kind is Model else above.friends if kind is Person else above.near).append(last)
        last = above
    return last


def shared_levels(kind, count):
    level = kind(name="deepest")
    for number in range(count):
        above = kind(name=f"level {number}")
        (above.parts if kind is Model else above.friends if kind is Person else above.near).extend([level, level])
        level = above
    return level


def shared_lists(_, count):
    level: list[Any] = []
    for _ in range(count):
        level = [level, level]
    return level


GRAPHS = {
    **{f"{count} that know each other": (complete_graph, count) for count in (3, 7, 8, 20, 60, 200)},
    "a chain of 200": (chain, 200),
    "40 shared levels": (shared_levels, 40),
    "40 shared levels of lists": (shared_lists, 40),
    "140 shared levels of lists": (shared_lists, 140),
}


@pytest.mark.filterwarnings("ignore:llm_response")
@pytest.mark.parametrize("kind", [Person, Town, Model])
@pytest.mark.parametrize(("make", "count"), GRAPHS.values(), ids=GRAPHS)
def test_a_graph_takes_bounded_work_and_bounded_space(make, count, kind):
    value = make(kind, count)
    visited = 0
    before = jsonable._convert

    def counted(*arguments):
        nonlocal visited
        visited += 1
        return before(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonable, "_convert", counted)
        data = to_jsonable(value)
    assert len(encode(data)) < 1_000_000
    assert visited < 200_000


def test_what_tells_most_is_written_before_what_is_large():
    @attrs.define
    class Result:
        history: list[str]
        agents: list[Any]
        usage: dict[str, int]
        text: str

    ann = Person("Ann")
    history = [letter * 1_000 for letter in "abcdefghij"] * 1_000
    data = to_jsonable(Result(history, [ann, ann], {"prompt_tokens": 3}, "Done."), limit=10_000)
    assert (data["usage"], data["text"]) == ({"prompt_tokens": 3}, "Done.")
    assert list(data) == ["history", "agents", "usage", "text"]
    assert len(encode(data)) < 10_000
    whole = to_jsonable(Result(history, [ann], {"prompt_tokens": 3}, "Done."), limit=10_000)
    assert whole["history"] == history  # nothing in it comes twice: it stays as it is


def test_one_odd_value_costs_itself_only():
    with pytest.warns(UserWarning, match="Hostile"):
        data = to_jsonable({"a": Person("Ann", [Hostile(), 5]), "b": [BrokenMapping(a=1), "kept"]})
    assert data["a"]["name"] == "Ann"
    assert data["a"]["friends"][1] == 5
    assert data["b"][1] == "kept"


def test_what_a_model_warns_of_never_reaches_the_user():
    model = Model(name="m")
    model.name = 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_jsonable(model) == {"name": 5, "parts": []}


def test_a_secret_of_pydantic_stays_secret_where_the_model_cannot_dump_itself():
    class Account(pydantic.BaseModel):
        key: pydantic.SecretStr
        hidden: str = pydantic.Field(default=SECRET, exclude=True)
        shy: str = pydantic.Field(default=SECRET, repr=False)
        peers: list[Any] = []

    account = Account(key=SECRET)
    account.peers.append(account)
    assert SECRET not in json.dumps(to_jsonable(account))


def test_models_of_pydantic_v1_give_their_data():
    from pydantic import v1

    class Prediction(v1.BaseModel):
        id: str
        output: list[str]
        metrics: dict[str, float] = {}

    assert to_jsonable(Prediction(id="p", output=["a", "b"])) == {"id": "p", "output": ["a", "b"], "metrics": {}}


class Scalar:
    """As a number of numpy: no number for Python, but it has one."""

    shape = ()

    def __init__(self, value):
        self._value = value

    def item(self):
        return self._value


class Array:
    dtype = "float64"

    def __init__(self, entries, shape=None):
        self._entries, self._shape = entries, shape or (len(entries),)
        self.taken = 0

    @property
    def shape(self):
        return self._shape

    def tolist(self):
        self.taken += len(self._entries)
        return list(self._entries)

    def reshape(self, length):
        return self

    def __getitem__(self, index):
        return Array(self._entries[index])

    def __len__(self):
        return len(self._entries)

    def __iter__(self):
        return iter(self._entries)

    def __contains__(self, item):
        return item in self._entries


class Table:
    columns = ("a", "b")
    shape = (1_000_000, 2)

    def head(self, rows):
        return Rows(rows)

    def to_dict(self, *_):
        raise AssertionError("converted whole")


class Rows:
    def __init__(self, rows):
        self._rows = rows

    def to_dict(self, orient):
        assert orient == "records"
        return [{"a": number, "b": None} for number in range(self._rows)]


def test_scalars_and_small_arrays_are_written_as_their_data():
    assert to_jsonable({"n": Scalar(5), "x": Scalar(1.5), "at": Scalar(datetime(2026, 1, 1, tzinfo=UTC))}) == {
        "n": 5,
        "x": 1.5,
        "at": "2026-01-01T00:00:00Z",
    }
    assert to_jsonable(Array([1.0, 2.0])) == [1.0, 2.0]


def test_large_arrays_and_tables_are_their_shape_and_head_also_as_a_text():
    data = to_jsonable({"vectors": Array([0.5] * 4_000, (2, 2_000)), "table": Table()})
    assert data["vectors"] == {"_shortened": "Array", "shape": [2, 2_000], "dtype": "float64", "head": [0.5] * 100}
    assert data["table"]["shape"] == [1_000_000, 2]
    assert data["table"]["columns"] == ["a", "b"]
    assert data["table"]["head"][0] == {"a": 0, "b": None}
    assert json.loads(to_text(Table()))["_shortened"] == "Table"
    assert len(to_jsonable(Array([0.5] * 4_000), shorten=False)) == 4_000


def test_what_is_ready_is_not_looked_at():
    data = {"a": object()}
    assert to_jsonable(Ready(data)) is data


def test_a_simpler_object_stands_for_one_that_is_not_json():
    seen = []

    def simplify(value):
        seen.append(value)
        return {"name": value.name} if isinstance(value, Person) else value

    ann = Person("Ann", [object()])
    assert to_jsonable([ann, {"a": 1}, ann], simplify=simplify) == [{"name": "Ann"}, {"a": 1}, {"$ref": "#/0"}]
    assert seen == [ann]


OWN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(value=OWN)
def test_little_json_is_written_as_it_is_in_the_midst_of_much(value: Any):
    much = [f"entry {number}" for number in range(1_000)]
    assert to_jsonable(value) == to_jsonable([*much, value])[-1]


def test_little_json_is_a_copy():
    said = {"messages": [{"content": "Hi."}]}
    kept = to_jsonable(said)
    said["messages"][0]["content"] = "Bye."
    said["messages"].append({})
    assert kept == {"messages": [{"content": "Hi."}]}


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [1.5, math.nan, None, True, {"x": "y"}]},
        [1, "x", [], {}],
        {},
        {"deep": {"er": [[[["x"]]]]}},
    ],
)
def test_small_json_is_copied_in_one_walk(value):
    assert is_small_json(value)
    copy = small_copy(value)
    assert copy is not None
    assert copy.data == to_jsonable(value)
    assert copy.data is not value


@pytest.mark.parametrize(
    "value",
    [{1: "a"}, {"a": object()}, [10**5000], {"a": "x" * 200_000}, [0] * 100, {"a": {"b": uuid.UUID(int=1)}}, [(1,)]],
)
def test_what_is_not_small_json_is_not_copied(value):
    assert small_copy(value) is None
