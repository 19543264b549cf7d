"""What a task is told of a tool call: its events, and the name among the tools that it used."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade._serialization.jsonable import to_jsonable
from xpander_facade.agents._tool_payload import as_object
from xpander_facade.errors import XpanderError
from xpander_facade.types.activity import ToolCallReasoning
from xpander_facade.types.events import TaskUpdateEvent, TaskUpdateEventType, ToolCallRequest, ToolCallResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade.tasks._task import Task  # noqa: TC004 (nobody evaluates the annotations)

_log = logging.getLogger(__name__)


@attrs.define
class ToolCall:
    """One call of a tool, as a task's followers are told of it.

    Args:
        task: The task; None tells nobody.
        request: What the call is.
    """

    task: Task | None
    request: ToolCallRequest

    def start(self) -> None:
        """Note the tool as used, and tell of the call. A failure is logged: the call goes on."""
        event = self._requested()
        if self.task is not None and event is not None:
            try:
                self.task.push_events([event])
            except XpanderError as error:
                self._log_failure(event, error)

    async def astart(self) -> None:
        """Note the tool as used, and tell of the call. A failure is logged: the call goes on."""
        event = self._requested()
        if self.task is not None and event is not None:
            try:
                await self.task.apush_events([event])
            except XpanderError as error:
                self._log_failure(event, error)

    def finish(self, result: Any, *, is_error: bool = False, approval_request_id: str | None = None) -> None:
        """Tell what came of the call. A failure is logged: the call's result stands."""
        if self.task is not None:
            event = self._answered(self.task, result, is_error, approval_request_id)
            try:
                self.task.push_events([event])
            except XpanderError as error:
                self._log_failure(event, error)

    async def afinish(self, result: Any, *, is_error: bool = False, approval_request_id: str | None = None) -> None:
        """Tell what came of the call. A failure is logged: the call's result stands."""
        if self.task is not None:
            event = self._answered(self.task, result, is_error, approval_request_id)
            try:
                await self.task.apush_events([event])
            except XpanderError as error:
                self._log_failure(event, error)

    def _requested(self) -> TaskUpdateEvent | None:
        task, name = self.task, self.request.tool_name
        if task is None:
            return None
        if name is not None and name not in task.used_tools:
            task.used_tools.append(name)
        return TaskUpdateEvent(type=TaskUpdateEventType.ToolCallRequest, task_id=task.id, data=self.request)

    def _answered(self, task: Task, result: Any, is_error: bool, approval_request_id: str | None) -> TaskUpdateEvent:
        request = self.request
        data = ToolCallResult(
            request_id=request.request_id,
            operation_id=request.operation_id,
            tool_call_id=request.tool_call_id,
            graph_node_id=request.graph_node_id,
            tool_name=request.tool_name,
            payload=request.payload,
            reasoning=request.reasoning,
            plan_task_id=request.plan_task_id,
            result=to_jsonable(result),
            is_error=is_error,
            approval_request_id=approval_request_id,
        )
        return TaskUpdateEvent(type=TaskUpdateEventType.ToolCallResult, task_id=task.id, data=data)

    def _log_failure(self, event: TaskUpdateEvent, error: XpanderError) -> None:
        _log.warning(
            "task %s: the %s event of the tool %s could not be pushed, the run goes on without it: %s",
            event.task_id,
            event.type.value,
            self.request.tool_name,
            error,
        )


def tool_call(
    task: Task | None,
    tool_name: str,
    payload: Mapping[str, Any],
    *,
    operation_id: str | None = None,
    tool_call_id: str | None = None,
    graph_node_id: str | None = None,
) -> ToolCall:
    """Return a call that is about to be made; its reasons are read off the labels among the payload's headers."""
    labels = as_object(payload.get("headers"))
    title, description = labels.get("toolcallreasoningtitle"), labels.get("toolcallreasoningdescription")
    reasoning = ToolCallReasoning(title=title or None, description=description or None)
    request = ToolCallRequest(
        request_id=str(uuid.uuid4()),
        operation_id=operation_id,
        tool_call_id=tool_call_id,
        graph_node_id=graph_node_id,
        tool_name=tool_name,
        payload=to_jsonable(dict(payload)),
        reasoning=reasoning if title or description else None,
        plan_task_id=labels.get("toolcallplantaskid") or None,
    )
    return ToolCall(task, request)
