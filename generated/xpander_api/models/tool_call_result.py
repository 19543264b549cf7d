# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.tool_call_reasoning import ToolCallReasoning


T = TypeVar("T", bound="ToolCallResult")


@_attrs_define
class ToolCallResult:
    """A tool was called."""

    request_id: None | str | Unset = UNSET
    """ Identifier of the call; its result has the same. """
    operation_id: None | str | Unset = UNSET
    """ Identifier of the operation behind the tool. """
    tool_call_id: None | str | Unset = UNSET
    """ Identifier that the model gave the call. """
    graph_node_id: None | str | Unset = UNSET
    """ The node of the execution graph that calls. """
    tool_name: None | str | Unset = UNSET
    """ Name of the tool. """
    payload: Any | Unset = UNSET
    """ Any JSON. What the tool is given. """
    reasoning: None | ToolCallReasoning | Unset = UNSET
    """ Why the tool is called. """
    plan_task_id: None | str | Unset = UNSET
    """ The step of the plan that the call serves. """
    result: Any | Unset = UNSET
    """ Any JSON. What the tool answered. """
    is_error: bool | None | Unset = UNSET
    """ Whether the call failed. Absent means false. """
    approval_request_id: None | str | Unset = UNSET
    """ The request for approval that the call waits for. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.tool_call_reasoning import ToolCallReasoning

        request_id: None | str | Unset
        if isinstance(self.request_id, Unset):
            request_id = UNSET
        else:
            request_id = self.request_id

        operation_id: None | str | Unset
        if isinstance(self.operation_id, Unset):
            operation_id = UNSET
        else:
            operation_id = self.operation_id

        tool_call_id: None | str | Unset
        if isinstance(self.tool_call_id, Unset):
            tool_call_id = UNSET
        else:
            tool_call_id = self.tool_call_id

        graph_node_id: None | str | Unset
        if isinstance(self.graph_node_id, Unset):
            graph_node_id = UNSET
        else:
            graph_node_id = self.graph_node_id

        tool_name: None | str | Unset
        if isinstance(self.tool_name, Unset):
            tool_name = UNSET
        else:
            tool_name = self.tool_name

        payload = self.payload

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

        result = self.result

        is_error: bool | None | Unset
        if isinstance(self.is_error, Unset):
            is_error = UNSET
        else:
            is_error = self.is_error

        approval_request_id: None | str | Unset
        if isinstance(self.approval_request_id, Unset):
            approval_request_id = UNSET
        else:
            approval_request_id = self.approval_request_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if request_id is not UNSET:
            field_dict["request_id"] = request_id
        if operation_id is not UNSET:
            field_dict["operation_id"] = operation_id
        if tool_call_id is not UNSET:
            field_dict["tool_call_id"] = tool_call_id
        if graph_node_id is not UNSET:
            field_dict["graph_node_id"] = graph_node_id
        if tool_name is not UNSET:
            field_dict["tool_name"] = tool_name
        if payload is not UNSET:
            field_dict["payload"] = payload
        if reasoning is not UNSET:
            field_dict["reasoning"] = reasoning
        if plan_task_id is not UNSET:
            field_dict["plan_task_id"] = plan_task_id
        if result is not UNSET:
            field_dict["result"] = result
        if is_error is not UNSET:
            field_dict["is_error"] = is_error
        if approval_request_id is not UNSET:
            field_dict["approval_request_id"] = approval_request_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.tool_call_reasoning import ToolCallReasoning

        d = dict(src_dict)

        def _parse_request_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        request_id = _parse_request_id(d.pop("request_id", UNSET))

        def _parse_operation_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        operation_id = _parse_operation_id(d.pop("operation_id", UNSET))

        def _parse_tool_call_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tool_call_id = _parse_tool_call_id(d.pop("tool_call_id", UNSET))

        def _parse_graph_node_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        graph_node_id = _parse_graph_node_id(d.pop("graph_node_id", UNSET))

        def _parse_tool_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tool_name = _parse_tool_name(d.pop("tool_name", UNSET))

        payload = d.pop("payload", UNSET)

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

        result = d.pop("result", UNSET)

        def _parse_is_error(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_error = _parse_is_error(d.pop("is_error", UNSET))

        def _parse_approval_request_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        approval_request_id = _parse_approval_request_id(d.pop("approval_request_id", UNSET))

        tool_call_result = cls(
            request_id=request_id,
            operation_id=operation_id,
            tool_call_id=tool_call_id,
            graph_node_id=graph_node_id,
            tool_name=tool_name,
            payload=payload,
            reasoning=reasoning,
            plan_task_id=plan_task_id,
            result=result,
            is_error=is_error,
            approval_request_id=approval_request_id,
        )

        tool_call_result.additional_properties = d
        return tool_call_result

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
