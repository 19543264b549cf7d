"""Heartbeats, sent by a thread of their own, so that no handler can hold them up, however it blocks."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from xpander_facade import _client, _requests
from xpander_facade._serialization.codec import write_time
from xpander_facade.worker._logging import LOG
from xpander_facade.worker._messages import HEARTBEAT

if TYPE_CHECKING:
    from types import TracebackType

    from xpander_facade.configuration._configuration import Configuration


class Heartbeat:
    """The heartbeats of a worker, between the beginning and the end of a `with` block.

    Attributes:
        worker_ids: The ids that it speaks for; may be replaced at any time.
    """

    def __init__(self, configuration: Configuration, agent_id: str, every: float) -> None:
        # One that is late is not repeated: the next one is due.
        timeout = min(every, configuration.timeout)
        self._configuration = attrs.evolve(configuration, timeout=timeout, deadline=every, max_retries=0)
        self._agent_id = agent_id
        self._every = every
        self._ended = threading.Event()
        # A handler that blocks the event loop must not make the platform believe that the worker is gone.
        self._thread = threading.Thread(target=self._beat, name="xpander-worker-heartbeat", daemon=True)
        self.worker_ids: frozenset[str] = frozenset()

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(self._every)

    def _beat(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            self._send_all()
            # Those that were missed while the machine slept are not sent afterwards.
            due = max(due + self._every, time.monotonic())

    def _send_all(self) -> None:
        """Send a heartbeat for each id, all at once: one that gets no answer must not delay the others."""
        senders = [threading.Thread(target=self._send, args=(one,), daemon=True) for one in self.worker_ids]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def _send(self, worker_id: str) -> None:
        try:
            now = write_time(datetime.now(UTC))
            request = _requests.message_request(self._agent_id, worker_id, HEARTBEAT, now, idempotent=False)
            _client.send(self._configuration, request, lambda _: None)
        except Exception as error:  # whatever it is, the next one has a chance
            LOG.warning("a heartbeat failed, the next one is due in %g s: %s", self._every, error)
