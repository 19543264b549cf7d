"""A pytest plugin for tests of code that uses xpander: a local platform, fresh for each test, and what was asked of it.

It has the fixtures `xpander_emulator` and `xpander_backend`, the marker `xpander` and the strict mode. It is loaded by
every pytest run of an environment that has this package, so it imports nothing but pytest until a fixture is used.

    def test_the_worker_reports_its_run(xpander_emulator):
        work_off(Job("job-1"))                                # your code; it finds the platform in the environment
        (task,) = xpander_emulator.tasks()
        assert task["status"] == "completed"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from xpander_facade.backend import Backend
    from xpander_facade.emulator import Emulator, RecordedRequest, Run

__all__ = ["AGENT_ID", "API_KEY", "ORGANIZATION_ID", "answering", "off_contract"]

API_KEY: Final = "test-key"
"""XPANDER_API_KEY in a test that uses `xpander_emulator`."""

AGENT_ID: Final = "test-agent"
"""XPANDER_AGENT_ID in a test that uses `xpander_emulator`."""

ORGANIZATION_ID: Final = "org-1"
"""XPANDER_ORGANIZATION_ID in a test that uses `xpander_emulator`."""

_MARKER: Final = "xpander"
_STRICT: Final = "xpander_strict"
_SETTINGS: Final = ("agent", "step", "event_ids", "keep_alive", "max_body", "worker_timeout", "max_attempts")
_emulators: WeakKeyDictionary[pytest.Item, Emulator] = WeakKeyDictionary()
_told: WeakKeyDictionary[pytest.Item, list[str]] = WeakKeyDictionary()
"""What belongs to a test. pytest's own stash came with 7.0, and this is loaded by older ones too."""

T = TypeVar("T")


# --- what a test can use ---


def answering(results: str | Sequence[str | BaseException]) -> Callable[[Run], str]:
    """Return a script for `xpander_emulator.agent` that gives these results, one for each task; the last one stays.

        emulator.agent = answering(["one", "two"])

    Args:
        results: A text is a task's result; an exception ends the task with status error and its text.
    """
    left = [results] if isinstance(results, str) else list(results)
    if not left:
        raise ValueError("answering() needs at least one result")

    def agent(run: Run) -> str:
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, BaseException):
            raise result
        run.chunk(result)
        return result

    return agent


def off_contract(emulator: Emulator) -> list[str]:
    """Tell, one line for each fault, how requests broke the contract or went beyond it.

    A fault is an unknown path or method, whatever the contract forbids, and every header, query parameter and body
    member that `openapi.yaml` does not declare, whatever the request was answered. What a script or a test published
    off the contract counts too, read or not; a text that is not JSON counts as intended.

        assert off_contract(emulator) == []
    """
    lines = [line for request in emulator.requests() for line in _faults(request)]
    lines += _unfit_events(emulator)
    return list(dict.fromkeys(lines + emulator.violations))


@pytest.fixture
def xpander_emulator(
    _xpander_server: Emulator, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Emulator]:
    """Give a running local platform, empty and without faults, which the XPANDER_* variables point to.

    See `xpander_facade.emulator.Emulator` for what it can be asked and told. Mark a test with
    `@pytest.mark.xpander(agent=..., step=..., strict=True)` to set it up.
    """
    from xpander_facade.configuration._environment import VARIABLES

    emulator = _xpander_server
    usual = {name: getattr(emulator, name) for name in _SETTINGS}
    emulator.reset()
    for name, value in _marked(request.node).items():
        setattr(emulator, name, value)
    for name in VARIABLES:
        # A developer's own key must not reach a test, nor a test the platform.
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XPANDER_API_KEY", API_KEY)
    monkeypatch.setenv("XPANDER_BASE_URL", emulator.url)
    monkeypatch.setenv("XPANDER_ORGANIZATION_ID", ORGANIZATION_ID)
    monkeypatch.setenv("XPANDER_AGENT_ID", AGENT_ID)
    _emulators[request.node] = emulator
    yield emulator
    try:
        # what fixtures did when the test was over
        _fail_if_strict(request.node)
    finally:
        emulator.reset()
        for name, value in usual.items():
            setattr(emulator, name, value)


@pytest.fixture
def xpander_backend(xpander_emulator: Emulator) -> Iterator[Backend]:
    """Give a `Backend` that calls `xpander_emulator`; its connections are closed after the test."""
    from xpander_facade import Backend

    with Backend() as backend:
        yield backend


@pytest.fixture(scope="session")
def _xpander_server() -> Iterator[Emulator]:
    """Start one server for all tests of the session; it is emptied between them."""
    try:
        from xpander_facade.emulator import Emulator
    except ImportError as error:
        pytest.fail(f"the fixture xpander_emulator can't start: {error}", pytrace=False)
    with Emulator(validate_answers=True, step=0.0, organization_id=ORGANIZATION_ID) as emulator:
        yield emulator


# --- what pytest asks of a plugin ---


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that makes all tests strict."""
    text = "fail a test that uses xpander_emulator when a request is off the contract of the platform"
    parser.addini(_STRICT, text, type="bool", default=False)
    parser.getgroup("xpander").addoption("--xpander-strict", action="store_true", default=False, help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(*, strict=None, {', '.join(f'{name}=...' for name in _SETTINGS)}): set up xpander_emulator for a "
        "test; strict=True fails it when a request is off the contract",
    )


def _wrap_call(item: pytest.Item) -> Generator[None, T, T]:
    """Fail a strict test whose requests were off the contract; tell of them when it failed for another reason."""
    try:
        outcome = yield
    except BaseException:
        _tell(item)
        raise
    _fail_if_strict(item)
    return outcome


def _wrap_call_with_outcome(item: pytest.Item) -> Generator[None, Any, None]:
    """Do the same as `_wrap_call` in the form of a wrapper that pluggy took before 1.2."""
    outcome = yield
    if outcome.excinfo is None:
        _fail_if_strict(item)
    else:
        _tell(item)


pytest_runtest_call: Callable[[pytest.Item], Generator[None, Any, Any]]
try:
    # An older pluggy does not know this form of a wrapper.
    pytest_runtest_call = pytest.hookimpl(wrapper=True)(_wrap_call)
except TypeError:
    pytest_runtest_call = pytest.hookimpl(hookwrapper=True)(_wrap_call_with_outcome)


def _tell(item: pytest.Item) -> None:
    if item in _emulators:
        item.add_report_section("call", "xpander: off the contract", "\n".join(_news(item)))


def _fail_if_strict(item: pytest.Item) -> None:
    faults = _news(item) if _is_strict(item) else []
    if faults:
        pytest.fail("off the contract of the platform:\n  " + "\n  ".join(faults), pytrace=False)


def _news(item: pytest.Item) -> list[str]:
    """Return what is off the contract and was not told of this test yet."""
    if item not in _emulators:
        return []
    told = _told.setdefault(item, [])
    news = [line for line in off_contract(_emulators[item]) if line not in told]
    told += news
    return news


def _is_strict(item: pytest.Item) -> bool:
    for marker in item.iter_markers(_MARKER):
        if marker.kwargs.get("strict") is not None:
            return bool(marker.kwargs["strict"])
    return bool(item.config.getoption("--xpander-strict") or item.config.getini(_STRICT))


def _marked(node: pytest.Item) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    for marker in node.iter_markers(_MARKER):
        unknown = set(marker.kwargs) - {"strict", *_SETTINGS}
        if marker.args or unknown:
            pytest.fail(
                f"@pytest.mark.{_MARKER} takes only strict=, {', '.join(f'{n}=' for n in _SETTINGS)}", pytrace=False
            )
        wanted = {name: value for name, value in marker.kwargs.items() if name != "strict"} | wanted
    return wanted


def _faults(request: RecordedRequest) -> list[str]:
    from xpander_facade.emulator._contract import load
    from xpander_facade.emulator._undeclared import undeclared

    name = f"{request.method} {request.path}"
    if request.operation_id is None:
        return [f"{name}: the contract has no such operation"]
    contract = load()
    operation = contract.operations[request.operation_id]
    complaints = request.complaints or undeclared(contract, operation, request.query, request.headers, request.body)
    return [f"{name}: {'.'.join(str(step) for step in c['loc'])}: {c['msg']}" for c in complaints]


def _unfit_events(emulator: Emulator) -> Iterator[str]:
    import json

    from xpander_facade.emulator._contract import load

    contract = load()
    operation = contract.operations["stream_task_events"]
    _, schema = contract.frame_schemas(operation)
    for task in reversed(emulator.tasks()):
        for text in emulator.events(task["id"]):
            try:
                wrong = contract.complaints(schema, json.loads(text))
            except ValueError:
                continue
            if wrong:
                yield f"{operation.id}: event: {wrong}"
