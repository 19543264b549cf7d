"""The events and sessions of Google's Agent Development Kit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import counts_of
from xpander_facade.usage._fields import field, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader

_OWN_TOOLS = frozenset({"transfer_to_agent", "set_model_response"})
"""The library's own: a handoff to another agent, and the tool that takes the structured output."""


def event(thing: Any, read: Reader) -> UsageFragment | list[UsageFragment] | None:
    """Read an event of a runner. Partial ones come again as a whole."""
    invocation = text(first_of(thing, "invocation_id", "invocationId"))
    author = text(field(thing, "author"))
    if invocation is None or author is None:
        return None
    # The whole event that follows has the usage of its partial ones: counted too, they would count the call twice.
    if field(thing, "partial") is True or author == "user":
        return []
    parts = get_path(thing, "content.parts")
    called = [text(field(first_of(part, "function_call", "functionCall"), "name")) for part in read.items(parts)]
    own = text(field(thing, "id"))
    fragment = UsageFragment(
        counts_of(thing, "usage_metadata", "usageMetadata"),
        model=text(first_of(thing, "model_version", "modelVersion")),
        tools=[name for name in called if name and name not in _OWN_TOOLS],
        texts=read.texts(parts),
        key=f"{invocation}:{own}" if own else None,
    )
    code = text(first_of(thing, "error_code", "errorCode"))
    if code is not None and not fragment.texts and not fragment.tools:  # a cut answer has a code, too
        fragment.is_success = False
        fragment.failure = text(first_of(thing, "error_message", "errorMessage")) or code
    return fragment


def session(thing: Any, read: Reader) -> list[UsageFragment] | None:
    """Read a session: the events of all of its turns."""
    events = field(thing, "events")
    if not is_list(events) or first_of(thing, "app_name", "appName") is None:
        return None
    turns: dict[str, int] = {}
    fragments: list[UsageFragment] = []
    for one in read.messages(events):
        piece = event(one, read)
        if isinstance(piece, UsageFragment):
            invocation = text(first_of(one, "invocation_id", "invocationId")) or ""
            piece.turn = turns.setdefault(invocation, len(turns))
            piece.is_kept = True
            fragments.append(piece)
    return fragments
