"""Workers in containers: the emulator calls them over HTTP, instead of sending them tasks over a stream.

A task of an agent that has one is posted to `{url}/invoke`. What streams back is published to those who follow the
task; the worker saves the outcome itself. A call that fails makes the task an error, unless it has ended otherwise.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ._json import Json, object_of, write
from ._problem import Problem

if TYPE_CHECKING:
    from ._executions import Executions
    from ._llm_access import LLMAccess

_FINAL: Final = frozenset({"completed", "failed", "error", "stopped"})
_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Container:
    """Where a worker is called, and with which key."""

    url: str
    api_key: str = field(repr=False)


class Containers:
    """The workers in containers, by agent."""

    def __init__(self, executions: Executions, llm_access: LLMAccess) -> None:
        self._executions = executions
        self._llm_access = llm_access
        self._by_agent: dict[str, Container] = {}

    def connect(self, agent_id: str, url: str, api_key: str) -> None:
        """Call a worker for the tasks of an agent from now on."""
        self._by_agent[agent_id] = Container(url.rstrip("/"), api_key)

    def clear(self) -> None:
        """Forget all workers."""
        self._by_agent.clear()

    def take(self, task: Json) -> bool:
        """Call the worker of a task's agent, where it has one; return whether it does."""
        container = self._by_agent.get(task["agent_id"])
        if container is None:
            return False
        self._llm_access.keep(task)
        body = write(task).encode()
        name = f"container-{task['id']}"
        # The store's lock is held here, and the worker reports to this emulator before it answers.
        threading.Thread(target=self._call, args=(container, dict(task), body), name=name, daemon=True).start()
        return True

    def _call(self, container: Container, task: Json, body: bytes) -> None:
        parts = urlsplit(container.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        headers = {"content-type": "application/json", "x-api-key": container.api_key}
        try:
            connection.request("POST", f"{parts.path}/invoke", body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                self._fail(task, f"the worker answered {answer.status}: {answer.read(500).decode('utf-8', 'replace')}")
            elif answer.headers.get_content_type() == "text/event-stream":
                for line in answer:
                    if line.startswith(b"data:"):
                        self._publish(task, object_of(json.loads(line[5:])))
            else:
                answer.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._fail(task, f"the worker could not be called: {error}")
        finally:
            connection.close()

    def _publish(self, task: Json, event: Json) -> None:
        if event.get("type") != "task_finished":  # that follows from the saved outcome
            self._executions.publish(task, str(event.get("type")), event.get("data"))

    def _fail(self, task: Json, reason: str) -> None:
        key: tuple[Any, Any] = (task["organization_id"], task["id"])
        with contextlib.suppress(Problem):  # a task that was forgotten meanwhile has no end
            if self._executions.find(*key)["status"] not in _FINAL:
                self._executions.change(key, {"status": "error", "result": reason})
