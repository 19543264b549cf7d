"""Test the small types: their defaults, the sum of tokens, and secrets that show nowhere."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._serialization import codec
from xpander_facade.types import models
from xpander_facade.types.models import (
    AgentExecutionInput,
    Attachment,
    CompactRetryResult,
    DeepPlanning,
    DeepPlanningItem,
    HumanInTheLoopRequest,
    LocalTaskTest,
    MCPServerDetails,
    PendingECARequest,
    PlanFollowingStatus,
    Principal,
    User,
)
from xpander_facade.usage._tokens import Tokens


@given(*[st.integers(0, 10**12)] * 4)
def test_the_total_is_always_prompt_plus_completion_and_never_the_cache(prompt, completion, read, write):
    tokens = Tokens(prompt, completion, read, write)
    assert tokens.total_tokens == prompt + completion
    tokens.prompt_tokens += 1
    assert tokens.total_tokens == prompt + completion + 1


def test_the_total_travels_but_is_not_taken_over_from_the_platform():
    assert codec.unstructure(Tokens(2, 3)) == {
        "prompt_tokens": 2,
        "completion_tokens": 3,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "total_tokens": 5,
    }
    tokens = codec.structure(Tokens, {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 99})
    assert tokens.total_tokens == 5
    assert tokens.extra == {}
    with pytest.raises(AttributeError):
        tokens.total_tokens = 9


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens"])
@pytest.mark.parametrize("value", [-1, 1.5, "2", True, None])
def test_a_count_is_a_whole_number_that_is_not_negative(name, value):
    with pytest.raises(ValueError, match=name):
        Tokens(**{name: value})
    tokens = Tokens()
    with pytest.raises(ValueError, match=name):
        setattr(tokens, name, value)


DEFAULTS = {
    Tokens: {"prompt_tokens": 0, "completion_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0},
    User: dict.fromkeys(("id", "first_name", "last_name", "additional_attributes", "timezone")),
    Principal: dict.fromkeys(("id", "email", "display_name")),
    Attachment: dict.fromkeys(("name", "mime", "size", "kind", "sha256", "expires_at", "source", "transcript")),
    AgentExecutionInput: {"text": None, "files": [], "user": None, "attachments": [], "principal": None},
    MCPServerDetails: {
        **dict.fromkeys(("id", "name", "command", "url", "api_key", "client_id", "client_secret", "sso_audience")),
        "type": "remote",
        "transport": "streamable-http",
        "auth_type": "none",
        "sso_token": "access",
        "use_secrets_manager": False,
        "share_user_token_across_other_agents": True,
        "headers": {},
        "env_vars": {},
        "allowed_tools": [],
        "additional_scopes": [],
    },
    DeepPlanning: {"enabled": False, "enforce": False, "started": False, "question_raised": False, "tasks": []},
    DeepPlanningItem: {"id": "", "title": "", "completed": False},
    HumanInTheLoopRequest: {"wait_node_id": None},
    PendingECARequest: {"connector_name": None, "auth_url": None},
    LocalTaskTest: {"output_format": None, "output_schema": None},
    CompactRetryResult: {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
    PlanFollowingStatus: {"uncompleted_tasks": []},
}
REQUIRED = {
    User: {"email": "a@b.example"},
    Principal: {"kind": "user"},
    Attachment: {"url": "https://x.example/f"},
    LocalTaskTest: {"input": AgentExecutionInput(text="hi")},
    CompactRetryResult: {"compacted": True},
    PlanFollowingStatus: {"can_finish": True},
}


@pytest.mark.parametrize("cls", DEFAULTS, ids=lambda cls: cls.__name__)
def test_the_attributes_and_defaults_are_the_platforms(cls):
    required = REQUIRED.get(cls, {})
    made = cls(**required)
    values = {field.name: getattr(made, field.name) for field in attrs.fields(cls) if field.name != "extra"}
    assert values == {**required, **DEFAULTS[cls]}
    if required:
        with pytest.raises(TypeError):
            cls()


@pytest.mark.parametrize("cls", DEFAULTS, ids=lambda cls: cls.__name__)
def test_two_objects_share_no_collection(cls):
    one, other = (cls(**REQUIRED.get(cls, {})) for _ in range(2))
    for field in attrs.fields(cls):
        value = getattr(one, field.name)
        if isinstance(value, list | dict):
            assert value is not getattr(other, field.name)


@pytest.mark.parametrize("name", ["api_key", "client_secret"])
def test_a_secret_text_of_an_mcp_server_is_in_no_repr(name):
    assert "s3cr3t" not in repr(MCPServerDetails(**{name: "s3cr3t"}))


@pytest.mark.parametrize("name", ["headers", "env_vars"])
def test_a_secret_mapping_of_an_mcp_server_is_in_no_repr(name):
    assert "s3cr3t" not in repr(MCPServerDetails(**{name: {"a": "s3cr3t"}}))


def test_every_class_here_is_in_the_table():
    classes = {value for value in vars(models).values() if attrs.has(value) and value.__module__ == models.__name__}
    assert classes | {Tokens} == set(DEFAULTS)


@pytest.mark.parametrize(
    ("given", "transport"),
    [
        ({}, "streamable-http"),
        ({"type": "remote"}, "streamable-http"),
        ({"type": "local"}, "stdio"),
        ({"type": models.MCPServerType.Local}, "stdio"),
        ({"type": "invented-tomorrow"}, "streamable-http"),
        ({"type": "local", "transport": "sse"}, "sse"),
        ({"type": "remote", "transport": "sse"}, "sse"),
    ],
)
def test_a_local_server_is_spoken_to_over_stdio_unless_something_else_is_said(given, transport):
    assert MCPServerDetails(**given).transport.value == transport
