"""The outputs, events and responses of LlamaIndex. What a provider returned lies in them as `raw`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_in
from xpander_facade.usage._fields import field, first_of, is_list
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._output import output_texts

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

HINT = "additional_kwargs={'stream_options': {'include_usage': True}}"
# The tool that a workflow of several agents adds itself.
_HANDOFF = "handoff"


def output(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the output of an agent, or of one of its calls: its counts are those of one call."""
    reply = field(thing, "response")
    if field(thing, "current_agent_name") is None or field(reply, "blocks") is None:
        return None
    fragment = _of_raw(field(thing, "raw"), read)
    fragment.chunk = fragment.adds = False  # the last chunk of a stream has all counts
    fragment.hint = None if fragment.counts else HINT
    called = read.names(field(thing, "tool_calls"), "tool_name")
    fragment.tools = [name for name in called if name != _HANDOFF]
    fragment.texts = output_texts(field(thing, "structured_response"), read) or _said(reply, read)
    return fragment


def event(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Leave out the events whose content comes again in an output."""
    is_stream = field(thing, "delta") is not None and field(thing, "current_agent_name") is not None
    is_call = field(thing, "tool_id") is not None and field(thing, "tool_kwargs") is not None
    return [] if is_stream or is_call else None


def response(thing: Any, read: Reader) -> UsageFragment | None:
    """Read the response of a chat or a completion; of a stream each has what was said so far, and the last chunk."""
    raw, reply = field(thing, "raw"), field(thing, "message")
    is_chat = field(reply, "blocks") is not None
    if not is_chat and not (type(field(thing, "text")) is str and field(thing, "additional_kwargs") is not None):
        return None
    fragment = _of_raw(raw, read)
    if not fragment.counts:
        fragment.counts = counts_in(field(thing, "additional_kwargs"))
    said = _said(reply, read) if is_chat else read.take_text(field(thing, "text"))
    if field(thing, "delta") is not None:
        fragment.chunk = fragment.whole = True
        fragment.hint = None if fragment.counts else HINT
    fragment.texts = said
    return fragment


def _of_raw(raw: Any, read: Reader) -> UsageFragment:
    """Return what the provider's response tells; of several, as of a list of chunks, the last."""
    found = [fragment for fragment in read.inner(raw) if isinstance(fragment, UsageFragment)]
    return found[-1] if found else UsageFragment()


def _said(message: Any, read: Reader) -> list[str]:
    blocks = first_of(message, "blocks", "content")
    return read.texts(blocks) if is_list(blocks) else read.take_text(blocks)
