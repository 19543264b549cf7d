# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_agent_graph_item_type import (
    KnownAgentGraphItemType,
    check_known_agent_graph_item_type,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_graph_item_settings import AgentGraphItemSettings


T = TypeVar("T", bound="AgentGraphItem")


@_attrs_define
class AgentGraphItem:
    """A node of an agent's graph."""

    id: None | str | Unset = UNSET
    """ Identifier of the node. """
    item_id: None | str | Unset = UNSET
    """ Identifier of what the node stands for, such as a tool or another agent. """
    name: None | str | Unset = UNSET
    """ Name of the node. """
    type_: KnownAgentGraphItemType | None | str | Unset = UNSET
    """ What the node is. """
    sub_type: None | str | Unset = UNSET
    """ A finer kind of it. """
    targets: list[str] | None | Unset = UNSET
    """ Identifiers of the nodes that follow. Absent means none. """
    settings: AgentGraphItemSettings | None | Unset = UNSET
    """ How the node is set up. """
    is_first: bool | None | Unset = UNSET
    """ Whether the graph begins here. Absent means false. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.agent_graph_item_settings import AgentGraphItemSettings

        id: None | str | Unset
        if isinstance(self.id, Unset):
            id = UNSET
        else:
            id = self.id

        item_id: None | str | Unset
        if isinstance(self.item_id, Unset):
            item_id = UNSET
        else:
            item_id = self.item_id

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        type_: None | str | Unset
        if isinstance(self.type_, Unset):
            type_ = UNSET
        elif isinstance(self.type_, str):
            type_ = self.type_
        else:
            type_ = self.type_

        sub_type: None | str | Unset
        if isinstance(self.sub_type, Unset):
            sub_type = UNSET
        else:
            sub_type = self.sub_type

        targets: list[str] | None | Unset
        if isinstance(self.targets, Unset):
            targets = UNSET
        elif isinstance(self.targets, list):
            targets = self.targets

        else:
            targets = self.targets

        settings: dict[str, Any] | None | Unset
        if isinstance(self.settings, Unset):
            settings = UNSET
        elif isinstance(self.settings, AgentGraphItemSettings):
            settings = self.settings.to_dict()
        else:
            settings = self.settings

        is_first: bool | None | Unset
        if isinstance(self.is_first, Unset):
            is_first = UNSET
        else:
            is_first = self.is_first

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if id is not UNSET:
            field_dict["id"] = id
        if item_id is not UNSET:
            field_dict["item_id"] = item_id
        if name is not UNSET:
            field_dict["name"] = name
        if type_ is not UNSET:
            field_dict["type"] = type_
        if sub_type is not UNSET:
            field_dict["sub_type"] = sub_type
        if targets is not UNSET:
            field_dict["targets"] = targets
        if settings is not UNSET:
            field_dict["settings"] = settings
        if is_first is not UNSET:
            field_dict["is_first"] = is_first

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_graph_item_settings import AgentGraphItemSettings

        d = dict(src_dict)

        def _parse_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        id = _parse_id(d.pop("id", UNSET))

        def _parse_item_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        item_id = _parse_item_id(d.pop("item_id", UNSET))

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_type_(data: object) -> KnownAgentGraphItemType | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_agent_graph_item_type_known_agent_graph_item_type = check_known_agent_graph_item_type(
                    data
                )

                return componentsschemas_agent_graph_item_type_known_agent_graph_item_type
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownAgentGraphItemType | None | str | Unset, data)

        type_ = _parse_type_(d.pop("type", UNSET))

        def _parse_sub_type(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        sub_type = _parse_sub_type(d.pop("sub_type", UNSET))

        def _parse_targets(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                targets_type_0 = cast(list[str], data)

                return targets_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        targets = _parse_targets(d.pop("targets", UNSET))

        def _parse_settings(data: object) -> AgentGraphItemSettings | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                settings_type_0 = AgentGraphItemSettings.from_dict(data)

                return settings_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AgentGraphItemSettings | None | Unset, data)

        settings = _parse_settings(d.pop("settings", UNSET))

        def _parse_is_first(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_first = _parse_is_first(d.pop("is_first", UNSET))

        agent_graph_item = cls(
            id=id,
            item_id=item_id,
            name=name,
            type_=type_,
            sub_type=sub_type,
            targets=targets,
            settings=settings,
            is_first=is_first,
        )

        agent_graph_item.additional_properties = d
        return agent_graph_item

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
