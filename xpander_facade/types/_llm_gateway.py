"""The way to models through the platform that comes with a delivered task, and is never saved with it."""

from __future__ import annotations

from typing import Any, cast

import attrs

_FIELD = "llm_gateway"


@attrs.frozen
class LLMGatewayRoute:
    """Where the APIs of providers are called instead, and with which key. The key shows in no `repr`."""

    base_url: str
    token: str = attrs.field(repr=False)


def take_route(data: dict[str, Any]) -> tuple[dict[str, Any], LLMGatewayRoute | None]:
    """Return a delivered task's JSON without the way to models that came with it, and that way.

    An extension that held nothing else is left out as a whole, so that nothing of it is saved.
    """
    extension = data.get("payload_extension")
    if not isinstance(extension, dict) or _FIELD not in extension:
        return data, None
    rest = {name: value for name, value in cast("dict[str, Any]", extension).items() if name != _FIELD}
    bare = {name: value for name, value in data.items() if name != "payload_extension"}
    # The platform adds the extension for this alone: a task that had none gets none back.
    return bare | ({"payload_extension": rest} if rest else {}), read_route(extension[_FIELD])


def read_route(value: Any) -> LLMGatewayRoute | None:
    """Return what the platform gave as a way to models, or None where it leads nowhere."""
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    base_url, token = given.get("base_url"), given.get("token")
    if not isinstance(base_url, str) or not isinstance(token, str):
        return None
    # Paths are put behind it, each with a slash of its own.
    base_url, token = base_url.strip().rstrip("/"), token.strip()
    return LLMGatewayRoute(base_url, token) if base_url and token else None
