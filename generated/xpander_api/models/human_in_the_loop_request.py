# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="HumanInTheLoopRequest")


@_attrs_define
class HumanInTheLoopRequest:
    """A question to a human that keeps a task paused."""

    wait_node_id: None | str | Unset = UNSET
    """ Node of the execution graph that waits for the answer. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        wait_node_id: None | str | Unset
        if isinstance(self.wait_node_id, Unset):
            wait_node_id = UNSET
        else:
            wait_node_id = self.wait_node_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if wait_node_id is not UNSET:
            field_dict["wait_node_id"] = wait_node_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_wait_node_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        wait_node_id = _parse_wait_node_id(d.pop("wait_node_id", UNSET))

        human_in_the_loop_request = cls(
            wait_node_id=wait_node_id,
        )

        human_in_the_loop_request.additional_properties = d
        return human_in_the_loop_request

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
