"""What the attributes of a span tell, by the names under which emitters write them.

The names are those that were seen on spans of real emitters; `tests/tracing` runs them. A count under several names is
taken from the first that is not zero.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import attrs

from xpander_facade.usage._counts import Counts, count, counts_in
from xpander_facade.usage._fields import field, first_of, get_path, items

Attributes = Mapping[str, Any]

MAX_JSON = 64_000
"""Characters of JSON that are parsed while a span ends; a longer text is left alone."""

_PROMPT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_COMPLETION = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_CACHE_READ = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_CACHE_WRITE = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_USAGE_JSON = ("langsmith.metadata.usage_metadata", "langfuse.observation.usage_details", "usage")
_USAGE_TEXT = ("crewai.crew.token_usage", "metadata.usage_object")
_COUNT_IN_TEXT = re.compile(
    r"\b(prompt_tokens|completion_tokens|cached_prompt_tokens|cached_tokens|cache_creation_tokens)\b['\"]?[=:] ?(\d+)"
)
_REQUESTS_IN_TEXT = re.compile(r"\bsuccessful_requests=(\d+)")
_ANSWER_IN_TEXT = "'role': 'assistant'"

_CALLS = frozenset({"chat", "generate_content", "text_completion"})
AGENTS = frozenset({"invoke_agent", "invoke_workflow"})
_OPENINFERENCE = {"LLM": "call", "TOOL": "tool", "AGENT": "agent", "CHAIN": "agent"}
_LANGSMITH = {"llm": "call", "tool": "tool", "chain": "agent"}
_LANGFUSE = {"generation": "call", "tool": "tool", "agent": "agent", "chain": "agent"}
_TRACELOOP = {"workflow": "agent", "agent": "agent", "tool": "tool"}
_HAYSTACK = {"haystack.agent.run": "agent", "haystack.pipeline.run": "agent", "haystack.agent.step.llm": "call"}
_HAYSTACK_OUTPUTS = ("haystack.agent.step.llm.output", "haystack.component.output")
_LOGFIRE = (("OpenAI Agents trace", "agent"), ("Agent run", "agent"), ("Function", "tool"))
"""How the names of Logfire's spans of openai-agents begin, which have no attribute for their kind."""

_OF_AN_SDK = re.compile(
    r"com\.anthropic\.sdk"
    r"|(openinference|opentelemetry)\.instrumentation\.(openai|openai_v2|anthropic|google_genai|google_generativeai|"
    r"groq|mistralai|mistral|cohere|bedrock|vertexai|ollama|together|replicate|watsonx|sagemaker|litellm|alephalpha|"
    r"writer|voyageai|huggingface_hub)(\.|$)"
    r"|logfire\.(openai|anthropic|google_genai|litellm)(\.|$)"
    r"|openlit\.instrumentation\.(openai|anthropic|google_ai_studio|litellm|mistral|groq|bedrock|cohere|vertexai)(\.|$)"
    r"|langfuse-sdk$"
    r"|litellm$"
)
"""Scopes of spans of clients: below a framework's spans they tell the same calls again."""


class SpanKind(enum.Enum):
    """What a span is the span of."""

    CALL = "call"
    AGENT = "agent"
    TOOL = "tool"
    OTHER = "other"


@attrs.frozen
class SpanFacts:
    """What a span that has ended tells.

    Args:
        kind: What it is the span of.
        scope: Who emitted it.
        counts: Its own counts; nothing is added from spans below.
        is_sdk: It is told by a client of models rather than by a framework.
        response_id: The provider's id of the response.
        model: The model that answered.
        provider: Who runs it.
        tool: The tool that was called.
    """

    kind: SpanKind
    scope: str = ""
    counts: Counts = attrs.field(factory=Counts)
    is_sdk: bool = False
    response_id: str | None = None
    model: str | None = None
    provider: str | None = None
    tool: str | None = None


def kind_of(name: str, scope: str, attributes: Attributes) -> SpanKind:
    """Return what a span is the span of."""
    operation = attributes.get("gen_ai.operation.name")
    if operation in _CALLS:
        # ag2 tells each call twice: by a span of the call, and by one that only records what it cost.
        return SpanKind.OTHER if name.startswith("record_usage") else SpanKind.CALL
    if operation in AGENTS:
        return SpanKind.AGENT
    if operation == "execute_tool":
        return SpanKind.TOOL
    for attribute, known in (
        ("openinference.span.kind", _OPENINFERENCE),
        ("langsmith.span.kind", _LANGSMITH),
        ("langfuse.observation.type", _LANGFUSE),
        ("traceloop.span.kind", _TRACELOOP),
    ):
        if kind := known.get(str(attributes.get(attribute))):
            return SpanKind(kind)
    if scope == "litellm" and name == "litellm_request":
        return SpanKind.CALL
    if name in _HAYSTACK:
        return SpanKind(_HAYSTACK[name])
    if name == "haystack.component.run":
        is_call = str(attributes.get("haystack.component.type")).endswith("Generator")
        return SpanKind.CALL if is_call else SpanKind.OTHER
    if scope.startswith("logfire.openai_agents"):
        for start, logfires in _LOGFIRE:
            if name.startswith(start):
                return SpanKind(logfires)
    if "haystack.tool.name" in attributes or "tool.name" in attributes:  # traceloop calls a tool of llama-index a task
        return SpanKind.TOOL
    # Before there were names for operations, a call was what has a model and counts.
    is_call = "gen_ai.request.model" in attributes and any(told in attributes for told in _PROMPT[:2])
    return SpanKind.CALL if is_call else SpanKind.OTHER


def facts_of(name: str, scope: str, attributes: Attributes) -> SpanFacts:
    """Return what a span tells by its name, the scope of who made it, and its attributes."""
    return SpanFacts(
        kind=kind_of(name, scope, attributes),
        scope=scope,
        counts=_counts_of(attributes),
        is_sdk=_OF_AN_SDK.match(scope) is not None,
        response_id=_text(attributes, "gen_ai.response.id"),
        model=_text(attributes, "gen_ai.response.model", "llm.model_name", "gen_ai.request.model", "model_name"),
        provider=_text(attributes, "gen_ai.provider.name", "gen_ai.system", "llm.provider"),
        tool=_text(attributes, "gen_ai.tool.name", "tool.name", "haystack.tool.name", "traceloop.entity.name", "name"),
    )


def may_hold_earlier_runs(attributes: Attributes) -> bool:
    """Tell whether the counts of a crew's models are not just those of the answers that its span tells."""
    usage = attributes.get("crewai.crew.token_usage")
    if not isinstance(usage, str):
        return False
    made = _REQUESTS_IN_TEXT.search(usage[:MAX_JSON])
    return made is None or int(made[1]) != str(attributes.get("crewai.crew.tasks_output")).count(_ANSWER_IN_TEXT)


def parsed(text: object) -> Any:
    """Return what a text of JSON holds; None where it is none, or too long to be parsed while somebody waits."""
    if not isinstance(text, str) or len(text) > MAX_JSON or not text.startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _counts_of(attributes: Attributes) -> Counts:
    counts = _named_counts(attributes, "gen_ai.usage.") or _named_counts(attributes, "gen_ai.aggregated_usage.")
    for name in _USAGE_JSON:
        _fill(counts, _counts_in_json(attributes.get(name)))
    for name in _HAYSTACK_OUTPUTS if not counts else ():
        for reply in items(field(parsed(attributes.get(name)), "replies")):
            counts.add(counts_in(get_path(reply, "meta.usage")))
    for name in _USAGE_TEXT:
        _fill(counts, _counts_in_text(attributes.get(name)))
    return counts


def _fill(counts: Counts, told: Counts) -> None:
    """Add what is not told yet."""
    if not counts:
        counts.prompt, counts.completion = told.prompt, told.completion
    counts.cache_read = counts.cache_read or told.cache_read
    counts.cache_write = counts.cache_write or told.cache_write


def _named_counts(attributes: Attributes, prefix: str) -> Counts:
    return Counts(
        _first_count(attributes, _PROMPT, prefix),
        _first_count(attributes, _COMPLETION, prefix),
        _first_count(attributes, _CACHE_READ, prefix),
        _first_count(attributes, _CACHE_WRITE, prefix),
    )


def _first_count(attributes: Attributes, names: tuple[str, ...], prefix: str) -> int | None:
    found = None
    for name in names:
        number = count(attributes.get(name.replace("gen_ai.usage.", prefix)))
        if number:
            return number
        found = number if found is None else found
    return found


def _counts_in_json(text: object) -> Counts:
    told: object = parsed(text)
    if not isinstance(told, dict):
        return Counts()
    if "input" in told and "output" in told:  # langfuse
        read = first_of(cast("object", told), "input_cached_tokens", "cache_read_input_tokens", "input_cache_read")
        write = first_of(cast("object", told), "cache_creation_input_tokens", "input_cache_creation")
        return Counts(count(field(told, "input")), count(field(told, "output")), count(read), count(write))
    return counts_in(cast("object", told))


def _counts_in_text(text: object) -> Counts:
    """Read the representation of an object, as emitters write it that know no better."""
    found = dict(_COUNT_IN_TEXT.findall(text[:MAX_JSON])) if isinstance(text, str) else {}
    numbers = {name: int(number) for name, number in found.items()}
    read = numbers.get("cached_prompt_tokens") or numbers.get("cached_tokens")
    written = numbers.get("cache_creation_tokens")
    return Counts(numbers.get("prompt_tokens"), numbers.get("completion_tokens"), read, written)


def _text(attributes: Attributes, *names: str) -> str | None:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return None
