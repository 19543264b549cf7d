"""Decorators: each call of a function or generator is a run, and nothing else about it changes."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar, cast

from xpander_facade._process.threads import has_loop, in_thread
from xpander_facade.recorder._continuations import RecordedRun, TextAccumulator, continued, is_deferred

F = TypeVar("F", bound=Callable[..., object])
FirstArgument = Callable[[tuple[Any, ...], dict[str, Any]], object]


def instrument(function: F, new_run: Callable[[object, tuple[Any, ...], dict[str, Any]], RecordedRun]) -> F:
    """Return a function that does what the given one does, of the same kind and signature, and records each call.

    Args:
        function: A function, coroutine function, generator function or asynchronous generator function.
        new_run: Makes the run of a call, given the call's first argument and all of them.

    Raises:
        TypeError: It is none of these.
    """
    if not _is_function(function):
        raise TypeError(
            f"external_task() records functions, not a {type(function).__name__}: put it right above the function, "
            "below all other decorators"
        )
    kind = _kind_of(function)
    first = first_argument_of(function)

    def begin(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> RecordedRun:
        return new_run(first(arguments, keywords), arguments, keywords)

    return cast("F", functools.update_wrapper(kind(function, begin), function))


def _is_function(value: Any) -> bool:
    if isinstance(value, staticmethod) or not callable(value):
        return False
    return inspect.isroutine(value) or isinstance(value, functools.partial)


_Begin = Callable[[tuple[Any, ...], dict[str, Any]], RecordedRun]
_Wrap = Callable[[Any, _Begin], Callable[..., object]]


def _kind_of(function: Callable[..., object]) -> _Wrap:
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.isgeneratorfunction(function):
        return _generator
    if inspect.iscoroutinefunction(function):
        return _coroutine
    return _function


def _function(function: Callable[..., object], begin: _Begin) -> Callable[..., object]:
    def recorded(*arguments: Any, **keywords: Any) -> object:
        run = begin(arguments, keywords)
        with contextlib.ExitStack() as stack:
            stack.enter_context(run)
            value = function(*arguments, **keywords)
            if not is_deferred(value):
                run._set_default_result(value)
                return value
            run._restore_current()
            stack.pop_all()  # the run ends when what was returned does
        return _continued(value, run)

    return recorded


def _coroutine(function: Callable[..., Coroutine[Any, Any, object]], begin: _Begin) -> Callable[..., object]:
    async def recorded(*arguments: Any, **keywords: Any) -> object:
        run = begin(arguments, keywords)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(run)
            value = await function(*arguments, **keywords)
            if not is_deferred(value):
                run._set_default_result(value)
                return value
            run._restore_current()
            stack.pop_all()
        return _continued(value, run)

    return recorded


def _continued(value: Any, run: RecordedRun) -> Any:
    """Return what stands for a value that a function has returned and that ends later; the run ends with it."""
    run._defer()

    def begun(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> RecordedRun:
        return run

    if inspect.isgenerator(value):
        return _generator(lambda: value, begun, is_open=True)()
    if inspect.isasyncgen(value):
        return _async_generator(lambda: value, begun, is_open=True)()
    return continued(value, run)


def _generator(
    function: Callable[..., Generator[Any, Any, Any]], begin: _Begin, *, is_open: bool = False
) -> Callable[..., object]:
    def recorded(*arguments: Any, **keywords: Any) -> Generator[Any, Any, Any]:
        run = begin(arguments, keywords)
        if not is_open:
            run._open()
        collected = TextAccumulator()
        given: Any = None
        try:
            generator = function(*arguments, **keywords)
            act: Callable[[Any], Any] = generator.send
            while True:
                run._make_current()
                try:
                    item = act(given)
                except StopIteration as stop:
                    value = stop.value
                    break
                finally:
                    run._restore_current()
                run._touch()
                collected.add(item)
                # What is thrown in goes on from outside of the handler, else it would become the context of errors
                # that have nothing to do with it.
                try:
                    act, given = generator.send, (yield item)
                except BaseException as error:
                    act, given = generator.throw, error
            run._set_default_result(value if isinstance(value, str) else collected.text)
        except BaseException as error:
            run._set_default_result(collected.text)
            run._close(error)
            raise
        finally:
            given = None  # it may be an error, whose traceback holds this frame
        run._close(None)
        return value

    return recorded


def _async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], begin: _Begin, *, is_open: bool = False
) -> Callable[..., object]:
    async def recorded(*arguments: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:
        import asyncio

        run = begin(arguments, keywords)
        if not is_open:
            await run._aopen()
        collected = TextAccumulator()
        given: Any = None
        try:
            generator = function(*arguments, **keywords)
            act: Callable[[Any], Any] = _unwatched(generator)
            while True:
                run._make_current()
                try:
                    item = await act(given)
                except StopAsyncIteration:
                    break
                finally:
                    run._restore_current()
                run._touch()
                collected.add(item)
                try:
                    act, given = generator.asend, (yield item)
                except BaseException as error:
                    act, given = generator.athrow, error
            run._set_default_result(collected.text)
        except BaseException as error:
            run._set_default_result(collected.text)
            # A loop that shuts down cancels the closing of what was abandoned; nothing else cancels at a yield.
            given_up = error is given and isinstance(error, GeneratorExit | asyncio.CancelledError)
            if given_up and has_loop():
                # The loop may be taking its connections down. A thread needs none of them, and goes on in any case.
                await in_thread(run._close, GeneratorExit())
            else:
                await run._aclose(error)
            raise
        finally:
            given = None
        await run._aclose(None)

    return recorded


def _unwatched(generator: AsyncGenerator[Any, Any]) -> Callable[[Any], Any]:
    """Return what starts an asynchronous generator without the event loop noticing.

    The loop closes every generator that it knows when it shuts down, all at once. This one is closed by the one around
    it, which could not do so while the loop does.
    """
    import sys

    def start(given: Any) -> Any:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        try:
            return generator.asend(given)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    return start


def first_argument_of(function: Callable[..., object]) -> FirstArgument:
    """Return what takes the first argument out of a call, leaving out `self` and `cls`; None where there is none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions of C have no signature
        return lambda arguments, keywords: arguments[0] if arguments else None
    # By its name: in the body of a class, a method is still a function like any other.
    skipped = 1 if parameters and parameters[0].name in {"self", "cls"} else 0
    if len(parameters) <= skipped:
        return lambda arguments, keywords: None
    parameter = parameters[skipped]
    default = None if parameter.default is parameter.empty else parameter.default

    def first(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> object:
        return arguments[skipped] if len(arguments) > skipped else keywords.get(parameter.name, default)

    return first
