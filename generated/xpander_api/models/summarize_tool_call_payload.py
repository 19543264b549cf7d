# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="SummarizeToolCallPayload")


@_attrs_define
class SummarizeToolCallPayload:
    """A tool call and its answer."""

    tool_name: str
    """ Name of the tool. """
    request: Any | Unset = UNSET
    """ Any JSON. What the tool was given. """
    response: Any | Unset = UNSET
    """ Any JSON. What the tool answered. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        tool_name = self.tool_name

        request = self.request

        response = self.response

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "tool_name": tool_name,
            }
        )
        if request is not UNSET:
            field_dict["request"] = request
        if response is not UNSET:
            field_dict["response"] = response

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        tool_name = d.pop("tool_name")

        request = d.pop("request", UNSET)

        response = d.pop("response", UNSET)

        summarize_tool_call_payload = cls(
            tool_name=tool_name,
            request=request,
            response=response,
        )

        summarize_tool_call_payload.additional_properties = d
        return summarize_tool_call_payload

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
