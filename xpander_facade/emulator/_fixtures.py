"""Fixtures: what a file says that an emulator knows from the start. JSON or YAML.

It is an object of up to four members, each of which is an object too:

- `agents`: agent id -> the fields of the agent, as `get_agent` would give them.
- `tools`: tool id -> the rule by which the tool answers; see `_tools`.
- `knowledge_bases`: id -> a list of documents, which are texts, or objects with `content`, perhaps `name` and `id`.
- `default_llm_headers`: header -> value, what the organisation wants with each call of a model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from ._json import Json, is_array, is_object

if TYPE_CHECKING:
    import os

_PARTS: Final = {"agents": dict, "tools": dict, "knowledge_bases": dict, "default_llm_headers": dict}


def read_fixtures(path: str | os.PathLike[str]) -> Json:
    """Read a file of fixtures.

    Raises:
        OSError: It can't be read.
        ValueError: It is neither JSON nor YAML, or has another form.
    """
    try:
        # JSON is YAML as well.
        data: Any = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is neither JSON nor YAML: {error}") from None
    fixtures: Any = {} if data is None else data
    if not is_object(fixtures):
        raise ValueError(f"{path} must hold an object with any of {', '.join(_PARTS)}")
    for name, value in fixtures.items():
        if name not in _PARTS:
            raise ValueError(f"{path}: unknown member {name!r}; the members are {', '.join(_PARTS)}")
        if not isinstance(value, _PARTS[name]):
            raise ValueError(f"{path}: {name} must be an object")
    for kind, wanted in (("agents", is_object), ("knowledge_bases", is_array)):
        for name, value in fixtures.get(kind, {}).items():
            if not wanted(value):
                raise ValueError(f"{path}: {kind}.{name} must be {'an object' if kind == 'agents' else 'an array'}")
    return fixtures
