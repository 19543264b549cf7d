"""Hints for names that do not exist: what was probably meant."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = {
    "Emulator": "from xpander_facade.emulator import Emulator",
    "Xpander": "from xpander_facade import Backend",
    "XpanderClient": "from xpander_facade import Backend",
    "Client": "from xpander_facade import Backend",
    "AsyncClient": "from xpander_facade import Backend, whose async methods begin with an a",
    "AsyncBackend": "from xpander_facade import Backend, whose async methods begin with an a",
    "external_task": "Backend().external_task(...)",
    "report_external_task": "Backend().report_external_task(...)",
}
"""For names that are looked for at the package's root."""

OPTIONS = {
    "key": "api_key",
    "token": "api_key",
    "apikey": "api_key",
    "url": "base_url",
    "host": "base_url",
    "endpoint": "base_url",
    "api_url": "base_url",
    "org": "organization_id",
    "org_id": "organization_id",
    "organization": "organization_id",
    "organisation_id": "organization_id",
    "agent": "agent_id",
    "retries": "max_retries",
    "default_headers": "headers",
    "ssl_verify": "verify",
    "transport": "http_client",
}
"""For options of a configuration."""

COUNTS = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total": "total_tokens",
    "cached_tokens": "cache_read_tokens",
}
"""For counts of tokens."""

METHODS = {
    "aexternal_task": "external_task() is for both: `async with backend.external_task(...) as run`",
    "arecord": "use external_task(): `async with backend.external_task(...) as run`",
    "record": "use external_task(): `with backend.external_task(...) as run`",
    "trace": "use external_task(): `with backend.external_task(...) as run`",
    "report": "use report_external_task()",
    "areport": "use areport_external_task()",
    "create_task": "use Tasks(...).create(), or Backend(...).invoke_agent()",
    "acreate_task": "use Tasks(...).acreate(), or Backend(...).ainvoke_agent()",
    "run": "use Tasks(...).create() and task.wait_until_done()",
    "invoke": "use Backend(...).invoke_agent()",
    "tasks": "use Tasks(configuration)",
    "agents": "use Agents(configuration)",
    "load": "use get()",
    "retrieve": "use get()",
    "cancel": "use stop()",
    "delete": "the platform deletes no task: use stop()",
    "events": "load the task, then use task.events()",
    "list_tasks": "use Tasks(...).list()",
    "get_task": "use Tasks(...).get()",
    "on_task": "use `from xpander_facade import on_task`",
}
"""For methods of Backend, Tasks and Agents."""


TASK = {
    "output": "use task.result",
    "answer": "use task.result",
    "text": "use task.input.text for what was asked, task.result for what came of it",
    "prompt": "use task.input.text",
    "error": "use task.result, which says why where task.status is error",
    "wait": "use task.wait_until_done()",
    "await_done": "use task.await_until_done()",
    "cancel": "use task.stop()",
    "refresh": "use task.reload()",
    "update": "change attributes, then task.save()",
    "stream": "use task.events()",
    "is_done": "use task.status.is_final",
    "usage": "use task.tokens",
    "push": "use task.push_text() or task.push_event()",
    "messages": "use task.get_activity_log().messages",
}
"""For attributes and methods of a task."""

RUN = {
    "output": "use run.result",
    "usage": "use run.record(response) or run.tokens",
    "response": "use run.record(response)",
    "error": "use run.fail(reason)",
    "failure": "use run.fail(reason)",
    "success": "use run.is_success, or run.fail(reason)",
    "status": "use run.is_success, or run.fail(reason)",
    "tools": "use run.used_tools",
    "log": "use run.record(response)",
    "arecord": "use run.record(response), which does not wait",
    "set_result": "use run.result",
    "tags": "use run.metadata",
    "end": "leave the block",
    "finish": "leave the block",
    "task_id": "use run.id",
}
"""For attributes and methods of a recorded run."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like one that is not known, or None."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.7)), None)


def unknown_name(name: str, known: Iterable[str], hints: Mapping[str, str], *, form: str = "{}") -> str:
    """Return the end of an error about a name: what it was probably meant to be; empty where nothing is like it.

    Args:
        name: The name that does not exist.
        known: Those that do.
        hints: What was probably meant by names that are not like any.
        form: How a name is written there: "{}=" for an argument.
    """
    hint = hints.get(name)
    if hint is not None:
        return f": did you mean {form.format(hint)}?" if hint.isidentifier() else f": {hint}"
    similar = closest(name, known)
    return "" if similar is None else f": did you mean {form.format(similar)}?"


def with_hints(init: Callable[..., None], hints: Mapping[str, str]) -> Callable[..., None]:
    """Return an `__init__` whose error about an unknown argument says what was probably meant."""

    @functools.wraps(init)
    def initialize(self: object, *args: Any, **options: Any) -> None:
        try:
            init(self, *args, **options)
        # Only now: to look at the signature before each call would cost more than the call.
        except TypeError:
            check_options(type(self).__name__, options, init, hints)
            raise

    return initialize


def check_options(what: str, options: Iterable[str], init: Callable[..., None], hints: Mapping[str, str]) -> None:
    """Check the names of arguments before they reach an `__init__`.

    Args:
        what: Who takes them, for the text.
        options: The names.
        init: What takes them in the end.
        hints: What was probably meant by names that are not like any.

    Raises:
        TypeError: A name is unknown.
    """
    import inspect

    known = [name for name in inspect.signature(init).parameters if name != "self"]
    for name in options:
        if name not in known:
            raise TypeError(f"{what} has no argument {name!r}{unknown_name(name, known, hints, form='{}=')}") from None


class Misnomer:
    """An attribute that does not exist, but is looked for: reading and setting it say what is there instead.

    Args:
        hint: What to use.
    """

    def __init__(self, hint: str) -> None:
        self._hint = hint
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}: {self._hint}")

    def __set__(self, instance: object, value: object) -> NoReturn:
        self.__get__(instance, type(instance))


def add_misnomers(cls: Any, hints: Mapping[str, str]) -> None:
    """Let a class explain attributes that it does not have, unseen by `dir()` of its instances.

    Args:
        cls: The class.
        hints: For each name what to use instead.
    """
    for name, hint in hints.items():
        misnomer = Misnomer(hint)
        misnomer.__set_name__(cls, name)
        setattr(cls, name, misnomer)

    def names(self: object) -> list[str]:
        return [name for name in object.__dir__(self) if name not in hints]

    cls.__dir__ = names


def warn_user(text: str) -> None:
    """Warn of what the user's own code does, at the line that called this package."""
    import sys
    import warnings

    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, UserWarning, stacklevel=level)
