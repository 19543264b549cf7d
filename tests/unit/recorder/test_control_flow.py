"""Exceptions by which programs steer are no failures; a user's own class of the same name is."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import typer
from recorded import BACKEND, reported

from xpander_facade.recorder._control_flow import Outcome, check_ignored, outcome_of


def made(name: str, *bases: type, **members: object) -> BaseException:
    """Return an exception of a class of that module and name, which need not be installed."""
    module, _, qualname = name.rpartition(".")
    return type(qualname, bases or (Exception,), {"__module__": module, "__qualname__": qualname, **members})()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.SUCCESS),
        (SystemExit(), Outcome.SUCCESS),
        (SystemExit(0), Outcome.SUCCESS),
        (SystemExit(3), Outcome.FAILURE),
        (SystemExit("no"), Outcome.FAILURE),
        (GeneratorExit(), Outcome.SUCCESS),
        (KeyboardInterrupt(), Outcome.FAILURE),
        (ValueError(), Outcome.FAILURE),
        (made("celery.exceptions.Retry"), Outcome.UNFINISHED),
        (made("celery.exceptions.Ignore"), Outcome.IGNORED),
        (made("celery.exceptions.Reject"), Outcome.IGNORED),
        (made("dramatiq.errors.Retry"), Outcome.UNFINISHED),
        (made("airflow.sdk.exceptions.TaskDeferred", BaseException), Outcome.UNFINISHED),
        (made("airflow.sdk.exceptions.AirflowSkipException"), Outcome.IGNORED),
        (made("prefect.exceptions.Pause"), Outcome.UNFINISHED),
        (made("streamlit.runtime.scriptrunner_utils.exceptions.StopException"), Outcome.SUCCESS),
        (made("airflow.sdk.exceptions.TaskAwaitingInput", BaseException), Outcome.UNFINISHED),
        (made("airflow.sdk.exceptions.DagRunTriggerException"), Outcome.SUCCESS),
        (made("marimo._runtime.control_flow.MarimoStopError", BaseException), Outcome.SUCCESS),
        (made("tornado.web.Finish"), Outcome.SUCCESS),
        (made("click.exceptions.Exit", exit_code=0), Outcome.SUCCESS),
        (made("typer.exceptions.Exit", exit_code=0), Outcome.SUCCESS),
        (made("typer.exceptions.Exit", exit_code=2), Outcome.FAILURE),
        (made("mine.Exit", exit_code=0), Outcome.FAILURE),
        (typer.Exit(), Outcome.SUCCESS),
        (typer.Exit(1), Outcome.FAILURE),
        (typer.Abort(), Outcome.FAILURE),
        (made("mine.Retry"), Outcome.FAILURE),
        (made("mine.Special", type(made("celery.exceptions.Retry"))), Outcome.UNFINISHED),
        (ExceptionGroup("both", [made("celery.exceptions.Retry"), ValueError()]), Outcome.FAILURE),
        (ExceptionGroup("one", [made("celery.exceptions.Retry")]), Outcome.UNFINISHED),
    ],
)
def test_an_exception_says_what_a_run_is_that_it_leaves(error: BaseException | None, outcome: Outcome):
    assert outcome_of(error, {}) is outcome


class Stop(Exception):
    """A user's own."""


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (Stop, Outcome.IGNORED),
        ((Stop, KeyError), Outcome.IGNORED),
        (f"{Stop.__module__}.Stop", Outcome.IGNORED),
        ({Stop: "success"}, Outcome.SUCCESS),
        ({Stop: "unfinished"}, Outcome.UNFINISHED),
        ((), Outcome.FAILURE),
        (None, Outcome.FAILURE),
        (KeyError, Outcome.FAILURE),
    ],
)
def test_a_user_says_which_exceptions_are_no_failures(given: Any, outcome: Outcome):
    assert outcome_of(Stop(), check_ignored(given)) is outcome


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (5, TypeError, "classes of exceptions"),
        ([5], TypeError, "classes of exceptions or their names"),
        (int, TypeError, "classes of exceptions or their names"),
        ("Stop", ValueError, "module.Stop"),
        ({Stop: "gone"}, ValueError, "success"),
    ],
)
def test_what_can_not_be_ignored_is_an_error_at_once(given: Any, error: type[Exception], text: str):
    with pytest.raises(error, match=text):
        BACKEND.external_task(ignore=given)


def test_a_run_that_steers_is_not_reported_and_the_exception_goes_on():
    run = BACKEND.external_task(ignore=Stop)
    with pytest.raises(Stop), run:
        raise Stop
    assert not hasattr(run, "task")
    assert run.delivery is None


def test_an_exit_without_an_error_is_a_success():
    run = BACKEND.external_task()

    def work() -> None:
        with run:
            run.result = "out"
            sys.exit(0)

    with pytest.raises(SystemExit):
        work()
    assert (reported(run).status.value, reported(run).result) == ("completed", "out")
