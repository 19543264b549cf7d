"""Hold classes that attrs completes late to what attrs makes of them at once, whoever uses them first, and how."""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import os
import pickle
import pydoc
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from xpander_facade import Task, Tokens
from xpander_facade._process import late_attrs

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]


def run(script: str, *arguments: str) -> str:
    """Run a script in a fresh interpreter; return what it prints."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


DESCRIBE = '''
    import collections.abc, copy, inspect, json, pickle, pydoc, re, sys, types, typing, weakref
    from datetime import UTC, datetime

    if sys.argv[1] == "at once":
        import attrs

        stand_in = types.ModuleType("xpander_facade._process.late_attrs")
        vars(stand_in).update(define=attrs.define, frozen=attrs.frozen, field=attrs.field, Factory=attrs.Factory)
        stand_in.wrap_init = lambda cls, wrap: setattr(cls, "__init__", wrap(cls.__init__))
        sys.modules[stand_in.__name__] = stand_in

    from xpander_facade import Configuration, Task, Tokens
    from xpander_facade.types import _task_record, models

    CLASSES = [Configuration, Tokens, _task_record.TaskRecord, Task]
    CLASSES += [c for c in vars(models).values() if isinstance(c, type) and c.__module__ == models.__name__]
    assert "attrs" not in sys.modules or sys.argv[1] == "at once"
    CREATED = datetime(2026, 1, 2, tzinfo=UTC)
    TASK = dict(id="1", agent_id="a", organization_id="o", input={"text": "x"}, created_at=CREATED)
    GIVEN = {"Configuration": {"api_key": "k", "headers": {"a": "b"}}, "TaskRecord": TASK, "Task": TASK,
             "User": {"email": "e"}, "Principal": {"kind": "user"}, "Attachment": {"url": "u"},
             "LocalTaskTest": {"input": models.AgentExecutionInput}, "PlanFollowingStatus": {"can_finish": True},
             "CompactRetryResult": {"compacted": True}, "MCPServerDetails": {"type": "local", "url": "https://u:p@h/?q"}}

    def told(function):
        """What a function returns or raises, without addresses in memory and the hashes that are made of them."""
        try:
            text = repr(function())
        except Exception as error:
            text = repr(error)
        return re.sub(" at 0x[0-9a-f]+|-?[0-9]{15,}", "", text)

    def untouched(cls):
        yield from (cls.__name__, cls.__qualname__, cls.__module__, cls.__doc__, cls.__annotations__, cls.__slots__)
        yield from (cls.__bases__, cls.__mro__, cls.__basicsize__, cls.__weakrefoffset__, cls.__dictoffset__)
        yield told(lambda: issubclass(cls, collections.abc.Hashable))
        yield told(lambda: typing.get_type_hints(cls))

    def members(cls):
        for name, value in sorted(vars(cls).items()):
            if name == "__replace__":  # the classes of attrs share it, and it bears the name of the last one
                continue
            yield name, type(value), getattr(value, "__qualname__", None), getattr(value, "__doc__", None)
            yield getattr(value, "__module__", None), told(lambda value=value: inspect.signature(value))

    def used(cls):
        import attrs

        yield told(lambda: inspect.signature(cls))
        yield told(lambda: attrs.fields(cls)), attrs.has(cls), cls.__match_args__
        yield told(lambda: sorted(set(dir(cls))))
        yield told(lambda: list(members(cls)))
        shared = re.compile(r"__replace__ = evolve.*\\n.*")
        yield told(lambda: shared.sub("", pydoc.plain(pydoc.render_doc(cls))))
        given = GIVEN.get(cls.__name__, {})
        make = lambda **more: cls(**{**given, **more})
        yield told(make), told(cls), told(lambda: cls(nonsense=1))
        yield told(lambda: make() == make()), told(lambda: make() != make())
        yield told(lambda: hash(make()) == hash(make())), told(lambda: make() == 1), told(lambda: make() < make())
        for field in attrs.fields(cls):
            for value in ("text", -1, None):
                yield told(lambda: make(**{field.alias: value}))
                one = make()
                yield told(lambda: setattr(one, field.name, value)), told(lambda: getattr(one, field.name))
            yield told(lambda: delattr(make(), field.name))
        one = make()
        yield told(lambda: setattr(one, "unknown", 1)), hasattr(one, "__dict__")
        yield told(lambda: weakref.ref(one)() is one)
        yield told(lambda: pickle.dumps(one)), told(lambda: pickle.loads(pickle.dumps(one)) == one)
        yield told(lambda: copy.copy(one) == one), told(lambda: copy.deepcopy(one) == one)
        yield told(lambda: attrs.evolve(one) == one), told(lambda: attrs.asdict(one)), told(lambda: attrs.astuple(one))
        yield hasattr(one, "__replace__"), told(lambda: type(one).__replace__(one))

        class Plain(cls):
            pass

        yield told(lambda: Plain(**given)), told(lambda: Plain(**given) == make()), told(lambda: vars(Plain(**given)))
        for options in ({}, {"slots": False}, {"frozen": True}, {"kw_only": True}):
            def derive():
                body = {"__annotations__": {"more": int}, "more": 1}
                Derived = attrs.define(**options)(type("Derived", (cls,), body))
                one = Derived(**given, more=2)
                return one, attrs.fields(Derived), one == Derived(**given, more=2), list(members(Derived))

            yield told(derive)

    facts = [list(untouched(cls)) for cls in CLASSES]
    assert "attrs" not in sys.modules or sys.argv[1] == "at once"
    facts = [(cls.__name__, *map(str, known), *map(str, used(cls))) for cls, known in zip(CLASSES, facts)]
    print(json.dumps(facts))
'''


def test_a_class_is_what_attrs_makes_of_it_at_once():
    at_once, late = (json.loads(run(DESCRIBE, when)) for when in ("at once", "late"))
    assert len(late) >= 15
    for expected, found in zip(at_once, late, strict=True):
        assert [f"{expected[0]}: {fact}" for fact in expected] == [f"{expected[0]}: {fact}" for fact in found]


def defined(library: Any) -> Any:
    @library.define
    class Point:
        """A point."""

        x: int = library.field(converter=int)
        y: int = 0

        def moved(self) -> Any:
            return type(self)(self.x + 1, self.y)

    return Point


def unmade(cls: Any) -> Any:
    """Return an object that nobody has called the class for, as a pickle makes it."""
    one = object.__new__(cls)
    object.__setattr__(one, "x", 1)
    object.__setattr__(one, "y", 2)
    return one


def set_text(cls: Any) -> Any:
    one = unmade(cls)
    one.x = "7"
    return one.x


def matched(cls: Any) -> Any:
    match unmade(cls):
        case cls(x, y):
            return x, y


def derived(cls: Any) -> Any:
    class Derived(cls):
        def __init__(self) -> None:
            super().__init__("3", y=4)

    return Derived().x, Derived() == Derived(), Derived() == cls(3, 4)


def derived_by_attrs(cls: Any) -> Any:
    @attrs.define
    class Derived(cls):
        z: int = 5

    return repr(Derived(1)), [field.name for field in attrs.fields(Derived)]


FIRST_USES: list[Callable[[Any], object]] = [
    lambda cls: repr(cls("1")),
    lambda cls: cls(),
    lambda cls: cls(1).moved().x,
    lambda cls: attrs.has(cls),
    lambda cls: [field.name for field in attrs.fields(cls)],
    lambda cls: sorted(attrs.fields_dict(cls)),
    lambda cls: inspect.signature(cls),
    lambda cls: inspect.signature(cls.__init__),
    lambda cls: sorted(name for name, _ in inspect.getmembers(cls)),
    lambda cls: pydoc.plain(pydoc.render_doc(cls)),
    lambda cls: cls.__match_args__,
    lambda cls: unmade(cls) == unmade(cls),
    lambda cls: unmade(cls) != unmade(cls),
    lambda cls: hash(unmade(cls)),
    lambda cls: repr(unmade(cls)),
    lambda cls: repr(copy.copy(unmade(cls))),
    lambda cls: repr(copy.deepcopy(unmade(cls))),
    lambda cls: unmade(cls).__getstate__(),
    lambda cls: repr(attrs.evolve(unmade(cls), y=3)),
    lambda cls: attrs.asdict(unmade(cls)),
    lambda cls: hasattr(unmade(cls), "__replace__"),
    lambda cls: hasattr(cls, "__lt__") and unmade(cls) < unmade(cls),
    set_text,
    matched,
    derived,
    derived_by_attrs,
]


def outcome(use: Callable[[Any], object], cls: Any) -> str:
    try:
        return str(use(cls))
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize("use", FIRST_USES)
def test_whatever_uses_a_class_first_finds_what_attrs_writes(use: Callable[[Any], object]):
    assert outcome(use, defined(late_attrs)) == outcome(use, defined(attrs))


@pytest.mark.parametrize("options", [{"eq": False}, {"frozen": True}, {"repr": False}, {"frozen": True, "eq": False}])
def test_options_leave_out_what_attrs_leaves_out(options: dict[str, Any]):
    def made(library: Any) -> Any:
        @library.define(**options)
        class Sole:
            x: int = 1

        return Sole

    late, at_once = made(late_attrs), made(attrs)
    assert (late() == late()) is (at_once() == at_once())
    assert outcome(lambda cls: hash(cls()) and None, late) == outcome(lambda cls: hash(cls()) and None, at_once)
    assert repr(late()).partition(" at ")[0] == repr(at_once()).partition(" at ")[0]
    assert outcome(lambda cls: setattr(cls(), "x", 2), late) == outcome(lambda cls: setattr(cls(), "x", 2), at_once)
    assert vars(late).keys() == vars(at_once).keys()


UNPICKLE = """
    import pickle, sys
    one = pickle.loads(bytes.fromhex(sys.argv[1]))
    same = pickle.loads(bytes.fromhex(sys.argv[1]))
    assert one == same
    assert hasattr(one, "__replace__") is (sys.version_info >= (3, 13))
    print(one)
"""


TASK = {"id": "1", "agent_id": "a", "organization_id": "o", "input": {}, "created_at": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize("value", [Tokens(1, 2), Task.from_dict(TASK)])
def test_a_pickle_is_read_where_nothing_was_used_before(value: object):
    assert run(UNPICKLE, pickle.dumps(value).hex()) == f"{value}\n"


LOOKED_AT = """
    import sys, typing
    from xpander_facade import Backend, Configuration, Task, Tokens

    assert not isinstance(1, Configuration)
    assert not issubclass(Task, Configuration)
    assert Task.load.__name__ == "load"
    assert Tokens.COMPUTED == ("total_tokens",)
    assert {Task: 1}[Task] == 1

    class Mine(Task):
        def title_or(self, other: str) -> str:
            return self.title or other

    assert Mine.title_or.__name__
    assert not {"attrs", "attr", "inspect"} & sys.modules.keys()
"""


def test_who_only_looks_at_a_class_does_not_load_attrs():
    run(LOOKED_AT)


PRELOADED = """
    import xpander_facade
    from xpander_facade import Configuration
    from xpander_facade._process import late_attrs

    assert late_attrs._incomplete
    xpander_facade.preload()
    assert not late_attrs._incomplete
    assert type(vars(Configuration)["__init__"]).__name__ == "function"
"""


def test_preload_completes_every_class():
    run(PRELOADED)


@pytest.fixture
def slow_attrs(monkeypatch: pytest.MonkeyPatch) -> list[threading.Event]:
    """Let attrs take a while; the events are those of its beginnings."""
    begun: list[threading.Event] = [threading.Event()]
    define = attrs.define

    def slow(*arguments: Any, **options: Any) -> Any:
        begun[-1].set()
        begun.append(threading.Event())
        time.sleep(0.3)
        return define(*arguments, **options)

    monkeypatch.setattr(attrs, "define", slow)
    return begun


def test_threads_that_use_a_class_at_once_wait_for_one_completion(slow_attrs: list[threading.Event]):
    cls = defined(late_attrs)
    made: list[Any] = []
    together = threading.Barrier(16)

    def use() -> None:
        together.wait(20)
        made.append(cls("1"))

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert made == [cls(1)] * 16
    assert len(slow_attrs) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_while_a_class_is_completed_can_use_it(slow_attrs: list[threading.Event]):
    cls = defined(late_attrs)
    user = threading.Thread(target=cls, args=["1"])
    begun = slow_attrs[0]
    user.start()
    assert begun.wait(20)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends the child where it hangs
        os._exit(0 if cls("2").x == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    user.join(20)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
@pytest.mark.parametrize("raises", [True, False])
def test_a_signal_while_a_class_is_completed_leaves_it_whole(slow_attrs: list[threading.Event], raises: bool):
    cls = defined(late_attrs)
    seen: list[Any] = []

    def handle(*_: object) -> None:
        if raises:
            raise KeyboardInterrupt
        seen.append(cls("5"))

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with contextlib.suppress(KeyboardInterrupt):
            seen.append(cls("5"))
            assert not raises
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen == ([] if raises else [cls(5), cls(5)])
    assert cls("6").x == 6
    assert len(slow_attrs) == 2


def test_a_wrapper_of_the_init_is_put_around_what_attrs_writes():
    calls: list[Any] = []
    cls = defined(late_attrs)

    def wrap(init: Any) -> Any:
        def initialize(self: Any, *arguments: Any) -> None:
            calls.append(arguments)
            init(self, *arguments)

        return initialize

    late_attrs.wrap_init(cls, wrap)
    assert cls("1", 2).x == 1
    assert calls == [("1", 2)]
