"""Dramatiq: messages are recorded as runs by a middleware, under their own ids, with what all attempts used."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from xpander_facade.integrations._jobs import Describe, Jobs, record
from xpander_facade.integrations._requirements import require

if TYPE_CHECKING:
    from collections.abc import Collection

    from xpander_facade.backend import Backend

    class _Middleware:
        pass
else:
    try:
        from dramatiq import Middleware as _Middleware
    except ImportError:  # said when a middleware is made
        _Middleware = object

__all__ = ["RecordMessages", "record"]

_OLDEST = "1.15"
_log = logging.getLogger("xpander_facade.recorder")


class RecordMessages(_Middleware):
    """A middleware that records messages: those of actors that are named or marked, or in which something is recorded.

    The run's id is the message's id, its attempts are Dramatiq's retries. A block of `external_task()` without an id
    within a message is a part of the message's run.

    Args:
        backend: Reports the runs; by default a new `Backend()`, made from the environment now.
        actors: Names of actors that are recorded.
        all: Record every message.
        input: Makes the run's input of the message's arguments; False leaves it out; None takes the first argument.
        result: Makes the run's result of what the actor returned; False leaves it out; None takes it as it is.
        agent_id: The agent that the runs count for; by default the configuration's.

    Raises:
        IntegrationError: Dramatiq is missing or too old, or an argument makes no sense.

    Example:
        >>> broker = RedisBroker(url="redis://")
        >>> broker.add_middleware(RecordMessages(actors=["summarise"]))
    """

    def __init__(
        self,
        backend: Backend | None = None,
        *,
        actors: Collection[str] = (),
        all: bool = False,
        input: Describe = None,
        result: Describe = None,
        agent_id: str | None = None,
    ) -> None:
        require("dramatiq", distribution="dramatiq", oldest=_OLDEST, integration="integrations.dramatiq")
        super().__init__()
        self._jobs = Jobs(backend, names=actors, all=all, input=input, result=result, agent_id=agent_id)
        self._is_warned = False

    def before_process_message(self, broker: Any, message: Any) -> None:
        """Begin the run of a message."""
        if not self._is_first(broker):
            return
        actor = broker.get_actor(message.actor_name)
        self._jobs.begin(
            _key(message),
            id=message.message_id,
            name=message.actor_name,
            attempt=message.options.get("retries", 0),
            arguments=message.args,
            keywords=message.kwargs,
            marked=(actor, actor.fn),
        )

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """End the run of a message."""
        if message.failed and exception is None:  # the actor was not called
            self._jobs.discard(_key(message))
        else:
            self._jobs.end(_key(message), result, exception)

    def after_skip_message(self, broker: Any, message: Any) -> None:
        """Leave a message out that is skipped."""
        self._jobs.discard(_key(message))

    def after_process_boot(self, broker: Any) -> None:
        """Import what messages need, and begin to send what earlier processes left."""
        self._jobs.prepare()
        self._jobs.take_up()

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Send what waits before the worker ends."""
        self._jobs.flush()

    def _is_first(self, broker: Any) -> bool:
        # Added twice, it would report each message twice.
        first = next(one for one in broker.middleware if isinstance(one, RecordMessages))
        if first is not self and not self._is_warned:
            self._is_warned = True
            _log.error("the broker %r has RecordMessages twice, and the first one records: add it once", broker)
        return first is self


def _key(message: Any) -> str:
    # Redis names each delivery, and two of one message can be under way at once.
    return f"{message.message_id} {message.options.get('redis_message_id', '')}"
