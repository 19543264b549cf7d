"""Recording of the calls of one client object: what it returns is read for the current run, and goes on as it is."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xpander_facade.errors import IntegrationError
from xpander_facade.recorder._external_task import ExternalTask, current_run
from xpander_facade.recorder._recorded_stream import StreamReading
from xpander_facade.usage._reading import collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

T = TypeVar("T")
_log = logging.getLogger("xpander_facade.integrations")
_MARK = "_xpander_recorded"
_OFF = "_xpander_off"
_classes: dict[type, type] = {}
_making = threading.Lock()


class StreamRecord:
    """Reads the chunks of one stream for a run, and hands over what they told when it ends, or the run does."""

    def __init__(self, run: ExternalTask, way: str) -> None:
        self._run = run
        self._way = way
        self._reading = StreamReading()
        self._name = f"{way}:{id(self)}"
        self._is_over = False
        run._collectors[self._name] = self

    def feed(self, chunk: object) -> None:
        """Read one chunk."""
        if not self._is_over:
            self._reading.feed(chunk)

    def finish(self) -> None:
        """Hand over what was told."""
        if self._is_over:
            return
        self._is_over = True
        self._run._collectors.pop(self._name, None)
        entries = [entry for entry in self._reading.entries if entry.total or entry.texts or entry.tools]
        if not entries:
            return
        for entry in entries:
            # The stream is over: what comes later under the same id tells it again and adds nothing.
            entry.chunk = False
        self._run._take_response(self._reading.summary, entries, self._way)


def record(run: ExternalTask, way: str, response: object) -> None:
    """Record what a client returned, unless it tells nothing of a model's call."""
    try:
        told = collect(response)
        if told:
            run._take_response(response, told, way)
    except Exception as error:  # what is read for the record costs no call
        _log.warning("run %s lacks a response of its client %s: %s", run.id, way, error)


def recorded(value: T, run: ExternalTask, way: str) -> T:
    """Return what a client returned, which is recorded: at once, or as it is gone through where it is a stream."""
    # Python does not let a generator change its class, as is done with other streams below.
    if inspect.isgenerator(value):
        return cast("T", _generator(cast("Any", value), StreamRecord(run, way)))
    if inspect.isasyncgen(value):
        return cast("T", _async_generator(cast("Any", value), StreamRecord(run, way)))
    try:
        kind: type[object] = type(value)
        if callable(getattr(kind, "parse", None)) and hasattr(value, "http_response"):
            _watch_parse(cast("Any", value), run, way)
        elif hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
            _watch_stream(value, run, way)
        elif hasattr(kind, "model_dump"):  # not a file, nor a page of something
            record(run, way, value)
    except Exception as error:  # what is read for the record costs no call
        _log.warning("run %s lacks a response of its client %s: %s", run.id, way, error)
    return value


def wrap_call(function: Callable[..., Any], way: str, after: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
    """Return a function that calls another one, and records what comes of it in the run that is current then."""

    def done(value: Any, run: ExternalTask | None) -> Any:
        if after is not None:
            value = after(value)
        return value if run is None else recorded(value, run, way)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def acall(*arguments: Any, **keywords: Any) -> Any:
            run = None if is_off(acall) else current_run()
            return done(await function(*arguments, **keywords), run)

        return acall

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        run = None if is_off(call) else current_run()
        value = function(*arguments, **keywords)
        if inspect.isawaitable(value) and not hasattr(value, "__next__"):
            return _awaited(value, run, done)
        return done(value, run)

    return call


async def _awaited(value: Any, run: ExternalTask | None, done: Callable[[Any, ExternalTask | None], Any]) -> Any:
    return done(await value, run)


def replace(thing: Any, names: dict[str, Callable[..., Any]], *, integration: str) -> None:
    """Put functions in the place of methods of one object, and remember that.

    Raises:
        IntegrationError: It was done before.
    """
    # Not by `setattr`: LiteLLM's router hands what is set to an object behind it, where it would not be found again.
    own = cast("dict[str, Any]", vars(thing))
    if _MARK in own:
        raise IntegrationError(
            f"{integration} has instrumented this {type(thing).__name__} already: call uninstrument() first"
        )
    own[_MARK] = {name: (function, own.get(name)) for name, function in names.items()}
    own.update(names)


def restore(thing: Any) -> bool:
    """Let an object have the methods again that it had before; False where it was not instrumented.

    What another library has put around ours meanwhile stays, and ours records nothing any more.
    """
    own = cast("dict[str, Any]", vars(thing))
    replaced = cast("dict[str, tuple[Any, Any]] | None", own.pop(_MARK, None))
    for name, (function, before) in (replaced or {}).items():
        if own.get(name) is not function:
            function.__dict__[_OFF] = True
        elif before is None:
            del own[name]
        else:
            own[name] = before
    return replaced is not None


def is_off(function: Callable[..., Any]) -> bool:
    """Tell whether a function that was put in the place of a method is to do nothing of its own any more."""
    return _OFF in function.__dict__


def _watch_parse(response: Any, run: ExternalTask, way: str) -> None:
    """Record what a raw response holds once it is parsed; `wrap_call` takes one that is parsed by `await`."""
    parse: Callable[..., Any] = response.parse
    seen: list[object] = []

    def after(value: Any) -> Any:
        # The library keeps what it has parsed, and gives the same object the next time.
        if any(value is one for one in seen):
            return value
        seen.append(value)
        return recorded(value, run, way)

    if inspect.iscoroutinefunction(parse):

        async def aparse(**keywords: Any) -> Any:
            return after(await parse(**keywords))

        response.parse = aparse
    else:

        def parse_and_record(**keywords: Any) -> Any:
            return after(parse(**keywords))

        response.parse = parse_and_record


def _watch_stream(stream: Any, run: ExternalTask, way: str) -> None:
    """Let a stream be of a class below its own, which reads what passes."""
    kind = cast("type[object]", type(stream))
    if stream.__class__ is not kind:  # what an instrumentor has put around the stream
        _watch_stream(stream.__wrapped__, run, way)
        return
    with _making:
        made = _classes.get(kind) or _classes.setdefault(kind, _class_below(kind))
    watched: Any = stream
    # Not a proxy around it: callers ask for the class of a stream, and use methods that are not known here.
    watched.__class__ = made
    watched._xpander_record = StreamRecord(run, way)


def _class_below(kind: Any) -> type:
    names: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    if hasattr(kind, "__next__"):

        def _next(self: Any) -> Any:
            return _passed(self._xpander_record, lambda: kind.__next__(self))

        def _iter(self: Any) -> Iterator[Any]:
            inner = kind.__iter__(self)
            return self if inner is self else _generator(inner, self._xpander_record)

        names |= {"__next__": _next, "__iter__": _iter}
    if hasattr(kind, "__anext__"):

        async def _anext(self: Any) -> Any:
            try:
                chunk = await kind.__anext__(self)
            except BaseException:
                self._xpander_record.finish()
                raise
            self._xpander_record.feed(chunk)
            return chunk

        def _aiter(self: Any) -> AsyncIterator[Any]:
            inner = kind.__aiter__(self)
            return self if inner is self else _async_generator(inner, self._xpander_record)

        names |= {"__anext__": _anext, "__aiter__": _aiter}
    return type(kind.__name__, (kind,), names)


def _passed(record: StreamRecord, take: Callable[[], Any]) -> Any:
    try:
        chunk = take()
    except BaseException:  # its end, too
        record.finish()
        raise
    record.feed(chunk)
    return chunk


def _generator(inner: Iterator[Any], record: StreamRecord) -> Iterator[Any]:
    try:
        for chunk in inner:
            record.feed(chunk)
            yield chunk
    finally:
        record.finish()


async def _async_generator(inner: AsyncIterator[Any], record: StreamRecord) -> AsyncIterator[Any]:
    try:
        async for chunk in inner:
            record.feed(chunk)
            yield chunk
    finally:
        record.finish()
