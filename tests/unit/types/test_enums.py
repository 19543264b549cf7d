"""Test the enumerations: open to unknown values, equal to their strings, safe to pickle and copy."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade.types.enums import (
    AgentExecutionStatus,
    MCPServerAuthType,
    MCPServerSSOToken,
    MCPServerTransport,
    MCPServerType,
    OutputFormat,
    ThinkMode,
)
from xpander_facade.types.events import TaskUpdateEventType

ENUMS = [
    AgentExecutionStatus,
    OutputFormat,
    ThinkMode,
    MCPServerType,
    MCPServerTransport,
    MCPServerAuthType,
    MCPServerSSOToken,
    TaskUpdateEventType,
]
ROUND_TRIPS = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    **{f"pickle{n}": lambda value, n=n: pickle.loads(pickle.dumps(value, n)) for n in range(pickle.HIGHEST_PROTOCOL)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("cls", ENUMS)
@given(text=st.text())
def test_any_string_becomes_a_member_or_a_pseudo_member(cls, text):
    member = cls(text)
    assert isinstance(member, cls)
    assert member.value == text
    assert member == text
    assert hash(member) == hash(text)
    assert str(member) == f"{member}" == text
    assert json.loads(json.dumps({"x": member})) == {"x": text}
    assert text in repr(member) or repr(text)[1:-1] in repr(member)


@pytest.mark.parametrize("cls", ENUMS)
@pytest.mark.parametrize("way", ROUND_TRIPS)
@pytest.mark.parametrize("text", ["a-word-of-tomorrow", "", "Pending", "None_"])
def test_a_pseudo_member_survives_pickling_and_copying(cls, way, text):
    member = ROUND_TRIPS[way](cls(text))
    assert type(member) is cls
    assert member == text
    assert member.value == text


@pytest.mark.parametrize("cls", ENUMS)
@pytest.mark.parametrize("way", ROUND_TRIPS)
def test_a_member_stays_itself_through_pickling_and_copying(cls, way):
    for member in cls:
        assert ROUND_TRIPS[way](member) is member
        assert cls(member.value) is member
        assert cls(member) is member


@pytest.mark.parametrize("cls", ENUMS)
def test_a_pseudo_member_is_not_listed(cls):
    before = list(cls)
    cls("a-word-of-tomorrow")
    assert list(cls) == before


@pytest.mark.parametrize("cls", ENUMS)
@pytest.mark.parametrize("value", [None, 5, 1.5, True, b"x", ["pending"], {}])
def test_what_is_no_string_is_refused(cls, value):
    with pytest.raises(ValueError):
        cls(value)


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        ("pending", False),
        ("executing", False),
        ("paused", False),
        ("completed", True),
        ("failed", True),
        ("error", True),
        ("stopped", True),
        ("a-word-of-tomorrow", False),
    ],
)
def test_a_status_knows_whether_the_task_has_ended(status, is_final):
    assert AgentExecutionStatus(status).is_final is is_final
