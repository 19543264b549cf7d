"""What a recorded function may return that ends later than it: the run goes on until that has ended.

A plain function that passes on a model's stream, or an async function behind a wrapper that is none, has done nothing
yet when it returns.
"""

from __future__ import annotations

import concurrent.futures
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from typing import IO, Any, Protocol

MAX_CHARACTERS = 10_000_000
"""How much of the text that a generator yields is kept for its result."""


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
    def _touch(self) -> None: ...
    def _defer(self) -> None: ...
    def _close_detached(self, error: BaseException | None) -> None: ...


class TextAccumulator:
    """What a generator yields, joined to a text as long as all of it is text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._remaining = MAX_CHARACTERS
        self._all_text = True

    def add(self, item: object) -> None:
        """Take what was yielded."""
        # One item that is not text: these are objects, such as a model's chunks, and have no joint text.
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


def is_deferred(value: object) -> bool:
    """Whether a value that a function has returned ends later: an awaitable, future or iterator, but no file."""
    # A file iterates over its lines, but who returns one returns a result, not work that goes on.
    if isinstance(value, IO) or (hasattr(value, "readline") and hasattr(value, "fileno")):
        return False
    return isinstance(value, Iterator | AsyncIterator | Awaitable | concurrent.futures.Future)


def continued(value: Any, run: RecordedRun) -> Any:
    """Return what stands for such a value, generators aside; the run ends with it."""
    if _is_future(value):

        def end(future: Any) -> None:
            _end_with_future(future, run)

        value.add_done_callback(end)
        return value
    if inspect.iscoroutine(value):
        return _await(value, run)
    if isinstance(value, AsyncIterator):
        return _AsyncIteratorProxy(value, run)
    if isinstance(value, Iterator):
        return _IteratorProxy(value, run)
    return _AwaitableProxy(value, run)


async def _await(value: Awaitable[Any], run: RecordedRun) -> Any:
    run._make_current()
    try:
        returned = await value
        run._set_default_result(returned)
    except BaseException as error:
        # First: the report must not be taken for a part of the run that it reports.
        run._restore_current()
        await run._aclose(error)
        raise
    run._restore_current()
    await run._aclose(None)
    return returned


def _is_future(value: object) -> bool:
    return isinstance(value, concurrent.futures.Future) or _is_asyncio_future(value)


def _is_asyncio_future(value: object) -> bool:
    # Whoever has a future of asyncio has imported it; importing it here would cost every other program 30 ms.
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio.isfuture(value)


def _end_with_future(future: Any, run: RecordedRun) -> None:
    if future.cancelled():
        error: BaseException | None = concurrent.futures.CancelledError()
        if _is_asyncio_future(future):
            error = sys.modules["asyncio"].CancelledError()
    else:
        error = future.exception()
        if error is None:
            run._set_default_result(future.result())
    run._close_detached(error)


class _Proxy:
    """What stands for an object of a library, with all of its attributes."""

    def __init__(self, value: Any, run: RecordedRun) -> None:
        self.__wrapped__ = value
        self._run = run
        self._collected = TextAccumulator()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def _take(self, item: object) -> None:
        self._run._touch()
        self._collected.add(item)

    def _end(self) -> None:
        self._run._set_default_result(self._collected.text)


class _IteratorProxy(_Proxy):
    """An iterator that ends its run when it is exhausted, fails or is closed."""

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        # Only while the library works: between two items the caller may record runs of its own.
        self._run._make_current()
        try:
            item = next(self.__wrapped__)
        except StopIteration:
            self._run._restore_current()
            self._end()
            self._run._close(None)
            raise
        except BaseException as error:
            self._run._restore_current()
            self._end()
            self._run._close(error)
            raise
        self._run._restore_current()
        self._take(item)
        return item

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        # A stream that enters as itself must stay wrapped, or its items would pass unseen.
        return self if entered is self.__wrapped__ else entered

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, traceback)
        finally:
            self._end()
            self._run._close(error)

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._end()
            self._run._close(GeneratorExit())


class _AsyncIteratorProxy(_Proxy):
    """An asynchronous iterator that ends its run when it is exhausted, fails or is closed."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        self._run._make_current()
        try:
            item = await anext(self.__wrapped__)
        except StopAsyncIteration:
            self._run._restore_current()
            self._end()
            await self._run._aclose(None)
            raise
        except BaseException as error:
            self._run._restore_current()
            self._end()
            await self._run._aclose(error)
            raise
        self._run._restore_current()
        self._take(item)
        return item

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, traceback)
        finally:
            self._end()
            await self._run._aclose(error)

    def close(self) -> Any:
        """Close what is stood for, in whichever way it is closed, and end the run."""
        return self._closed(self.__wrapped__.close())

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        # Not a method of its own: whether a stream has `aclose` tells libraries how to close it.
        return (lambda: self._closed(value())) if name == "aclose" else value

    def _closed(self, closing: Any) -> Any:
        self._end()
        self._run._close_detached(GeneratorExit())
        return closing


class _AwaitableProxy(_Proxy):
    """An awaitable that ends its run when it is done."""

    def __await__(self) -> Generator[Any, Any, Any]:
        return _await(self.__wrapped__, self._run).__await__()
