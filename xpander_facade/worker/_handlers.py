"""Handlers: what a decorated function must look like, how each kind is called, what it may return.

A handler is an async function, a plain one, which runs in a thread, or an async generator, whose events are pushed as
they come. The functions that run before the first task and after the last are kept here too.
"""

from __future__ import annotations

import enum
import functools
import inspect
import json
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.worker._logging import LOG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from xpander_facade.tasks._task import Task
    from xpander_facade.types.events import TaskUpdateEvent

T = TypeVar("T")
Hook = TypeVar("Hook", bound="Callable[[], object]")

BOOT: list[Callable[[], object]] = []
"""What runs before a worker registers."""

SHUTDOWN: list[Callable[[], object]] = []
"""What runs after a worker's last task."""


class Kind(enum.Enum):
    """How a handler is called."""

    ASYNC = "an async function"
    SYNC = "a plain function, in a thread"
    EVENTS = "an async generator of events"


def kind_of(function: Callable[..., object]) -> Kind:
    """Return how a handler is called.

    Raises:
        TypeError: It can't be one: it has no parameter `task`, or another one without a default, or it is a generator
            that is not async.
    """
    if not callable(function):
        raise TypeError(f"on_task decorates a function, not {type(function).__name__}: pass options by name")
    if isinstance(function, type):
        raise TypeError(
            f"on_task decorates a function, not the class {function.__name__}: decorate a method, or use one"
        )
    _check_parameters(function)
    code = _called(function)
    # Events are pushed by awaiting, which a generator that is not async cannot be suspended for.
    if inspect.isgeneratorfunction(code):
        raise TypeError(f"{_name(function)} is a generator: write `async def`, so that its events can be pushed")
    if inspect.isasyncgenfunction(code):
        return Kind.EVENTS
    return Kind.ASYNC if inspect.iscoroutinefunction(code) else Kind.SYNC


def check_hook(decorator: str, function: Hook) -> Hook:
    """Return a function that can be called without arguments.

    Raises:
        TypeError: It can't.
    """
    try:
        inspect.signature(function).bind()
    except TypeError:
        raise TypeError(f"{decorator} decorates a function that can be called without arguments") from None
    return function


async def run_hook(function: Callable[[], object]) -> None:
    """Call a function for the boot or the shutdown: an async one on the loop, a plain one in a thread."""
    is_async = inspect.iscoroutinefunction(function)
    outcome = function() if is_async else await in_thread(function)
    if inspect.isawaitable(outcome):
        await outcome


async def call(
    function: Callable[..., object], kind: Kind, task: Task, push: Callable[[TaskUpdateEvent], Awaitable[None]]
) -> Task:
    """Call a handler with a task, and return the task that it returns.

    One that yields events returns the task given, with what its `task_finished` event says; that event is not pushed,
    since the platform tells of the end itself when the outcome is saved.

    Args:
        function: The handler.
        kind: How it is called.
        task: What it works on.
        push: Takes each event that it yields.

    Raises:
        TypeError: It returned something else than a Task, or another task, or yielded something else than an event.
        RuntimeError: It tried to end the process.
        BaseException: Whatever else the handler raises.
    """
    try:
        if kind is Kind.EVENTS:
            return await _push_all(cast("AsyncIterator[object]", function(task=task)), push, task)
        if kind is Kind.ASYNC:
            return checked(await cast("Awaitable[object]", function(task=task)), task.id)
        returned = await in_thread(functools.partial(function, task=task))
        # A plain function may be the wrapper that a decorator has put around an async one.
        if inspect.isasyncgen(returned):
            return await _push_all(returned, push, task)
        return checked(await returned if inspect.isawaitable(returned) else returned, task.id)
    # Raised in a task of asyncio, they would end the loop with all that runs in it.
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the handler raised {type(error).__name__}({error}): return the task, or fail") from error


def checked(returned: object, task_id: str) -> Task:
    """Return what a handler returned, where it is its task.

    Raises:
        TypeError: It is something else.
    """
    from xpander_facade.tasks._task import Task

    if isinstance(returned, Task):
        if returned.id == task_id:
            return returned
        raise TypeError(f"the handler returned another task ({returned.id}): end it with `return task`")
    if inspect.iscoroutine(returned):
        returned.close()  # or the interpreter would warn of it, too
    raise TypeError(f"the handler returned {type(returned).__name__}, not a Task: end it with `return task`")


async def in_thread(work: Callable[[], T]) -> T:
    """Run a function in a thread of its own that doesn't keep the process alive, and return what it returns.

    How many there are at once is bounded by the worker's slots. The threads of a pool would be waited for when the
    process ends, even those of handlers that never return.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    # An outcome as a value: a future refuses StopIteration as its exception.
    settled: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    context = copy_context()

    def run() -> None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = context.run(work), None
        except BaseException as error:
            outcome = None, error
        try:
            loop.call_soon_threadsafe(_settle, settled, outcome)
        except RuntimeError:  # the loop is closed
            LOG.debug("a handler ended after its worker; its outcome is not saved")

    threading.Thread(target=run, name="xpander-worker-task", daemon=True).start()
    value, error = await settled
    if error is not None:
        raise error
    returned: T = value
    return returned


async def _push_all(
    events: AsyncIterator[object], push: Callable[[TaskUpdateEvent], Awaitable[None]], task: Task
) -> Task:
    from contextlib import aclosing

    from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType

    async with aclosing(cast("Any", events)):
        async for event in events:
            if not isinstance(event, TaskUpdateEvent):
                raise TypeError(f"the handler yielded {type(event).__name__}, not a TaskUpdateEvent")
            if event.type is TaskUpdateEventType.TaskFinished:
                task = with_outcome(task, event.data)
            else:
                await push(event)
    return task


def with_outcome(task: Task, data: object) -> Task:
    """Return a task with what the `task_finished` event of its handler says.

    Args:
        task: The task that the handler was given.
        data: The task itself, or its JSON; or its result, a text or any object; None says nothing.

    Raises:
        TypeError: It is another task.
    """
    from xpander_facade.tasks._task import Task

    if isinstance(data, Task):
        return checked(data, task.id)
    fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    if {"id", "agent_id", "input"} <= fields.keys():
        told = checked(Task._reader(task.configuration)(fields), task.id)
        for name in fields:
            if hasattr(told, name):
                setattr(task, name, getattr(told, name))
    elif data is not None:
        task.result = cast("Any", data)
    return task


def result_text(result: object) -> str | None:
    """Return a task's result as it is saved: a text as it is, an object as JSON."""
    if result is None or isinstance(result, str):
        return result
    return json.dumps(to_jsonable(result, shorten=False), ensure_ascii=False)


def _check_parameters(function: Callable[..., object]) -> None:
    parameters = inspect.signature(function).parameters
    task = parameters.get("task")
    if task is None or task.kind in {task.POSITIONAL_ONLY, task.VAR_POSITIONAL, task.VAR_KEYWORD}:
        raise TypeError(f"{_name(function)} has no parameter named `task`: write `def {_name(function)}(task: Task)`")
    for name, parameter in parameters.items():
        is_filled = parameter.default is not parameter.empty
        is_open = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        if name != "task" and not is_filled and not is_open:
            raise TypeError(f"{_name(function)} is called with `task` alone: give {name!r} a default, or take it away")


def _called(function: Callable[..., object]) -> Callable[..., object]:
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    return function if inspect.isroutine(function) else type(function).__call__


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _settle(future: Any, outcome: object) -> None:
    if not future.done():
        future.set_result(outcome)
