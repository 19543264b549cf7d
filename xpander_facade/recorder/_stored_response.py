"""What is stored as a run's `llm_response`: what was recorded, and under one key what the platform has no field for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

import attrs

from xpander_facade._serialization.jsonable import Ready, to_jsonable
from xpander_facade._serialization.redaction import RUN_KEY
from xpander_facade.usage._snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class RecordedResponse:
    """One response that a run has recorded.

    Args:
        value: What was recorded.
        shorten: Leave out the agents that it holds, and all of an array or table but its head.
    """

    value: object
    shorten: bool = True


def stored_response(responses: Sequence[RecordedResponse], facts: dict[str, Any], limit: int) -> Ready | None:
    """Return what is stored of responses: one as itself, several as a list.

    Args:
        responses: What the run has recorded, or what was set.
        facts: What stands beside it under the key `"_run"`: model, provider, metadata.
        limit: How many characters objects that are not JSON may take.
    """
    if not responses and not facts:
        return None
    data = [
        to_jsonable(
            one.value, simplify=functools.partial(snapshot, shorten=one.shorten), shorten=one.shorten, limit=limit
        )
        for one in responses
    ]
    whole: Any = data[0] if len(data) == 1 else data
    if not facts:
        return Ready(whole)
    told = to_jsonable(facts, limit=limit)
    # Beside the members of a single response, which stay where their readers look for them.
    if isinstance(whole, dict) and RUN_KEY not in whole:
        return Ready({RUN_KEY: told, **cast("dict[str, Any]", whole)})
    if not data:
        return Ready({RUN_KEY: told})
    return Ready({RUN_KEY: told, "response" if len(data) == 1 else "responses": whole})
