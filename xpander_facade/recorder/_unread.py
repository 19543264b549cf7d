"""What `run.record` was given and can't read: said once for each type, with what to do instead."""

from __future__ import annotations

import inspect
import logging
from typing import Any, cast

from xpander_facade.usage._reader import Reader
from xpander_facade.usage._registry import parse

_log = logging.getLogger("xpander_facade.recorder")
_LIST = "docs/usage.md"
_MAX_TOLD = 1_000
_MAX_ITEMS = 50
_told: set[tuple[str, str]] = set()


def note_unread(run_id: str | None, response: object) -> None:
    """Log that nothing was recognised in a response, unless that was said of its type before.

    Args:
        run_id: The run, for the text.
        response: What was recorded.
    """
    if _is_known_shape(response):
        return
    what, remedy = _type_name(response), _remedy(response)
    # Without a lock: a signal handler or a forked child would wait for it for ever, and to be told twice is no harm.
    if (what, remedy) in _told or len(_told) >= _MAX_TOLD:
        return
    _told.add((what, remedy))
    _log.warning("run %s has recorded nothing of what it was given (%s): %s", run_id, what, remedy)


def _is_known_shape(response: object) -> bool:
    """Whether a response is of a known kind and just tells nothing, such as the event that begins a stream."""
    items = cast("list[object]", response)[:_MAX_ITEMS] if isinstance(response, list) else [response]
    try:
        return any(parse(item, Reader()) is not None for item in items)
    except Exception:  # what can't be read is not known
        return False


def _remedy(response: object) -> str:
    if response is None:
        return "pass what the library returned"
    if inspect.isawaitable(response):
        return "await it, and record what it gives"
    if isinstance(response, str | bytes):
        return "a text tells no tokens; set run.result, and run.tokens"
    kind = type(response)
    if any(hasattr(kind, name) for name in ("__next__", "__anext__", "__aiter__")):
        return (
            "a stream is not read, since that would take it from you; iterate run.stream(...) instead of it, or "
            "collect its chunks in a list and record that"
        )
    return f"set run.tokens, run.result and run.used_tools yourself; what is read stands in {_LIST}"


def _type_name(response: object) -> str:
    kind: Any = type(response)
    if kind is list and response:
        return f"a list of {_type_name(cast('list[object]', response)[0])}"
    name: str = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return name
