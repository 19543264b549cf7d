"""Worker options: the handler, the agent, how many tasks run at once, and the grace period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable  # noqa: TC004 (nobody evaluates the annotations)

    from xpander_facade.tasks._task import Task  # noqa: TC004
    from xpander_facade.types.models import LocalTaskTest  # noqa: TC004
    from xpander_facade.worker._handlers import Kind  # noqa: TC004


@attrs.frozen
class Options:
    """The arguments of `on_task`; they are described there."""

    configuration: Configuration | None
    agent_id: str | None
    concurrency: int
    grace_period: float
    poll_interval: float
    max_attempts: int
    state_path: str | None
    test_task: LocalTaskTest | None = None


@attrs.frozen
class WorkerSpec:
    """A handler with everything that a worker needs to serve it.

    Args:
        function: The handler.
        kind: How it is called.
        configuration: What all calls use.
        agent_id: The agent whose tasks it works on.
        concurrency: How many tasks at once.
        grace_period: Seconds that running tasks get when the worker is stopped.
        poll_interval: Seconds between two polls of a running task.
        max_attempts: How often a task whose process ended is begun; 0 for any number.
        state_path: The file that counts attempts; None for one in the folder for state.
        on_finished: Called with each task whose outcome is saved.
    """

    function: Callable[..., object]
    kind: Kind
    configuration: Configuration
    agent_id: str
    concurrency: int
    grace_period: float
    poll_interval: float
    max_attempts: int
    state_path: str | None
    on_finished: Callable[[Task], object] | None


def worker_spec(
    function: Callable[..., object], kind: Kind, options: Options, on_finished: Callable[[Task], object] | None = None
) -> WorkerSpec:
    """Return a handler with everything that a worker needs.

    Raises:
        ConfigurationError: Something is missing; the text names each thing. Or the configuration is disabled.
    """
    configuration = options.configuration or Configuration()
    if configuration.disabled:
        raise ConfigurationError("a worker can't run while xpander is disabled: unset XPANDER_DISABLED")
    if options.agent_id is not None:
        configuration = attrs.evolve(configuration, agent_id=options.agent_id)
    configuration.check_complete(agent=True, events=True)
    return WorkerSpec(
        function,
        kind,
        configuration,
        configuration.get_agent_id(),
        options.concurrency,
        options.grace_period,
        options.poll_interval,
        options.max_attempts,
        options.state_path,
        on_finished,
    )
