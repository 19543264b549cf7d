# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="SummarizeToolCallResult")


@_attrs_define
class SummarizeToolCallResult:
    """The summaries of a tool call."""

    request_summary: None | str | Unset = UNSET
    """ What the tool was asked. """
    response_summary: None | str | Unset = UNSET
    """ What it answered. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        request_summary: None | str | Unset
        if isinstance(self.request_summary, Unset):
            request_summary = UNSET
        else:
            request_summary = self.request_summary

        response_summary: None | str | Unset
        if isinstance(self.response_summary, Unset):
            response_summary = UNSET
        else:
            response_summary = self.response_summary

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if request_summary is not UNSET:
            field_dict["request_summary"] = request_summary
        if response_summary is not UNSET:
            field_dict["response_summary"] = response_summary

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_request_summary(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        request_summary = _parse_request_summary(d.pop("request_summary", UNSET))

        def _parse_response_summary(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        response_summary = _parse_response_summary(d.pop("response_summary", UNSET))

        summarize_tool_call_result = cls(
            request_summary=request_summary,
            response_summary=response_summary,
        )

        summarize_tool_call_result.additional_properties = d
        return summarize_tool_call_result

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
