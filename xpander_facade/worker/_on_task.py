"""`on_task`: a function becomes a worker, which executes an agent's tasks until it is stopped.

    @on_task
    async def handler(task: Task) -> Task:
        task.result = await answer(task.to_message())
        return task

    handler.run()

Decorating checks the function and connects nowhere; `run`, `arun` and the command `xpander-facade worker` do.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from xpander_facade import _validation
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.configuration._environment import streaming_port
from xpander_facade.errors import ConfigurationError
from xpander_facade.types.models import LocalTaskTest
from xpander_facade.worker._handlers import BOOT, SHUTDOWN, Hook, Kind, check_hook, kind_of
from xpander_facade.worker._logging import announce
from xpander_facade.worker._options import Options, worker_spec
from xpander_facade.worker._unserved import mark_used, watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AbstractContextManager

    from xpander_facade.tasks._task import Task
    from xpander_facade.types.events import TaskUpdateEvent
    from xpander_facade.worker._http_server import InvocationServer
    from xpander_facade.worker._options import WorkerSpec
    from xpander_facade.worker._session import Session

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Task | Coroutine[Any, Any, Task] | AsyncIterator[TaskUpdateEvent]")


_PORT = 59321
"""Where the platform calls a worker in a container."""


class TaskHandler(Generic[P, R]):
    """A handler of tasks: the decorated function, which can be called as before, and served.

    Made by `on_task`.

        @on_task
        def shout(task: Task) -> Task:
            task.result = task.to_message().upper()
            return task

        assert isinstance(shout, TaskHandler)
    """

    def __init__(self, function: Callable[P, R], options: Options) -> None:
        # In the body of a class a static method is still what wraps the function.
        if isinstance(function, staticmethod):
            function = cast("Callable[P, R]", function.__func__)
        self._kind = kind_of(function)
        self._function = function
        self._options = options
        self._stop: Callable[[str], None] | None = None
        functools.update_wrapper(self, function)
        if sys.version_info >= (3, 12) and self._kind is Kind.ASYNC:
            # Frameworks and test runners ask `inspect` whether to await, and it does not look into an object that is
            # called.
            inspect.markcoroutinefunction(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, as a test does."""
        mark_used(self._function)
        return self._function(*args, **kwargs)

    @property
    def configuration(self) -> Configuration | None:
        """The configuration that was given; None means a new `Configuration()` when it begins to work."""
        return self._options.configuration

    def __repr__(self) -> str:
        return f"<on_task {self._function!r}>"

    def with_options(
        self,
        *,
        configuration: Configuration | None = None,
        agent_id: str | None = None,
        concurrency: int | None = None,
        grace_period: float | None = None,
        poll_interval: float | None = None,
        max_attempts: int | None = None,
        state_path: str | os.PathLike[str] | None = None,
    ) -> TaskHandler[P, R]:
        """Return the same handler with other options; None keeps what it has. See `on_task`.

            patient = handler.with_options(concurrency=2, grace_period=60)

        Raises:
            TypeError: A value has another type.
            ValueError: A value makes no sense.
        """
        mine = self._options
        options = _options(
            mine.configuration if configuration is None else configuration,
            mine.agent_id if agent_id is None else agent_id,
            mine.concurrency if concurrency is None else concurrency,
            mine.grace_period if grace_period is None else grace_period,
            mine.poll_interval if poll_interval is None else poll_interval,
            mine.max_attempts if max_attempts is None else max_attempts,
            mine.state_path if state_path is None else state_path,
            mine.test_task,
        )
        return TaskHandler(self._function, options)

    def run(self, *, signals: bool = True, on_finished: Callable[[Task], object] | None = None) -> None:
        """Work on the agent's tasks until SIGTERM, SIGINT or `stop()`, which a first line in the log or on stderr says.

        Then it takes nothing new, lets what runs end within `grace_period`, makes the rest an error, deregisters, and
        runs the functions of `on_shutdown`. A second signal ends the process at once. A stream that is lost is opened
        again, for as long as it takes. From inside a running event loop, use `arun()`.

        With `on_task(test_task=...)` that one task is created and worked on, and then this returns.

            if __name__ == "__main__":
                handler.run()

        Args:
            signals: Whether to heed SIGTERM and SIGINT; only possible in the main thread, elsewhere without effect.
            on_finished: Called with each task whose outcome was saved.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing; the text names each.
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the first registration: the key may be wrong.
            RuntimeError: This handler is being served already; or `run()` was called where an event loop runs.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options, on_finished)
        if self._options.test_task is not None:
            _serve_prompt(spec, self._options.test_task, signals)
        else:
            _serve(self, spec, signals)

    async def arun(self, *, signals: bool = True, on_finished: Callable[[Task], object] | None = None) -> None:
        """Work on the agent's tasks until SIGTERM, SIGINT or `stop()`, which a first line in the log or on stderr says.

        Then it takes nothing new, lets what runs end within `grace_period`, makes the rest an error, deregisters, and
        runs the functions of `on_shutdown`. A second signal ends the process at once. A stream that is lost is opened
        again, for as long as it takes. From inside a running event loop, use `arun()`.

        With `on_task(test_task=...)` that one task is created and worked on, and then this returns.

            if __name__ == "__main__":
                handler.run()

        Args:
            signals: Whether to heed SIGTERM and SIGINT; only possible in the main thread, elsewhere without effect.
            on_finished: Called with each task whose outcome was saved.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing; the text names each.
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the first registration: the key may be wrong.
            RuntimeError: This handler is being served already; or `run()` was called where an event loop runs.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options, on_finished)
        if self._options.test_task is not None:
            await _aserve_prompt(spec, self._options.test_task, signals)
        else:
            await _aserve(self, spec, signals)

    def run_prompt(self, prompt: str, *, signals: bool = True) -> Task | None:
        """Create one task at the platform, work on it here, and return it as it was saved.

        The platform knows the task as one that runs locally, and gives it to nobody else; no other task is taken.

            task = handler.run_prompt("Is it on?")
            print(task and task.result)

        Args:
            prompt: What the agent is asked.
            signals: Whether SIGTERM and SIGINT end it as they end `run()`: the task gets `grace_period`, then it is an
                error.

        Returns:
            The task, or None where its outcome could not be saved or a signal came first; the log says why.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing; the text names each.
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the registration or the task.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options)
        return _serve_prompt(spec, prompt, signals)

    async def arun_prompt(self, prompt: str, *, signals: bool = True) -> Task | None:
        """Create one task at the platform, work on it here, and return it as it was saved.

        The platform knows the task as one that runs locally, and gives it to nobody else; no other task is taken.

            task = handler.run_prompt("Is it on?")
            print(task and task.result)

        Args:
            prompt: What the agent is asked.
            signals: Whether SIGTERM and SIGINT end it as they end `run()`: the task gets `grace_period`, then it is an
                error.

        Returns:
            The task, or None where its outcome could not be saved or a signal came first; the log says why.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing; the text names each.
            WorkerConflictError: The platform refuses workers from this environment.
            ModuleException: The platform refused the registration or the task.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options)
        return await _aserve_prompt(spec, prompt, signals)

    def serve_http(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        signals: bool = True,
        on_finished: Callable[[Task], object] | None = None,
        on_listening: Callable[[int], object] | None = None,
    ) -> None:
        """Answer the platform's calls over HTTP until SIGTERM, SIGINT or `stop()`. Needs the extra `[serve]`.

        `POST /invoke` takes a task as JSON, runs the handler, saves the outcome, and answers with the task; a streaming
        handler's events are the answer as they come, `task_finished` last. `GET /health` says whether it serves. A call
        needs the configured key in `x-api-key`. More than `concurrency` tasks at once are refused with 503. When it is
        stopped, running tasks get `grace_period`, then they are errors.

            if __name__ == "__main__":
                handler.serve_http(port=8080)

        Args:
            host: The address to listen on; "0.0.0.0" to be reached from outside a container.
            port: The port; by default XPANDER_STREAMING_PORT, else 59321; 0 takes a free one.
            signals: Whether to heed SIGTERM and SIGINT; only possible in the main thread, elsewhere without effect.
            on_finished: Called with each task whose outcome was saved.
            on_listening: Called with the port as soon as it answers.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing, or a package; the text names it.
            OSError: The address is taken.
            RuntimeError: This handler is being served already; or it was called where an event loop runs.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options, on_finished)
        _serve_http(self, spec, host, port, signals, on_listening)

    async def aserve_http(
        self,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        signals: bool = True,
        on_finished: Callable[[Task], object] | None = None,
        on_listening: Callable[[int], object] | None = None,
    ) -> None:
        """Answer the platform's calls over HTTP until SIGTERM, SIGINT or `stop()`. Needs the extra `[serve]`.

        `POST /invoke` takes a task as JSON, runs the handler, saves the outcome, and answers with the task; a streaming
        handler's events are the answer as they come, `task_finished` last. `GET /health` says whether it serves. A call
        needs the configured key in `x-api-key`. More than `concurrency` tasks at once are refused with 503. When it is
        stopped, running tasks get `grace_period`, then they are errors.

            if __name__ == "__main__":
                handler.serve_http(port=8080)

        Args:
            host: The address to listen on; "0.0.0.0" to be reached from outside a container.
            port: The port; by default XPANDER_STREAMING_PORT, else 59321; 0 takes a free one.
            signals: Whether to heed SIGTERM and SIGINT; only possible in the main thread, elsewhere without effect.
            on_finished: Called with each task whose outcome was saved.
            on_listening: Called with the port as soon as it answers.

        Raises:
            ConfigurationError: The agent, the key or the organisation is missing, or a package; the text names it.
            OSError: The address is taken.
            RuntimeError: This handler is being served already; or it was called where an event loop runs.
        """
        mark_used(self._function)
        spec = worker_spec(self._function, self._kind, self._options, on_finished)
        await _aserve_http(self, spec, host, port, signals, on_listening)

    def stop(self) -> None:
        """Ask the worker to end, as SIGTERM does; from any thread. Without effect where none runs.

        For example:

            handler.stop()
        """
        stop = self._stop
        if stop is not None:
            stop("stop() was called")


@overload
def on_task(function: Callable[P, R], /) -> TaskHandler[P, R]: ...


@overload
def on_task(
    *,
    configuration: Configuration | None = None,
    agent_id: str | None = None,
    concurrency: int = 6,
    grace_period: float = 30.0,
    poll_interval: float = 5.0,
    max_attempts: int = 3,
    state_path: str | os.PathLike[str] | None = None,
    test_task: LocalTaskTest | None = None,
) -> Callable[[Callable[P, R]], TaskHandler[P, R]]: ...


def on_task(
    function: Callable[P, R] | None = None,
    /,
    *,
    configuration: Configuration | None = None,
    agent_id: str | None = None,
    concurrency: int = 6,
    grace_period: float = 30.0,
    poll_interval: float = 5.0,
    max_attempts: int = 3,
    state_path: str | os.PathLike[str] | None = None,
    test_task: LocalTaskTest | None = None,
) -> TaskHandler[P, R] | Callable[[Callable[P, R]], TaskHandler[P, R]]:
    """Make a function the handler of an agent's tasks; with or without parentheses.

    The function takes the task by the name `task`, and returns it. It is async, or plain, which runs in a thread, or an
    async generator of `TaskUpdateEvent`s, each of which is pushed to those who follow the task. What it changes of the
    task is saved: a task that is still executing becomes completed, an exception makes it an error with its text.

        @on_task
        async def handler(task: Task) -> Task:
            task.result = task.to_message().upper()
            return task

    Args:
        function: The function.
        configuration: What to call with; by default a new `Configuration()`, made when the worker begins.
        agent_id: The agent; by default the configuration's, else XPANDER_AGENT_ID.
        concurrency: How many tasks at once.
        grace_period: Seconds that running tasks get when the worker is stopped.
        poll_interval: Seconds between two polls of running tasks, one task after the other: so a worker learns that a
            task was stopped. Each poll is a call, and calls are limited.
        max_attempts: How often a task is begun whose process ended each time (a crash, too little memory); then it is
            marked as an error with that reason. 0 begins it any number of times. A start that SIGTERM ended does not
            count.
        state_path: The file that keeps the count between processes, one per agent; by default in the user's folder
            for state. Processes that share it share the count.
        test_task: One task to try the handler with: `run()` creates it, works on it, and returns.

    Raises:
        TypeError: The function can't be a handler, or a value has another type.
        ValueError: A value makes no sense.
    """
    options = _options(
        configuration, agent_id, concurrency, grace_period, poll_interval, max_attempts, state_path, test_task
    )
    return _decorator(options) if function is None else _decorator(options)(function)


def _decorator(options: Options) -> Callable[[Callable[P, R]], TaskHandler[P, R]]:
    def decorate(function: Callable[P, R]) -> TaskHandler[P, R]:
        handler = TaskHandler(function, options)
        watch(handler._function)
        return handler

    return decorate


def on_boot(function: Hook) -> Hook:
    """Run a function before a worker registers: an async one, or a plain one, in a thread. One that fails ends it.

    A worker that is stopped meanwhile waits for it for the grace period, then ends without it.

        @on_boot
        def load_models() -> None:
            print("ready")

    Raises:
        TypeError: It can't be called without arguments.
    """
    BOOT.append(check_hook("on_boot", function))
    return function


def on_shutdown(function: Hook) -> Hook:
    """Run a function after a worker's last task: an async one, or a plain one, in a thread. One that fails is logged.

        @on_shutdown
        async def say_goodbye() -> None:
            print("done")

    Raises:
        TypeError: It can't be called without arguments.
    """
    SHUTDOWN.append(check_hook("on_shutdown", function))
    return function


def _options(
    configuration: Configuration | None,
    agent_id: str | None,
    concurrency: int,
    grace_period: float,
    poll_interval: float,
    max_attempts: int,
    state_path: str | os.PathLike[str] | None,
    test_task: LocalTaskTest | None,
) -> Options:
    if not _validation.check_count("concurrency", concurrency):
        raise ValueError(f"concurrency must be 1 or more, not {concurrency}")
    return Options(
        _validation.check_instance("configuration", configuration, Configuration),
        None if agent_id is None else _validation.check_agent_id(agent_id),
        concurrency,
        _validation.check_seconds("grace_period", grace_period),
        _validation.check_interval("poll_interval", poll_interval),
        _validation.check_count("max_attempts", max_attempts) or 0,
        None if state_path is None else os.fspath(state_path),
        _validation.check_instance("test_task", test_task, LocalTaskTest),
    )


def _run(work: Callable[[], Coroutine[Any, Any, T]], instead: str) -> T:
    import asyncio

    from xpander_facade.worker import _event_loop

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        is_free = True
    else:
        is_free = False
    if not is_free:
        raise RuntimeError(f"an event loop runs here already: await {instead}()")
    return _event_loop.run(work)


def _serve(handler: TaskHandler[Any, Any], spec: WorkerSpec, signals: bool) -> None:
    _run(functools.partial(_aserve, handler, spec, signals), "arun")


async def _aserve(handler: TaskHandler[Any, Any], spec: WorkerSpec, signals: bool) -> None:
    from xpander_facade.worker._session import Session

    if handler._stop is not None:
        raise RuntimeError("this handler is being served already: one worker can take more tasks with concurrency=")
    session = Session(spec)
    handler._stop = stop = _stop_from_anywhere(session)
    try:
        with _signal_handling(signals, stop):
            announce(
                f"serving the tasks of agent {spec.agent_id} at {spec.configuration.base_url}, {spec.concurrency} at "
                f"once, until {_end_of(signals)}"
            )
            await session.serve()
    finally:
        handler._stop = None


def _serve_prompt(spec: WorkerSpec, prompt: str | LocalTaskTest, signals: bool) -> Task | None:
    return _run(functools.partial(_aserve_prompt, spec, prompt, signals), "arun_prompt")


async def _aserve_prompt(spec: WorkerSpec, prompt: str | LocalTaskTest, signals: bool) -> Task | None:
    from xpander_facade.worker._session import Session

    session = Session(spec)
    with _signal_handling(signals, _stop_from_anywhere(session)):
        return await session.serve_prompt(prompt)


def _serve_http(
    handler: TaskHandler[Any, Any],
    spec: WorkerSpec,
    host: str,
    port: int | None,
    signals: bool,
    on_listening: Callable[[int], object] | None,
) -> None:
    _run(functools.partial(_aserve_http, handler, spec, host, port, signals, on_listening), "aserve_http")


async def _aserve_http(
    handler: TaskHandler[Any, Any],
    spec: WorkerSpec,
    host: str,
    port: int | None,
    signals: bool,
    on_listening: Callable[[int], object] | None,
) -> None:
    from xpander_facade.worker._http_server import InvocationServer, check_address

    if handler._stop is not None:
        raise RuntimeError("this handler is being served already: one worker can take more tasks with concurrency=")
    port = _streaming_port() if port is None else port
    check_address(host, port)
    server = InvocationServer(spec, host, port, on_listening)
    handler._stop = stop = _stop_from_anywhere(server)
    try:
        with _signal_handling(signals, stop):
            announce(f"answering calls of tasks of agent {spec.agent_id} over HTTP until {_end_of(signals)}")
            await server.serve()
    finally:
        handler._stop = None


def _streaming_port() -> int:
    given = streaming_port()
    if given is None:
        return _PORT
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 65536:
        raise ConfigurationError(f"XPANDER_STREAMING_PORT must be a port from 1 to 65535, not {given!r}")
    return int(given)


def _stop_from_anywhere(session: Session | InvocationServer) -> Callable[[str], None]:
    """Return what stops a session of the running loop from any thread, and from a signal handler."""
    import asyncio
    from contextlib import suppress

    loop = asyncio.get_running_loop()

    def stop(reason: str) -> None:
        with suppress(RuntimeError):  # the loop is closed: the worker has ended
            loop.call_soon_threadsafe(session.stop, reason)

    return stop


def _end_of(signals: bool) -> str:
    """Return how a worker is stopped, for people."""
    return "Ctrl-C, SIGTERM or stop()" if signals else "stop()"


def _signal_handling(signals: bool, stop: Callable[[str], None]) -> AbstractContextManager[None]:
    from contextlib import nullcontext

    from xpander_facade.worker._signals import handle_signals

    return handle_signals(stop) if signals else nullcontext()
