# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentKnowledgeBase")


@_attrs_define
class AgentKnowledgeBase:
    """A knowledge base that an agent uses."""

    id: str
    """ Identifier of the knowledge base. """
    rw: bool | None | Unset = UNSET
    """ Whether the agent may write to it. Absent means false. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        rw: bool | None | Unset
        if isinstance(self.rw, Unset):
            rw = UNSET
        else:
            rw = self.rw

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
            }
        )
        if rw is not UNSET:
            field_dict["rw"] = rw

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        def _parse_rw(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        rw = _parse_rw(d.pop("rw", UNSET))

        agent_knowledge_base = cls(
            id=id,
            rw=rw,
        )

        agent_knowledge_base.additional_properties = d
        return agent_knowledge_base

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
