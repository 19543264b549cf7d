"""Decorators: each call of a function or generator is a run, and nothing else about it changes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeVar, cast

from xpander_facade.recorder._finalizers import has_loop


class RecordedRun(Protocol):
    """What the decorators ask of a run; `ExternalTask` is one."""

    def __enter__(self) -> Any: ...
    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None: ...
    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None: ...
    def _open(self) -> None: ...
    async def _aopen(self) -> None: ...
    def _close(self, error: BaseException | None) -> None: ...
    async def _aclose(self, error: BaseException | None) -> None: ...
    def _make_current(self) -> None: ...
    def _restore_current(self) -> None: ...
    def _set_default_result(self, value: object) -> None: ...


F = TypeVar("F", bound=Callable[..., object])
FirstArgument = Callable[[tuple[Any, ...], dict[str, Any]], object]
MAX_CHARACTERS = 10_000_000
"""How much of the text that a generator yields is kept for its result."""


def instrument(function: F, new_run: Callable[[object], RecordedRun]) -> F:
    """Return a function that does what the given one does, of the same kind and signature, and records each call.

    Args:
        function: A function, coroutine function, generator function or asynchronous generator function.
        new_run: Makes the run of a call, given the call's first argument.

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
        return new_run(first(arguments, keywords))

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
        with begin(arguments, keywords) as run:
            value = function(*arguments, **keywords)
            run._set_default_result(value)
            return value

    return recorded


def _coroutine(function: Callable[..., Coroutine[Any, Any, object]], begin: _Begin) -> Callable[..., object]:
    async def recorded(*arguments: Any, **keywords: Any) -> object:
        async with begin(arguments, keywords) as run:
            value = await function(*arguments, **keywords)
            run._set_default_result(value)
            return value

    return recorded


def _generator(function: Callable[..., Generator[Any, Any, Any]], begin: _Begin) -> Callable[..., object]:
    def recorded(*arguments: Any, **keywords: Any) -> Generator[Any, Any, Any]:
        run = begin(arguments, keywords)
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


def _async_generator(function: Callable[..., AsyncGenerator[Any, Any]], begin: _Begin) -> Callable[..., object]:
    async def recorded(*arguments: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:
        import asyncio

        run = begin(arguments, keywords)
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
                await asyncio.to_thread(run._close, GeneratorExit())
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


class TextAccumulator:
    """What a generator yields, joined to a text as long as all of it is text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._remaining = MAX_CHARACTERS
        self._all_text = True

    def add(self, item: object) -> None:
        """Take what was yielded."""
        if not isinstance(item, str):
            self._all_text = False
            self._parts.clear()
        elif self._all_text and self._remaining > 0:
            self._parts.append(item[: self._remaining])
            self._remaining -= len(item)

    @property
    def text(self) -> str | None:
        """The text; None where there was nothing, or something else than text."""
        return "".join(self._parts) if self._parts else None


def first_argument_of(function: Callable[..., object]) -> FirstArgument:
    """Return what takes the first argument out of a call, leaving out `self` and `cls`; None where there is none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some functions of C have no signature
        return lambda arguments, keywords: arguments[0] if arguments else None
    skipped = 1 if parameters and parameters[0].name in {"self", "cls"} else 0
    if len(parameters) <= skipped:
        return lambda arguments, keywords: None
    parameter = parameters[skipped]
    default = None if parameter.default is parameter.empty else parameter.default

    def first(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> object:
        return arguments[skipped] if len(arguments) > skipped else keywords.get(parameter.name, default)

    return first
