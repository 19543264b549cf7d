"""Look at the public objects as others do: mocks, `inspect`, copies, pickles, and users' own subclasses of them."""

from __future__ import annotations

import copy
import inspect
import pickle
import ssl
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

import attrs
import pytest

import xpander_facade
from xpander_facade import (
    Agents,
    Backend,
    ClientUnavailableError,
    Configuration,
    ConfigurationError,
    RunNotBegunError,
    Task,
    Tasks,
    XpanderError,
)
from xpander_facade._transport import pool_registry

if TYPE_CHECKING:
    from xpander_facade.there_is_no_such_module import Tenant  # noqa: TC004

DRY = Configuration(disabled=True, agent_id="a-1")
DATA = {
    "id": "t",
    "agent_id": "a",
    "organization_id": "o",
    "input": {"text": "x"},
    "created_at": "2026-01-02T03:04:05Z",
}
WITHOUT_KEY = [Backend, Tasks, Agents]


@pytest.fixture(autouse=True)
def _without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XPANDER_API_KEY", raising=False)


def an_ended_run() -> Any:
    with Backend(DRY).external_task(input="x") as run:
        run.result = "y"
    return run


OBJECTS = {
    **{cls.__name__: cls for cls in WITHOUT_KEY},
    "Backend, disabled": lambda: Backend(DRY),
    "Backend, without its organisation": lambda: Backend(Configuration(api_key="k", base_url="http://x.test:9016")),
    "Configuration": lambda: DRY,
    "a run that has not begun": lambda: Backend(DRY).external_task(),
    "a run that has ended": an_ended_run,
    "Task": lambda: Task.from_dict(DATA),
    "handler": lambda: xpander_facade.on_task(configuration=DRY)(lambda task: task),
    "recorded stream": lambda: an_ended_run().stream([]),
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_mocks_and_inspection_can_look_at_every_object(make: Any, monkeypatch: pytest.MonkeyPatch):
    looked_at = make()
    names = {name for name, _ in inspect.getmembers(looked_at)}
    assert "__class__" in names
    mock.Mock(spec=looked_at)
    mock.create_autospec(looked_at)
    mock.create_autospec(type(looked_at))
    monkeypatch.setattr(xpander_facade, "_looked_at", looked_at, raising=False)
    with mock.patch("xpander_facade._looked_at", autospec=True):
        pass
    with mock.patch.object(xpander_facade, "_looked_at", autospec=True):
        pass


def test_mocks_can_look_at_the_package():
    assert {"Backend", "Task"} <= set(dir(mock.create_autospec(xpander_facade)))
    assert {name for name, _ in inspect.getmembers(xpander_facade)} >= set(xpander_facade.__all__)


@pytest.mark.parametrize("cls", WITHOUT_KEY)
def test_a_client_that_can_not_be_had_is_told_as_before_and_as_an_attribute_that_is_not_there(cls: Any):
    with pytest.raises(ConfigurationError, match="no API key: pass api_key= or set XPANDER_API_KEY"):
        _ = cls().api
    with pytest.raises(ClientUnavailableError, match="sending is disabled"):
        _ = cls(DRY).api
    assert not hasattr(cls(), "api")
    assert hasattr(cls(Configuration(api_key="k")), "api")


def test_a_run_that_has_not_begun_has_no_id_yet():
    run = Backend(DRY).external_task()
    with pytest.raises(RuntimeError, match="no id before it begins"):
        _ = run.id
    with pytest.raises(RunNotBegunError):
        _ = run.id
    assert getattr(run, "id", None) is None
    assert isinstance(pickle.loads(pickle.dumps(RunNotBegunError("x"))), XpanderError)


# --- subclasses ---


class TenantBackend(Backend):
    def __init__(self, tenant: str, *, configuration: Configuration = DRY) -> None:
        super().__init__(configuration)
        self.tenant = tenant


@dataclass
class Plan(Backend):
    name: str = "basic"
    seats: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        Backend.__init__(self, DRY)


@dataclass(frozen=True)
class FrozenPlan(Backend):
    name: str = "basic"

    def __post_init__(self) -> None:
        object.__setattr__(self, "configuration", DRY)


@attrs.define(slots=False)
class AttrsPlan(Tasks):
    name: str = "basic"
    configuration: Configuration = DRY


class SlottedBackend(Backend):
    __slots__ = ("tenant",)

    def __init__(self, tenant: str) -> None:
        super().__init__(DRY)
        self.tenant = tenant


class EqualBackend(Backend):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "made",
    [
        TenantBackend("acme"),
        Plan("acme"),
        FrozenPlan("acme"),
        AttrsPlan("acme"),
        SlottedBackend("acme"),
        EqualBackend(DRY),
    ],
    ids=lambda made: type(made).__name__,
)
def test_a_subclass_with_options_is_the_same_but_for_them(made: Any):
    hurried = made.with_options(timeout=3, max_retries=0)
    assert type(hurried) is type(made)
    assert (hurried.configuration.timeout, hurried.configuration.max_retries) == (3.0, 0)
    assert made.configuration is DRY
    for name in ("tenant", "name", "seats"):
        assert getattr(hurried, name, None) is getattr(made, name, None)


@pytest.mark.parametrize("made", [Plan("a"), FrozenPlan("a"), EqualBackend(DRY)], ids=lambda made: type(made).__name__)
def test_a_subclass_that_compares_itself_calls_and_closes(made: Any):
    assert made.report_external_task(id="x").id == "x"
    with made.external_task(id="y") as run:
        run.result = "z"
    made.close()


def test_holders_that_are_equal_are_two():
    one, two = EqualBackend(DRY), EqualBackend(DRY)
    configuration = Configuration(api_key="k", base_url="http://holders.test")
    key = pool_registry.pool_key(configuration)
    pool_registry.acquire(configuration, one)
    pool_registry.acquire(configuration, two)
    assert len(pool_registry._holders[key]) == 2
    pool_registry.release(configuration, one)
    assert two in pool_registry._holders[key]
    del two
    assert len(pool_registry._holders[key]) == 0


class AnnotatedTask(Task):
    tenant: Tenant
    KNOWN: ClassVar[dict[str, Tenant]] = {}


class RegisteredTask(Task):
    known: ClassVar[list[type]] = []

    def __init_subclass__(cls, *, kind: str, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        cls.known.append(cls)


class Invoice(RegisteredTask, kind="invoice"):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.notes: list[str] = []


class TaskOfATenant(Task):
    def __init__(self, tenant: str, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.tenant = tenant


class WatchedTask(Task):
    def __setattr__(self, name: str, value: object) -> None:
        if name != "configuration":
            self.__dict__.setdefault("changes", []).append(name)
        super().__setattr__(name, value)


@attrs.define(kw_only=True)
class LabelledTask(Task):
    label: str = "none"
    tenant: Tenant | None = None
    total: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.total = self.duration * 2


def test_annotations_of_a_subclass_that_only_a_type_checker_resolves_cost_nothing():
    assert AnnotatedTask.from_dict({**DATA, "result": "r"}).result == "r"
    labelled = LabelledTask.from_dict({**DATA, "label": "red", "tenant": {"any": 1}, "duration": 2})
    assert (labelled.label, labelled.tenant, labelled.total, labelled.extra) == ("red", {"any": 1}, 4.0, {})
    assert labelled.created_at is not None


def test_a_subclass_is_made_as_its_author_makes_it_and_runs_its_hooks_once():
    invoice = Invoice.from_dict({**DATA, "finished_at": "24:00"})
    assert (type(invoice), invoice.notes, invoice.finished_at) == (Invoice, [], None)
    assert invoice.extra == {"finished_at": "24:00"}
    assert RegisteredTask.known == [Invoice]
    assert TaskOfATenant.from_dict(DATA).input.text == "x"
    watched = WatchedTask.from_dict(DATA)
    watched.result = "r"
    assert watched.changes == ["result"]


@pytest.mark.parametrize("cls", [AnnotatedTask, Invoice, LabelledTask, WatchedTask])
def test_a_subclass_of_a_task_is_copied_and_pickled_whole(cls: Any):
    task = cls.from_dict({**DATA, "result": "r"}, DRY)
    task.title = "changed"
    for other in (copy.copy(task), copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert (type(other), other.result, other.configuration) == (cls, "r", DRY)
        assert getattr(other, "notes", None) == getattr(task, "notes", None)
        assert getattr(other, "changes", None) == getattr(task, "changes", None)


# --- pickles ---


def note(event: object) -> None:
    """Be a hook that could be pickled."""


def test_a_configuration_is_pickled_without_hooks_clients_context_and_key():
    hooks = {"on_retry": note, "on_request": note, "on_response": note}
    context = ssl.create_default_context()
    given = Configuration(api_key="secret-key-1", timeout=7, verify=context, http_client=SimpleNamespace, **hooks)
    data = pickle.dumps(given)
    assert b"secret-key-1" not in data
    other = pickle.loads(data)
    assert (other.timeout, other.verify, other.http_client, other.api_key) == (7.0, True, None, None)
    assert (other.on_retry, other.on_request, other.on_response) == (None, None, None)
    assert copy.deepcopy(given) is given


def test_a_task_with_such_a_configuration_is_pickled():
    given = Configuration(verify=ssl.create_default_context(), on_retry=lambda event: None, timeout=7)
    task = pickle.loads(pickle.dumps(Task.from_dict({**DATA, "finished_at": "24:00"}, given)))
    assert task.configuration.timeout == 7.0
    assert task.extra == {"finished_at": "24:00"}
