"""Django: a backend of the project's settings, checks of them, and runs of Django's own background tasks."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

from xpander_facade.backend import Backend
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import IntegrationError, XpanderError
from xpander_facade.integrations._jobs import Jobs, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    class _AppConfig:
        def __init__(self, app_name: str, app_module: object) -> None: ...

else:
    try:
        from django.apps import AppConfig as _AppConfig
    except ImportError:  # said when a backend is asked for
        _AppConfig = object

__all__ = ["XpanderConfig", "get_backend", "record"]

_OLDEST = "4.2"
_SETTINGS = "XPANDER"
_TASKS = "XPANDER_TASKS"
_TASK_OPTIONS = frozenset({"agent_id", "all", "input", "result", "tasks"})
# No lock guards it: a child that is forked while one is held would wait for ever. Of what two threads make at the same
# time, the first is kept.
_made: dict[str, Any] = {}


def get_backend() -> Backend:
    """Return the backend of the project, which is made when it is first asked for.

    The setting `XPANDER` holds arguments of `Configuration`; what it does not say, the environment does.

    Raises:
        IntegrationError: Django is missing or too old, or the setting is not a dictionary of such arguments.
        ConfigurationError: An argument makes no sense.

    Example:
        >>> XPANDER = {"agent_id": "helpdesk", "outbox": BASE_DIR / "runs.db"}  # settings.py
        >>> with get_backend().external_task(input=question) as run:
        ...     run.result = answer(question)
    """
    backend: Backend | None = _made.get(_SETTINGS)
    if backend is None:
        backend = cast("Backend", _made.setdefault(_SETTINGS, Backend(_configuration())))
    return backend


class XpanderConfig(_AppConfig):
    """The app to be installed, which checks the settings and records background tasks.

    Tasks of `django.tasks` (Django 6) are runs where the setting `XPANDER_TASKS` names them (`{"tasks": [...]}`, by
    their module paths, or `{"all": True}`), where `record` marks them, or where something is recorded in them. It may
    hold `input`, `result` and `agent_id`, too. A run's id is the task result's.

    Example:
        >>> INSTALLED_APPS = ["xpander_facade.integrations.django.XpanderConfig"]
    """

    name = "xpander_facade.integrations.django"
    label = "xpander"
    verbose_name = "xpander.ai"

    def ready(self) -> None:
        """Register the checks, and listen to Django's tasks."""
        checks = _require("django.core.checks")
        signals: Any = _require("django.core.signals")
        checks.register(_check_settings, "xpander")
        signals.setting_changed.connect(_forget, dispatch_uid="xpander")
        try:
            tasks: Any = importlib.import_module("django.tasks.signals")
        except ImportError:  # before Django 6
            return
        tasks.task_started.connect(_begin, dispatch_uid="xpander")
        tasks.task_finished.connect(_end, dispatch_uid="xpander")


def _require(module: str) -> Any:
    return require(module, distribution="django", oldest=_OLDEST, integration="integrations.django")


def _begin(task_result: Any, **_: object) -> None:
    task = task_result.task
    jobs = _jobs()
    if jobs is not None:
        jobs.begin(
            (task_result.id, threading.get_ident()),
            id=task_result.id,
            name=task.module_path,
            attempt=task_result.attempts,
            arguments=task_result.args,
            keywords=task_result.kwargs,
            marked=(task.func,),
        )


def _end(task_result: Any, **_: object) -> None:
    jobs = _jobs()
    if jobs is None:
        return
    key = (task_result.id, threading.get_ident())
    if task_result.status == "SUCCESSFUL":
        jobs.end(key, task_result.return_value)
    else:
        # Django's own backend tells while it handles the exception. Others may only have its text.
        text = task_result.errors[-1].traceback.strip().rpartition("\n")[2] if task_result.errors else "failed"
        jobs.end(key, None, sys.exc_info()[1] or RuntimeError(text))


def _jobs() -> Jobs | None:
    """Return how tasks are recorded; None where the settings are wrong, which the checks say."""
    if _TASKS in _made:
        return cast("Jobs | None", _made[_TASKS])
    jobs: Jobs | None
    try:
        jobs = Jobs(get_backend(), **_task_options())
    except (XpanderError, TypeError, ValueError):
        jobs = None
    return cast("Jobs | None", _made.setdefault(_TASKS, jobs))


def _setting(name: str) -> Mapping[str, Any]:
    conf: Any = _require("django.conf")
    value: object = getattr(conf.settings, name, None) or {}
    if not isinstance(value, dict):
        raise IntegrationError(f"the setting {name} must be a dictionary, not {type(value).__name__}")
    return cast("dict[str, Any]", value)


def _configuration() -> Configuration:
    given = _setting(_SETTINGS)
    try:
        return Configuration(**given)
    except TypeError as error:
        raise IntegrationError(f"the setting {_SETTINGS} holds no arguments of Configuration: {error}") from error


def _task_options() -> dict[str, Any]:
    options = dict(_setting(_TASKS))
    if unknown := sorted(set(options) - _TASK_OPTIONS):
        known = ", ".join(sorted(_TASK_OPTIONS))
        raise IntegrationError(f"the setting {_TASKS} has no {', '.join(map(repr, unknown))}: it may hold {known}")
    return {"names": options.pop("tasks", ()), **options}


def _forget(setting: str, **_: object) -> None:
    """Make anew what other settings say, which tests and tools change."""
    if setting in {_SETTINGS, _TASKS}:
        _made.clear()


def _check_settings(app_configs: object = None, **_: object) -> list[Any]:
    """Check the settings, as `manage.py check` does."""
    checks: Any = _require("django.core.checks")
    try:
        configuration = get_backend().configuration
    except (XpanderError, TypeError, ValueError) as error:
        return [checks.Error(str(error), hint=f"Correct the setting {_SETTINGS}.", id="xpander.E001")]
    try:
        Jobs(get_backend(), **_task_options())
    except (XpanderError, TypeError, ValueError) as error:
        return [checks.Error(str(error), hint=f"Correct the setting {_TASKS}.", id="xpander.E002")]
    if configuration.api_key is None and not configuration.disabled:
        hint = f"Set XPANDER_API_KEY, or 'api_key' or 'disabled' in the setting {_SETTINGS}."
        return [checks.Warning("No run can be reported: there is no API key.", hint=hint, id="xpander.W001")]
    return []
