"""Models that others host: Oracle's generative AI, predictions of Replicate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from xpander_facade.usage._counts import count, counts_in, counts_of
from xpander_facade.usage._fields import field, first_of, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def oci(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a chat result of Oracle, as its object or its JSON."""
    inner = first_of(thing, "chat_response", "chatResponse")
    fragment = None if inner is None else oci_response(inner, read)
    if fragment is not None:
        fragment.model = text(first_of(thing, "model_id", "modelId"))
    return fragment


def oci_response(inner: Any, read: Reader) -> UsageFragment | None:
    """Read the response in a chat result: the generic form, or Cohere's."""
    form, choices = first_of(inner, "api_format", "apiFormat"), field(inner, "choices")
    if form is None:
        return None
    fragment = UsageFragment(counts_of(inner), provider="oci")
    for choice in read.items(choices):
        message = field(choice, "message")
        fragment.tools += read.names(first_of(message, "tool_calls", "toolCalls"), "name")
        # Further choices are alternatives to the first one, not parts of the same answer.
        if not fragment.texts and not count(field(choice, "index")):
            fragment.texts = read.texts(field(message, "content"))
    if not is_list(choices):
        fragment.texts = read.texts(field(inner, "text")) or read.texts(field(field(inner, "message"), "content"))
        fragment.tools = read.names(first_of(inner, "tool_calls", "toolCalls"), "name")
    return fragment


def prediction(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a prediction of Replicate: its metrics count tokens where it is a language model's."""
    counts = counts_in(field(thing, "metrics"))
    if not counts or field(thing, "status") is None or field(thing, "input") is None:
        return None
    output = field(thing, "output")
    # Replicate gives what a language model streams as a list of its pieces.
    texts = [said for part in read.items(output) for said in read.take_text(part)] or read.take_text(output)
    return UsageFragment(
        counts, model=text(field(thing, "model")), provider="replicate", texts=texts, key=text(field(thing, "id"))
    )


def oci_fields(thing: Any) -> dict[str, Any] | None:
    """Return the fields of a model of Oracle's library, by the names that its JSON has."""
    names = field(thing, "attribute_map")
    if not isinstance(names, dict) or field(thing, "swagger_types") is None:
        return None
    told = {str(wire): field(thing, str(name)) for name, wire in cast("dict[str, str]", names).items()}
    return {wire: item for wire, item in told.items() if item is not None}
