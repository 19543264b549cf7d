"""What a run is recorded with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import attrs

from xpander_facade import _validation
from xpander_facade.recorder._attempts import UNKNOWN, AttemptOptions, check_attempts
from xpander_facade.recorder._control_flow import Outcome, check_ignored

if TYPE_CHECKING:
    from collections.abc import Callable  # noqa: TC004 (annotations only)

    from xpander_facade.configuration._configuration import Configuration  # noqa: TC004
    from xpander_facade.recorder._control_flow import Ignored  # noqa: TC004


@attrs.define
class RunOptions:
    """What a run is recorded with, checked. Nobody changes it; to make a frozen one would take four times as long.

    Args:
        configure: Gives what to call with, when the run begins.
        agent_id: The agent, or None for the configuration's.
        id: The run's id, or None for one that is made, or what gives one for the arguments of a decorated call.
        input: What the run was asked; None takes a decorated function's first argument.
        report_start: Report the start too.
        strict: Raise what a report raises, where the run itself did not.
        ignored: What a run is that certain exceptions leave.
        attempts: Which attempt of its id the run is.
        is_job: Runs that begin within this one without an id or an agent of their own are parts of it.
        only_if_used: Leave the run unreported where nothing was recorded in it.
        at_once: Let an outbox send the report as it takes it: somebody waits for that.
        clock: Gives the time in seconds; never goes back.
    """

    configure: Callable[[], Configuration]
    agent_id: str | None = None
    id: str | Callable[..., str | None] | None = None
    input: str | None = None
    report_start: bool = False
    strict: bool = False
    ignored: Ignored = attrs.field(factory=dict[str, Outcome])
    attempts: AttemptOptions = attrs.field(factory=AttemptOptions)
    is_job: bool = False
    only_if_used: bool = False
    at_once: bool = False
    clock: Callable[[], float] = time.monotonic


def make_options(
    configure: Callable[[], Configuration],
    *,
    agent_id: str | None,
    id: object,
    input: object,
    report_start: object,
    strict: object,
    ignore: object,
    attempt: object,
    attempts: object,
    at_once: bool = False,
) -> RunOptions:
    """Check what a user has given for a run, and return its options. Arguments as `Backend.external_task`.

    `at_once` is for integrations, whose users wait for the report.

    Raises:
        TypeError: An argument has another type.
        ValueError: An id is empty, `attempt` is given without an id, or `ignore` names an exception without its module.
    """
    if id is not None and not callable(id):
        _validation.check_id("id", id)
    return RunOptions(
        configure=configure,
        agent_id=agent_id,
        id=cast("str | Callable[..., str | None] | None", id),
        input=input if type(input) is str else _validation.check_text("input", input),
        # As most are.
        report_start=report_start is not False and _validation.check_flag("report_start", report_start),
        strict=strict is not False and _validation.check_flag("strict", strict),
        ignored=check_ignored(ignore),
        attempts=UNKNOWN
        if attempt is None and attempts is None
        else check_attempts(attempt, attempts, has_id=id is not None),
        at_once=at_once,
    )
