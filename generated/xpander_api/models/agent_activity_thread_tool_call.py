# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.tool_call_reasoning import ToolCallReasoning


T = TypeVar("T", bound="AgentActivityThreadToolCall")


@_attrs_define
class AgentActivityThreadToolCall:
    """A call of a tool."""

    id: str
    """ Identifier of the entry. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    tool_name: str
    """ Name of the tool. """
    payload: Any | Unset = UNSET
    """ Any JSON. What the tool was given. """
    result: Any | Unset = UNSET
    """ Any JSON. What the tool answered. """
    is_error: bool | None | Unset = UNSET
    """ Whether the call failed. Absent means false. """
    reasoning: None | ToolCallReasoning | Unset = UNSET
    """ Why the tool was called. """
    plan_task_id: None | str | Unset = UNSET
    """ The step of the plan that the call serves. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.tool_call_reasoning import ToolCallReasoning

        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        tool_name = self.tool_name

        payload = self.payload

        result = self.result

        is_error: bool | None | Unset
        if isinstance(self.is_error, Unset):
            is_error = UNSET
        else:
            is_error = self.is_error

        reasoning: dict[str, Any] | None | Unset
        if isinstance(self.reasoning, Unset):
            reasoning = UNSET
        elif isinstance(self.reasoning, ToolCallReasoning):
            reasoning = self.reasoning.to_dict()
        else:
            reasoning = self.reasoning

        plan_task_id: None | str | Unset
        if isinstance(self.plan_task_id, Unset):
            plan_task_id = UNSET
        else:
            plan_task_id = self.plan_task_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "tool_name": tool_name,
            }
        )
        if payload is not UNSET:
            field_dict["payload"] = payload
        if result is not UNSET:
            field_dict["result"] = result
        if is_error is not UNSET:
            field_dict["is_error"] = is_error
        if reasoning is not UNSET:
            field_dict["reasoning"] = reasoning
        if plan_task_id is not UNSET:
            field_dict["plan_task_id"] = plan_task_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tool_call_reasoning import ToolCallReasoning

        d = dict(src_dict)
        id = d.pop("id")

        def _parse_created_at(data: object) -> datetime.datetime | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_timestamp_type_0 = datetime.datetime.fromisoformat(data)

                return componentsschemas_timestamp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | str, data)

        created_at = _parse_created_at(d.pop("created_at"))

        tool_name = d.pop("tool_name")

        payload = d.pop("payload", UNSET)

        result = d.pop("result", UNSET)

        def _parse_is_error(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_error = _parse_is_error(d.pop("is_error", UNSET))

        def _parse_reasoning(data: object) -> None | ToolCallReasoning | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                reasoning_type_0 = ToolCallReasoning.from_dict(data)

                return reasoning_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ToolCallReasoning | Unset, data)

        reasoning = _parse_reasoning(d.pop("reasoning", UNSET))

        def _parse_plan_task_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        plan_task_id = _parse_plan_task_id(d.pop("plan_task_id", UNSET))

        agent_activity_thread_tool_call = cls(
            id=id,
            created_at=created_at,
            tool_name=tool_name,
            payload=payload,
            result=result,
            is_error=is_error,
            reasoning=reasoning,
            plan_task_id=plan_task_id,
        )

        agent_activity_thread_tool_call.additional_properties = d
        return agent_activity_thread_tool_call

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
