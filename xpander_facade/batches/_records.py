"""From a record to a report: keys and columns, values of text, the id. Pure but for the ids that were seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import attrs

from xpander_facade._requests.report import Report, make_report
from xpander_facade.batches._checkpoint import SeenIds, digest
from xpander_facade.batches._json_values import json_value
from xpander_facade.batches._result import RecordError
from xpander_facade.batches._source import Source
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import ConfigurationError
from xpander_facade.recorder._stored_response import RecordedResponse, stored_response

KEYS = (
    "agent_id", "agent", "id", "input", "llm_response", "tokens", "is_success", "result", "duration", "used_tools",
    "time",
)  # fmt: skip
_TEXTS = frozenset({"agent_id", "id", "input", "result"})
_NESTED = frozenset({"tokens", "llm_response"})
_TRUE = frozenset({"true", "1", "yes", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "f", "n"})
# Sorted, since the order in which a record has its keys must not make another id of it.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def check_keys(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return the columns of keys, checked.

    Raises:
        TypeError: They are not a mapping of texts.
        ConfigurationError: A key is none of a report.
    """
    checked: dict[str, str] = {}
    given: Mapping[Any, Any] = {} if columns is None else columns
    for key, column in given.items():
        if not isinstance(key, str) or not isinstance(column, str):
            raise TypeError("columns must be a mapping from the keys of a report to the names of columns")
        if not is_key(key):
            raise ConfigurationError(f"{key!r} is not a key of a report: {_known()}")
        checked[key] = column
    return checked


def is_key(key: str) -> bool:
    """Whether a report has such a key: `input`, `tokens.prompt_tokens`."""
    root, _, rest = key.partition(".")
    return key in KEYS or (root in _NESTED and bool(rest) and all(rest.split(".")))


def _known() -> str:
    return f"the keys are {', '.join(KEYS)}, and tokens.NAME and llm_response.NAME for what is in these"


@attrs.frozen
class RecordReader:
    """What makes reports of records.

    Args:
        configuration: Names the agent where a record names none.
        source: Where the records come from.
        columns: By key, the column that holds it; other columns count where they are named like a key.
        batch_id: What the ids of records without one are made from, besides the content; None where there is nothing.
        seen: The ids of this batch so far.
    """

    configuration: Configuration
    source: Source
    columns: Mapping[str, str]
    batch_id: str | None
    seen: SeenIds

    def report(self, position: int, record: object) -> Report:
        """Return the report of a record.

        Raises:
            RecordError: It is not a mapping, a value is wrong, or its id came before.
            ConfigurationError: There is no agent, or no id can be made.
        """
        if isinstance(record, RecordError):
            raise record
        if not isinstance(record, Mapping):
            raise RecordError(f"a record must be a mapping, not {type(record).__name__}")
        arguments = self._arguments(cast("Mapping[Any, Any]", record))
        id = arguments.pop("id", None)
        time = arguments.pop("time", None)
        try:
            if time is not None:
                arguments["llm_response"] = self._with_time(arguments.get("llm_response"), time)
            report = make_report(
                self.configuration,
                agent_id=arguments.get("agent_id"),
                id="pending" if id is None else id,
                input=arguments.get("input"),
                llm_response=arguments.get("llm_response"),
                tokens=arguments.get("tokens"),
                is_success=arguments.get("is_success", True),
                result=arguments.get("result"),
                duration=arguments.get("duration", 0),
                used_tools=arguments.get("used_tools"),
            )
        except ConfigurationError:
            raise  # the batch's fault, not the record's
        except (TypeError, ValueError) as error:
            raise RecordError(str(error)) from error
        return self._with_new_id(report) if id is None else self._with_known_id(report, position)

    def _with_known_id(self, report: Report, position: int) -> Report:
        first = self.seen.first_position(digest("id", report.agent_id, report.id), position)
        if first != position:
            raise RecordError(
                f"the id {report.id!r} came before, in {self.source.location(first)}: a later report would replace "
                "that one; give each run an id of its own"
            )
        return report

    def _with_new_id(self, report: Report) -> Report:
        """Return a report with an id that is made from its content and how many equal ones came before."""
        if self.batch_id is None:
            raise ConfigurationError(
                "these records have no ids, and a batch with a checkpoint must give the same ids again: pass batch_id="
            )
        # The id stood in for one while the report was checked; equal content must give equal ids.
        del report.body["id"]
        content = digest("content", report.agent_id, _canonical(report.body))
        count = self.seen.count(content)
        id = f"batch-{digest('run', self.batch_id, content, str(count)).hex()}"
        return Report(report.agent_id, id, {"id": id, **report.body})

    def _with_time(self, response: object, time: object) -> object:
        """Return what is stored as `llm_response`, with the time of the run under the documented key `"_run"`."""
        responses = [] if response is None else [RecordedResponse(response)]
        return stored_response(responses, {"metadata": {"time": time}}, self.configuration.max_field_bytes)

    def _arguments(self, record: Mapping[Any, Any]) -> dict[str, Any]:
        """Return the arguments of a report; null leaves one out."""
        arguments: dict[str, Any] = {}
        agent: str | None = None
        for key, value in self._values(record):
            # CSV has no null: an empty field is as near to it as there is.
            if value is None or (self.source.is_text and value == ""):
                continue
            root, _, rest = key.partition(".")
            if key == "agent":
                if not isinstance(agent_id := getattr(value, "id", None), str):
                    raise RecordError("agent must be an Agent: write agent_id for an id")
                agent = agent_id
                continue
            value = self._value(key, root, value)
            if not rest:
                if value is not None:
                    arguments[root] = value
                continue
            node: dict[str, Any] = arguments
            *parents, last = key.split(".")
            for name in parents:
                below = node.get(name)
                if below is not None and not isinstance(below, Mapping):
                    raise RecordError(f"{key} does not fit beside {name}, which is not an object")
                # The user's own objects stay as they are.
                node[name] = node = dict(cast("Mapping[str, Any]", below or {}))
            node[last] = value
        return arguments if agent is None else {**arguments, "agent_id": agent}

    def _values(self, record: Mapping[Any, Any]) -> list[tuple[str, Any]]:
        mapped = self.columns
        values = [(key, record.get(column)) for key, column in mapped.items()]
        used = set(mapped.values())
        for name, value in record.items():
            if name in mapped or (name in used and mapped.get(name) != name):
                continue
            if isinstance(name, str) and is_key(name):
                values.append((name, value))
            elif not mapped:
                raise RecordError(f"{name!r} is not a key of a report: {_known()}, or pass columns= (--map)")
        return values

    def _value(self, key: str, root: str, value: Any) -> Any:
        if self.source.is_text and root not in _TEXTS:
            return _read_text(key, root, value)
        if root == "duration" and hasattr(value, "total_seconds"):
            return value.total_seconds()
        if self.source.is_strict and root in {"llm_response", "used_tools"}:
            return json_value(value, key)
        return json_value(value, key) if root in {*_TEXTS, "time"} else value


def _read_text(key: str, root: str, text: str) -> Any:
    """Return what a text of a CSV file stands for.

    Raises:
        RecordError: It stands for nothing that the key takes.
    """
    if root == "time":
        return text
    if root == "is_success":
        known = text.strip().lower()
        if known not in _TRUE | _FALSE:
            raise RecordError(f"{key} must be true or false")
        return known in _TRUE
    if root == "duration":
        try:
            return float(text)
        except ValueError:
            raise RecordError(f"{key} must be a number of seconds") from None
    if root == "used_tools" and not text.lstrip().startswith("["):
        return [name for part in text.split(",") if (name := part.strip())]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if root == "llm_response":
            return text
        wanted = "a list of names" if root == "used_tools" else "a whole number" if "." in key else "a JSON object"
        raise RecordError(f"{key} must be {wanted}") from None
