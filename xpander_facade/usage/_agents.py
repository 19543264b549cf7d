"""The results of smaller agent frameworks: browser-use, OpenHands, CAMEL, Letta, Mirascope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_in, counts_of
from xpander_facade.usage._fields import as_dict, field, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import Scope, UsageFragment
from xpander_facade.usage._output import output_texts

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def browser_use(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the history of a browser-use agent."""
    final, names = field(thing, "final_result"), field(thing, "action_names")
    if not callable(final) or not callable(names) or not is_list(field(thing, "history")):
        return None
    models = [*(as_dict(get_path(thing, "usage.by_model")) or ())]
    return UsageFragment(
        counts_of(thing),
        model=text(models[-1]) if models else None,
        # The action `done` is how the model ends a run, not something that it used.
        tools=[name for name in read.items(names()) if type(name) is str and name != "done"],
        texts=output_texts(final(), read),
        scope=Scope.RUN,
        is_final=True,
    )


def openhands(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the metrics of an OpenHands conversation."""
    counts = counts_in(field(thing, "accumulated_token_usage"))
    if not counts:
        return None
    # Metrics are named "default" until a model is known.
    name = text(field(thing, "model_name"))
    return UsageFragment(counts, model=None if name == "default" else name, scope=Scope.RUN, earlier="the conversation")


def camel(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the response of a CAMEL agent."""
    info, messages = as_dict(field(thing, "info")), field(thing, "msgs")
    if info is None or not is_list(messages):
        return None
    said = [piece for message in read.items(messages) for piece in read.take_text(field(message, "content"))]
    return UsageFragment(
        counts_of(info),
        tools=read.names(field(info, "tool_calls"), "tool_name"),
        texts=said,
        scope=Scope.RUN,
        is_final=True,
    )


def letta(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the response of a Letta agent."""
    messages = field(thing, "messages")
    if not is_list(messages):
        return None
    kept = list(read.items(messages))
    if not kept or text(field(kept[0], "message_type")) is None:
        return None
    tools: list[str] = []
    said: list[str] = []
    for message in kept:
        kind = field(message, "message_type")
        if kind == "tool_call_message" and (name := text(get_path(message, "tool_call.name"))):
            tools.append(name)
        elif kind == "assistant_message":
            # An agent can speak between its steps; the last message is the answer.
            said = read.texts(field(message, "content")) or said
    return UsageFragment(counts_of(thing), tools=tools, texts=said, scope=Scope.RUN, is_final=True)


def mirascope(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a response of Mirascope."""
    model, usage = text(field(thing, "model_id")), field(thing, "usage")
    if model is None or not callable(field(thing, "text")) or not is_list(field(thing, "texts")):
        return None
    said = [piece for one in read.items(field(thing, "texts")) for piece in read.take_text(first_of(one, "text"))]
    return UsageFragment(
        counts_in(usage),
        # Mirascope's ids name the provider, too ("openai/gpt-5"); prices go by the model's own name.
        model=model.rpartition("/")[2],
        provider=text(field(thing, "provider_id")),
        tools=read.names(field(thing, "tool_calls"), "name"),
        texts=said or output_texts(_called(field(thing, "text")), read),
    )


def _called(function: Any) -> Any:
    return function() if callable(function) else None
