"""Validation of what users pass in, before anything is sent: one function for each kind of value."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

T = TypeVar("T")


_MAX_SHOWN = 40
"""How many characters of a value a text shows."""

_TEXTS = frozenset({str})

_known_ids: set[str] = set()
"""Ids of agents that were checked: the same ones come with each run."""
_MAX_KNOWN_IDS = 256

MAX_SECONDS = 4_000_000.0
"""What every system can wait, in seconds: 46 days."""


def check_id(name: str, value: Any) -> str:
    """Return an id that can be a path segment.

    Raises:
        TypeError: It is not a string.
        ValueError: It is empty, or "." or "..", which a URL would swallow, or holds half a surrogate pair.
    """
    if type(value) is str and value in _known_ids:
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name} is empty: pass the id")
    if value in {".", ".."}:
        raise ValueError(f"{name} can't be {value!r}: a URL takes it for a folder; choose another id")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a surrogate pair, which no URL can: check the id's source") from None
    return value


def check_agent_id(
    value: Any, *, name: str = "agent_id", instead: str | None = None, error: type[ValueError] = ValueError
) -> str:
    """Return the id of an agent. One with white space is a prompt or a name in the wrong argument.

    Args:
        value: What was given.
        name: The argument or variable, for the text.
        instead: The argument that a prompt belongs in, for the text: "input".
        error: What is raised for white space.

    Raises:
        TypeError: It is not a string.
        ValueError: It is no id; see `check_id`; or it holds white space.
    """
    if type(value) is str and value in _known_ids:
        return value
    agent_id = check_id(name, value)
    if agent_id.split() != [agent_id]:
        shown = agent_id if len(agent_id) <= _MAX_SHOWN else f"{agent_id[:_MAX_SHOWN]}..."
        if agent_id.strip().split() == [agent_id.strip()]:
            hint = f"pass {agent_id.strip()[:_MAX_SHOWN]!r}"
        else:
            hint = "pass the agent's id, not its name" if instead is None else f"did you mean {instead}=?"
        raise error(f"{name} can't be {shown!r}, which holds white space: {hint}")
    if type(value) is str and len(_known_ids) < _MAX_KNOWN_IDS:
        _known_ids.add(value)
    return agent_id


def check_text(name: str, value: Any) -> str | None:
    """Return a text or None; the member of an enumeration of texts counts as its value.

    Raises:
        TypeError: It is neither.
    """
    if value is None or isinstance(value, str):
        return value.value if isinstance(value, Enum) else value
    raise TypeError(f"{name} must be a string, not {type(value).__name__}: pass str(...) or json.dumps(...) of it")


def check_name(name: str, value: Any) -> str:
    """Return a text.

    Raises:
        TypeError: It is not a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return a bool; numpy's, and a tensor's single one, count.

    Raises:
        TypeError: It is not a bool.
    """
    if isinstance(value, bool):
        return value
    if _dtype(value) == "bool" and not tuple(value.shape):
        return bool(value)
    raise TypeError(f"{name} must be True or False, not {value!r}")


def check_seconds(name: str, value: Any) -> float:
    """Return a length of time in seconds.

    Raises:
        TypeError: It is not a number.
        ValueError: It is negative or not finite.
    """
    seconds = value if type(value) is float else real_number(value)
    if seconds is None:
        remedy = ": pass its total_seconds()" if hasattr(value, "total_seconds") else ""
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}{remedy}")
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{name} must be 0 or more seconds and finite, not {seconds}")
    return seconds


def check_names(name: str, value: Any) -> list[str]:
    """Return a list of names; None means none.

    Raises:
        TypeError: It is a bare string, or holds something else than strings.
    """
    if value is None:
        return []
    if type(value) is list:  # as most are
        given: list[Any] = [*value]
        if _TEXTS.issuperset(map(type, given)):
            return given
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of strings, not {type(value).__name__}")
    names: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    if not all(isinstance(item, str) for item in names):
        raise TypeError(f"{name} must hold strings only")
    return names


def check_interval(name: str, value: Any) -> float:
    """Return a length of time in seconds that is not zero.

    Raises:
        TypeError: It is not a number.
        ValueError: It is zero, negative or not finite.
    """
    seconds = check_seconds(name, value)
    if seconds == 0:
        raise ValueError(f"{name} must be more than 0 seconds")
    return seconds


def check_object(name: str, value: Any) -> dict[str, Any] | None:
    """Return a JSON object or None.

    Raises:
        TypeError: It is neither.
    """
    if value is None or isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise TypeError(f"{name} must be a dict, not {type(value).__name__}")


MAX_LEVELS = 200
"""How deep JSON that is sent may be nested. Readers of JSON refuse from some hundred levels on."""


def check_json_object(name: str, value: Any) -> dict[str, Any] | None:
    """Return a JSON object that is not nested too deep, or None.

    Raises:
        TypeError: It is neither.
        ValueError: It has more than `MAX_LEVELS` levels, or holds itself.
    """
    checked = check_object(name, value)
    level: list[Any] = [] if checked is None else [checked]
    for _ in range(MAX_LEVELS):
        # Each container once: a value that is shared by many is no more work than one that is not.
        level = list({id(part): part for one in level for part in _parts(one) if _is_container(part)}.values())
        if not level:
            return checked
    raise ValueError(f"{name} must not be nested more than {MAX_LEVELS} levels deep, nor hold itself")


def _is_container(value: Any) -> bool:
    return isinstance(value, dict | list | tuple)


def _parts(container: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", container).values() if isinstance(container, dict) else container


def check_instances(name: str, value: Any, cls: type[T]) -> list[T]:
    """Return a list of instances of a class; None means none.

    Raises:
        TypeError: It is not a list of them.
    """
    if value is None:
        return []
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of {cls.__name__}, not {type(value).__name__}")  # pyright: ignore
    items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    for item in items:
        if not isinstance(item, cls):
            raise TypeError(f"{name} must be a list of {cls.__name__}, not of {type(item).__name__}")
    return items


def check_instance(name: str, value: Any, cls: type[T]) -> T | None:
    """Return an instance of a class or None.

    Raises:
        TypeError: It is neither.
    """
    if value is None or isinstance(value, cls):
        return value
    raise TypeError(f"{name} must be a {cls.__name__}, not {type(value).__name__}")


def whole_number(
    name: str, value: Any, *, at_least: int = 0, unit: str = "", error: type[ValueError] = ValueError
) -> int:
    """Return a whole number that is not too small; for settings, where one error serves for types and values.

    Args:
        name: The argument.
        value: What was given.
        at_least: The smallest number that is allowed.
        unit: What is counted, for the text: "bytes".
        error: What is raised.

    Raises:
        ValueError: It is something else, or smaller.
    """
    whole = _as_whole(value)
    if whole is None or whole < at_least:
        counted = f"a whole number of {unit}" if unit else "a whole number"
        raise error(f"{name} must be {counted}, {at_least} or more, not {value!r}")
    return whole


def number_of_seconds(
    name: str,
    value: Any,
    *,
    at_most: float = MAX_SECONDS,
    may_be_zero: bool = False,
    error: type[ValueError] = ValueError,
) -> float:
    """Return a length of time in seconds; for settings, as `whole_number`. By default one that every system can wait.

    Raises:
        ValueError: It is not a number, negative, too long, or zero where that makes no sense.
    """
    seconds = real_number(value)
    if seconds is None or not 0 <= seconds < math.inf or (seconds == 0 and not may_be_zero):
        lowest = "0 or more seconds" if may_be_zero else "a positive number of seconds"
        raise error(f"{name} must be {lowest}, not {value!r}")
    if seconds > at_most:
        raise error(f"{name} must be at most {at_most:,.0f} seconds, not {value!r}")
    return seconds


def check_count(name: str, value: Any) -> int | None:
    """Return a whole number that is not negative, or None.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is negative.
    """
    if value is None:
        return None
    whole = _as_whole(value)
    if whole is None:
        shown = f" {value}" if real_number(value) is not None else ""
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}{shown}")
    if whole < 0:
        raise ValueError(f"{name} must be 0 or more, not {whole}")
    return whole


def _dtype(value: Any) -> str:
    """Return the name of the type that numpy, or a library of tensors, gives a scalar; empty for all else."""
    return str(getattr(value, "dtype", "")).rpartition(".")[2]


def real_number(value: Any) -> float | None:
    """Return a real number of any library as a float, an infinity where it is too large for one; None for all else."""
    kind = cast("Any", type(value))
    if kind is float:
        return float(value)
    # Python makes a float of the first two, and neither is meant as a number.
    if isinstance(value, bool | str | complex) or not hasattr(kind, "__float__"):
        return None
    if (dtype := _dtype(value)) == "bool" or dtype.startswith("complex"):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):  # an array, a time, a signalling NaN
        return None


def _as_whole(value: Any) -> int | None:
    """Return a whole number of any library as an int; None for all else. One that a float holds counts, too."""
    if type(value) is int:
        return value
    if isinstance(value, bool) or _dtype(value) == "bool":
        return None
    if hasattr(cast("Any", type(value)), "__index__"):
        try:
            return operator.index(value)
        except TypeError:  # an array
            return None
    real = real_number(value)
    if real is None or not math.isfinite(real) or not real.is_integer():
        return None
    whole = int(value)
    return whole if whole == value else None


def check_version(value: Any) -> str | None:
    """Return an agent's version as a header can hold it, or None.

    Raises:
        TypeError: It is neither text nor a whole number.
        ValueError: It is empty or holds what no header can.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"the agent's version must be a string or a whole number, not {type(value).__name__}")
    text = str(value)
    if not text.strip() or not text.isascii() or not text.isprintable():
        raise ValueError(f"the agent's version can't be {text[:40]!r}: pass a number or a short name")
    return text
