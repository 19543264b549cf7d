"""Every sample of what a real library returns tells what it cost, whatever its classes are called."""

import collections
import copy
import json
import warnings

import pytest
from sample_values import build, samples
from usage_shapes import JSON_CASES, STREAMS, total

from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.recorder._recorded_stream import StreamReading
from xpander_facade.usage import read_usage, snapshot
from xpander_facade.usage._usage import usage_of

CASES = [
    pytest.param(case, form, id=f"{library}-{case['name']}-{form}")
    for library, _, case in samples()
    for form in case["forms"]
]
_COUNTS = {
    "prompt": "prompt_tokens",
    "completion": "completion_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
}


def told(usage, expected):
    """Return what a usage tells of what a sample expects, in the sample's words."""
    if usage is None:
        return None
    found = {}
    for name in expected:
        if name in _COUNTS:
            found[name] = None if usage.tokens is None else getattr(usage.tokens, _COUNTS[name])
        elif name == "text_json":
            found[name] = json.loads(usage.text)
        elif name in {"model", "tools", "text", "failure"}:
            found[name] = getattr(usage, name)
        else:
            found[name] = expected[name]
    return found


@pytest.mark.parametrize(("case", "form"), CASES)
def test_a_sample_tells_its_run_without_a_warning(case, form):
    for _ in range(2):  # the classes have other names each time
        value = build(case["value"], objects=form == "objects")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            usage = read_usage(value)
        assert told(usage, case["expected"] or {}) == case["expected"]


def test_there_are_samples_of_many_libraries_each_with_its_version():
    libraries = {library: version for library, version, _ in samples()}
    assert len(libraries) >= 40
    assert all(libraries.values())
    assert sum(1 for _ in samples()) >= 88


@pytest.mark.parametrize("case", JSON_CASES.values(), ids=JSON_CASES)
def test_reading_a_sample_changes_nothing(case):
    before = copy.deepcopy(case["value"])
    read_usage(case["value"])
    assert case["value"] == before


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_any_collection_of_chunks_is_read_alike(chunks):
    whole = read_usage(chunks)
    assert read_usage(tuple(chunks)) == whole
    assert read_usage(collections.deque(chunks)) == whole


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_a_stream_that_is_cut_off_never_tells_more_than_the_whole(chunks):
    whole = total(read_usage(chunks))
    assert all(total(read_usage(chunks[:length])) <= whole for length in range(len(chunks) + 1))


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_a_stream_tells_the_same_chunk_by_chunk(chunks):
    reading = StreamReading()
    for chunk in chunks:
        reading.feed(chunk)
    assert usage_of(reading.entries) == read_usage(chunks)


STORED = [pytest.param(case, id=f"{library}-{case['name']}") for library, _, case in samples() if "stored" in case]


@pytest.mark.parametrize("case", STORED)
def test_a_sample_is_stored_as_its_data_without_a_warning(case):
    value = build(case["value"], objects=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = json.dumps(to_jsonable([value], simplify=snapshot))
    asked = case["stored"]
    assert asked.get("holds", "") in data
    assert "lacks" not in asked or asked["lacks"] not in data
    assert len(data) <= asked.get("at_most", 1_000_000)
