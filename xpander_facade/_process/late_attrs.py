"""Classes of attrs that attrs completes when they are first used.

To import attrs takes half as long as to import httpx, and to write out the methods of a class as long as to import a
small module. To readers and type checkers, `define`, `frozen`, `field` and `Factory` are those of attrs. At first they
make a class with its slots, and with placeholders for what attrs writes. Whoever gets at one of these, by a call, a
comparison, `attrs.fields`, `inspect` or a subclass, gets what attrs has written by then.

In a method of such a class, `super()` wants its arguments: attrs completes another class, whose methods this one takes.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from xpander_facade._process.imports import call_once, on_preload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attrs import Factory as Factory
    from attrs import define as define
    from attrs import field as field
    from attrs import frozen as frozen


class _Deferred:
    """A call of a function of attrs that is made when a class is completed.

    Args:
        function: The name of the function.
        arguments: Its arguments.
        options: Its arguments by name; those that are deferred calls themselves are made first.
    """

    __slots__ = ("_arguments", "_function", "options")

    def __init__(self, function: str, *arguments: Any, **options: Any) -> None:
        self._function = function
        self._arguments = arguments
        self.options = options

    def call(self) -> Any:
        import attrs

        options = {name: item.call() if isinstance(item, _Deferred) else item for name, item in self.options.items()}
        return getattr(attrs, self._function)(*self._arguments, **options)


class _Placeholder:
    """What stands in a class for an attribute that attrs writes."""

    __slots__ = ("_name", "definition")

    def __init__(self, definition: _Definition, name: str) -> None:
        self.definition = definition
        self._name = name

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        cls = self.definition.complete()
        namespace = _namespace(cls)
        if self._name not in namespace:  # attrs had nothing to write
            inherited = super(cast("type[object]", cls), owner if instance is None else instance)
            return getattr(inherited, self._name)
        written = namespace[self._name]
        bind: Any = getattr(cast("Any", type(written)), "__get__", None)
        return written if bind is None else bind(written, instance, owner)


_incomplete: set[_Definition] = set()


class _Definition:
    """How a class is completed.

    Args:
        plain: The class as the source has it.
        decorator: Gives the decorator of attrs.

    Attributes:
        cls: The class that takes its place.
        wrap_init: Makes its `__init__` of the one that attrs writes.
    """

    __slots__ = ("_decorator", "_plain", "cls", "wrap_init")

    def __init__(self, plain: Any, decorator: _Deferred) -> None:
        self._plain = plain
        self._decorator = decorator
        self.wrap_init: Callable[[Any], Any] | None = None
        body = _namespace(plain)
        attributes = [name for name, kind in plain.__annotations__.items() if not kind.startswith("ClassVar")]
        values = [body.pop(name, None) for name in attributes]
        fields = [value.options for value in values if isinstance(value, _Deferred)]
        has_hooks = any("converter" in options or "validator" in options for options in fields)
        for name in _written(decorator.options, has_hooks, has_init="__init__" in body):
            body.setdefault(name, _Placeholder(self, name))
        for name in ("__dict__", "__weakref__"):
            body.pop(name, None)
        # As attrs has it: there can be weak references to the objects.
        is_weak = any("__weakref__" in _namespace(base) for base in plain.__mro__[1:])
        body["__slots__"] = (*attributes, *(() if is_weak else ("__weakref__",)))
        body["__qualname__"] = plain.__qualname__
        self.cls: Any = type(plain)(plain.__name__, plain.__bases__, body)
        _incomplete.add(self)

    def complete(self) -> Any:
        """Return the class, with what attrs writes for it."""
        if self in _incomplete:
            call_once(self, self._complete)
        return self.cls

    def _complete(self) -> None:
        if self not in _incomplete:
            return
        cls, plain = self.cls, self._plain
        for name, value in _namespace(plain).items():
            if isinstance(value, _Deferred):
                setattr(plain, name, value.call())
        written = _namespace(self._decorator.call()(plain))
        if self.wrap_init is not None:
            written["__init__"] = self.wrap_init(written["__init__"])
        # Another thread finds what is written, or a placeholder, which waits for this call.
        before = _namespace(cls)
        for name, value in written.items():
            if name not in before or isinstance(before[name], _Placeholder):
                setattr(cls, name, value)
        for name, value in before.items():
            if name not in written and isinstance(value, _Placeholder):
                delattr(cls, name)
        _incomplete.remove(self)


def _namespace(cls: type) -> dict[str, Any]:
    return dict(vars(cls))


def _written(options: dict[str, Any], has_hooks: bool, has_init: bool) -> Iterator[str]:
    """Yield the names of what attrs may write for a class.

    Args:
        options: The arguments of `define`.
        has_hooks: Whether an attribute has a converter or a validator, for when it is set.
        has_init: Whether the class has an `__init__` of its own.
    """
    yield from ("__attrs_attrs__", "__attrs_props__", "__match_args__", "__repr__")
    yield "__attrs_init__" if has_init else "__init__"
    has_eq, is_frozen = options.get("eq", True), options.get("frozen", False)
    if has_eq:
        # Python itself takes the hash from a class that has this.
        yield from ("__eq__", "__ne__")
    if is_frozen:
        yield from ("__setattr__", "__delattr__", *(("__hash__",) if has_eq else ()))
    else:
        yield from ("__attrs_own_setattr__", *(("__setattr__",) if has_hooks else ()))
    if options.get("getstate_setstate", True):
        yield from ("__getstate__", "__setstate__")
    if sys.version_info >= (3, 13):
        yield "__replace__"


if not TYPE_CHECKING:
    Factory = partial(_Deferred, "Factory")
    field = partial(_Deferred, "field")

    def define(cls: type | None = None, **options: Any) -> Any:
        """Return a class that is completed late, or the decorator that makes it one; arguments are those of attrs."""
        if cls is None:
            return partial(define, **options)
        return _Definition(cls, _Deferred("define", **options)).cls

    frozen = partial(define, frozen=True, on_setattr=None)


def wrap_init(cls: type, wrap: Callable[[Any], Any]) -> None:
    """Have a function put another `__init__` around the one that attrs writes for a class."""
    vars(cls)["__init__"].definition.wrap_init = wrap


def complete_all() -> None:
    """Complete all classes that there are."""
    for definition in list(_incomplete):
        definition.complete()


on_preload(complete_all)
