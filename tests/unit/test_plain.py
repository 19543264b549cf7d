"""Hold `plain`: it writes values as pydantic's JSON mode does, and no object in the world makes it fail."""

import collections
import dataclasses
import enum
import json
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
from xpander_facade._serialization.json_bytes import encode
from xpander_facade._serialization.jsonable import plain, plain_text


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
    assert plain(VALUES[name]) == as_pydantic_writes(VALUES[name])


@given(st.timedeltas(timedelta(days=-(10**6)), timedelta(days=10**6)))
def test_any_duration_is_written_as_pydantic_writes_it(value):
    assert plain(value) == as_pydantic_writes(value)


@given(st.datetimes(timezones=st.none() | st.just(UTC) | st.just(PLUS_TWO)))
def test_any_time_is_written_as_pydantic_writes_it(value):
    assert plain(value) == as_pydantic_writes(value)


def test_nulls_inside_stay():
    assert plain({"a": None, "b": [None, {"c": None}]}) == {"a": None, "b": [None, {"c": None}]}


def test_bytes_that_are_no_text_lose_only_what_is_no_text():
    assert plain(b"ab\xff") == "ab\ufffd"


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
    assert plain(value) == data


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
        data = plain(wrap(STRANGERS[name]()))
    assert len(caught) == 1
    assert "repr is sent" in str(caught[0].message)
    encode(data)


def test_a_value_that_json_can_say_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain({"a": VALUES})


@pytest.mark.parametrize("value", [10**5000, [10**5000], {"a": -(10**5000)}], ids=["bare", "in a list", "in a dict"])
def test_a_number_with_more_digits_than_python_prints_costs_no_report(value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encode(plain(value))


def test_text_with_half_a_surrogate_pair_can_be_sent():
    assert encode(plain({"a": "x\ud800"})) == b'{"a":"x?"}'


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
        data = plain(value)
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
    assert SECRET not in json.dumps(plain(wrap(holder))) + plain_text(wrap(holder))


@pytest.mark.filterwarnings("ignore:llm_response")
def test_the_generated_client_keeps_its_key():
    with Backend(Configuration(api_key=SECRET)).api as client:
        client.get_httpx_client()
        assert SECRET not in json.dumps(plain([client])) + plain_text(client)


# --- a text for any object ---


def test_a_large_collection_is_named_wherever_it_is():
    rows = [[number] for number in range(6_000)]
    assert plain_text({"rows": rows}) == "<dict of more than 10000 entries>"
    assert plain_text(dict.fromkeys(range(10_001))) == "<dict of 10001>"
    assert plain_text(rows[:5_000]).startswith("[[0], [1]")


class Query:
    """Asks a database as soon as anything of it is wanted, its repr too."""

    def _ask(self, *_: Any) -> Any:
        raise AssertionError("the database was asked")

    __iter__ = __len__ = __getitem__ = __contains__ = __repr__ = _ask


def test_a_query_is_not_asked():
    assert plain_text(Query()) == "<Query>"
    assert plain_text({"rows": Query()}) == '{"rows": "<Query>"}'


def test_what_is_too_deep_is_written_by_its_repr_and_what_is_above_it_is_not():
    value: Any = "end"
    for _ in range(150):
        value = [value]
    with pytest.warns(UserWarning, match="list"):
        data = plain(value)
    depth = 0
    while isinstance(data, list):
        (data,) = data
        depth += 1
    assert (depth, data) == (101, "[" * 49 + "'end'" + "]" * 49)
