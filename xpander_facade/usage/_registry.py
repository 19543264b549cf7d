"""The families of libraries, told apart by the shape of what they return, never by the names of their classes.

How to add a family: write `usage/_<family>.py` with one function for each shape, and list them in `_FAMILIES` below.

- A parser is a pure function `parse(thing, read)`. It returns a `UsageFragment`, or a list of them (one for each model
  call, where the object tells them apart: then what comes again under one id counts once); `Within((value, ...))` where
  what is told lies in other objects; an empty list where the shape is known and tells nothing; None where it is not its
  shape. It checks all that it needs, since a field can hold anything.
- It reads with `field` (item or attribute), `first_of`, `get_path`, `data_field` (not a property: those can warn),
  `counts_in`, `counts_of`, and with `read.items`, `read.messages` (where `after=n` applies), `read.texts`,
  `read.calls`, which are bounded. No library is imported.
- `_parser(parse, "field", ...)`: it is tried with every object that has one of these fields. A parser without fields is
  tried with what no other parser knew. More particular shapes stand before more general ones; the first that returns
  something decides.
- What the counts are: of one call; `scope=Scope.RUN` of all calls of `group` since the last such sum; `Scope.SESSION`
  of everything of the group so far, where `key` names the object whose sum it is. `holds=` names the ids of the calls
  whose counts are in a sum. `is_kept` and `turn` mark what a conversation keeps beyond the run, `earlier` says what can
  hold earlier runs when nothing tells them apart, `hint` what to set where no counts were told, `is_success` and
  `failure` how a run ended, `chunk` and its like how a stream tells.
- Each shape gets a sample in `tests/unit/usage/samples/`, with the version of the library that was seen.
- What is stored of a library's object instead of its fields belongs to its family, too: a function in its file, listed
  in `_snapshots`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import attrs

from xpander_facade.usage import (
    _adk,
    _agent_framework,
    _agents,
    _agno,
    _anthropic,
    _autogen,
    _bedrock,
    _claude_agent_sdk,
    _cohere,
    _crewai,
    _dashscope,
    _dspy,
    _google,
    _haystack,
    _hosted,
    _langchain,
    _langgraph,
    _llama_index,
    _mistral,
    _ollama,
    _openai_agents,
    _openai_chat,
    _openai_responses,
    _perplexity,
    _pydantic_ai,
    _semantic_kernel,
    _smolagents,
    _strands,
    _text_generation,
    _usage_objects,
    _xai,
)
from xpander_facade.usage._counts import can_count
from xpander_facade.usage._fields import access_of, names_of
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._reader import Reader, Within

Parsed = UsageFragment | list[UsageFragment] | Within | None
Parse = Callable[[Any, Reader], Parsed]


@attrs.frozen
class Parser:
    """One shape.

    Args:
        parse: Reads it.
        fields: It is tried with what has one of these; with what no other parser knows where there are none.
    """

    parse: Parse
    fields: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The family: chunks of one stream are of one family."""
        return self.parse.__module__


def _parser(parse: Parse, *fields: str) -> Parser:
    return Parser(parse, fields)


_FAMILIES: tuple[Parser, ...] = (
    # Results and messages of agents: they can hold the responses of providers.
    _parser(_pydantic_ai.result, "all_messages", "new_message_index"),
    _parser(_pydantic_ai.response, "parts"),
    _parser(_pydantic_ai.event, "event_kind"),
    _parser(_langchain.message, "content"),
    _parser(_langgraph.state, "messages"),
    _parser(_langgraph.structured, "parsing_error"),
    _parser(_langgraph.part, "ns"),
    _parser(_openai_agents.result, "raw_responses"),
    _parser(_openai_agents.error, "run_data"),
    _parser(_openai_agents.event, "type"),
    _parser(_agno.event, "event"),
    _parser(_agno.output, "run_id"),
    _parser(_strands.result, "stop_reason"),
    _parser(_strands.graph, "accumulated_usage"),
    _parser(_strands.event, *_strands.EVENTS),
    _parser(_adk.event, "author"),
    _parser(_adk.session, "events"),
    _parser(_crewai.output, "token_usage", "usage_metrics"),
    _parser(_crewai.streaming_output, "get_full_text"),
    _parser(_smolagents.result, "steps"),
    _parser(_smolagents.step, "token_usage"),
    _parser(_smolagents.answer, "is_final_answer"),
    _parser(_haystack.result, "tool_call_counts"),
    _parser(_haystack.replies, "replies"),
    _parser(_haystack.message, "_meta", "meta"),
    _parser(_autogen.result, "stop_reason"),
    _parser(_autogen.response, "chat_message"),
    _parser(_autogen.message, "models_usage"),
    _parser(_agent_framework.response, "usage_details"),
    _parser(_agent_framework.update, "contents"),
    _parser(_claude_agent_sdk.assistant_message, "content"),
    _parser(_claude_agent_sdk.result_message, "is_error"),
    _parser(_llama_index.output, "current_agent_name"),
    _parser(_llama_index.event, "tool_kwargs", "current_agent_name"),
    _parser(_llama_index.response, "raw"),
    _parser(_semantic_kernel.message, "items"),
    _parser(_semantic_kernel.response, "thread"),
    _parser(_dspy.prediction, "get_lm_usage"),
    _parser(_agents.browser_use, "final_result"),
    _parser(_agents.openhands, "accumulated_token_usage"),
    _parser(_agents.camel, "info"),
    _parser(_agents.letta, "messages"),
    _parser(_agents.mirascope, "model_id"),
    # Responses of providers.
    _parser(_xai.around_message, "proto"),
    _parser(_perplexity.chunk, "choices"),
    _parser(_hosted.oci, "chat_response", "chatResponse"),
    _parser(_hosted.oci_response, "api_format", "apiFormat"),
    _parser(_openai_chat.completion, "choices", "object"),
    _parser(_dashscope.response, "output"),
    _parser(_mistral.conversation, "outputs"),
    _parser(_text_generation.vllm, "prompt_token_ids"),
    _parser(_xai.response, "outputs"),
    _parser(_bedrock.converse, "output"),
    _parser(_hosted.prediction, "metrics"),
    _parser(_openai_responses.response, "output", "steps"),
    _parser(_google.live_message, "server_content", "serverContent", "tool_call", "toolCall", "usage_metadata"),
    _parser(_google.response, "candidates", "usage_metadata", "usageMetadata"),
    _parser(_ollama.response, "done"),
    _parser(_openai_responses.batch_line, "custom_id"),
    _parser(_anthropic.batch_result, "custom_id"),
    _parser(_cohere.response, "usage", "meta", "generation_id"),
    _parser(_anthropic.message, "content"),
    _parser(_bedrock.unread, "ResponseMetadata"),
    _parser(
        _bedrock.body, "generation", "results", "outputs", "inputTextTokenCount", "totalOutputTextTokenCount",
        "amazon-bedrock-invocationMetrics",
    ),
    _parser(_text_generation.hugging_face, "generated_text", "token"),
    _parser(_text_generation.watsonx, "results"),
    _parser(_text_generation.aleph_alpha, "completions"),
    _parser(_text_generation.lm_studio, "stats"),
    _parser(_text_generation.reka, "responses"),
    _parser(_text_generation.embedding_statistics, "embeddings"),
    # Events of streams.
    _parser(_cohere.event, "type", "event_type"),
    _parser(_anthropic.event, "type"),
    _parser(_openai_responses.event, "type", "event_type"),
    _parser(_mistral.event, "type", "data"),
    _parser(_bedrock.stream_event, *_bedrock.EVENTS),
    _parser(_bedrock.chunk_bytes, "chunk"),
    _parser(_bedrock.trace, "trace"),
    _parser(_bedrock.value_event, "value"),
    # What only counts.
    _parser(_usage_objects.embeddings, "data", "embeddings", "results", "output"),
    _parser(_usage_objects.by_itself),
    _parser(_langgraph.updates),
)  # fmt: skip


def _numbers_by_field() -> dict[str, tuple[int, ...]]:
    numbers: dict[str, tuple[int, ...]] = {}
    for number, parser in enumerate(_FAMILIES):
        for name in parser.fields:
            numbers[name] = (*numbers.get(name, ()), number)
    return numbers


_BY_FIELD = _numbers_by_field()
_FALLBACKS = tuple(parser for parser in _FAMILIES if not parser.fields)
_MAX_KNOWN_TYPES = 2_000
_MAX_SHAPE = 60
_MAX_SHAPE_LENGTH = 1_000
"""What is larger may be data under names of its own, and is not kept."""
_by_shape: dict[tuple[object, ...], tuple[Parser, ...]] = {}
_by_type: dict[type, frozenset[int]] = {}


def parse(thing: object, read: Reader) -> Parsed:
    """Return what a thing tells, or where it lies, as the first parser sees it that knows the shape; else None."""
    for parser in _parsers_for(thing):
        parsed = parser.parse(thing, read)
        if parsed is None:
            continue
        if type(parsed) is UsageFragment:
            parsed.kind = parser.kind
        elif type(parsed) is list:
            for fragment in parsed:
                fragment.kind = parser.kind
        return parsed
    return None


def _parsers_for(thing: object) -> Iterable[Parser]:
    kind: type[object] = type(thing)
    names = names_of(thing)
    if names is None:
        if kind is not dict:
            return _FAMILIES
        names = [name for name in _BY_FIELD if name in cast("dict[str, Any]", thing)]
    shape = (kind, *names)
    parsers = _by_shape.get(shape)
    if parsers is None:
        parsers = _find_parsers(names, kind)
        if len(shape) <= _MAX_SHAPE and sum(len(name) for name in names) <= _MAX_SHAPE_LENGTH:
            # Starting anew needs no lock and no order of use: two threads at worst find the same parsers twice.
            if len(_by_shape) >= _MAX_KNOWN_TYPES:
                _by_shape.clear()
            _by_shape[shape] = parsers
    return parsers


def _find_parsers(names: Iterable[str], kind: type[object]) -> tuple[Parser, ...]:
    numbers = set[int]() if kind is dict else {*_numbers_of(kind)}
    for name in names:
        numbers.update(_BY_FIELD.get(name, ()))
    found = tuple(_FAMILIES[number] for number in sorted(numbers))
    return (*found, *_FALLBACKS) if kind is dict or numbers or can_count(names, kind) else found


def _numbers_of(kind: type) -> frozenset[int]:
    """Return the parsers for the fields that a class has for all of its objects, such as properties."""
    numbers = _by_type.get(kind)
    if numbers is None:
        access = access_of(kind)
        known = access.names.intersection(_BY_FIELD) if not access.is_mapping else frozenset[str]()
        numbers = frozenset(number for name in known for number in _BY_FIELD[name])
        if len(_by_type) >= _MAX_KNOWN_TYPES:
            _by_type.clear()
        _by_type[kind] = numbers
    return numbers
