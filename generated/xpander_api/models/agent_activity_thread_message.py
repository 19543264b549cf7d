# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_activity_message_role import (
    KnownActivityMessageRole,
    check_known_activity_message_role,
)

if TYPE_CHECKING:
    from ..models.agent_activity_thread_message_content import (
        AgentActivityThreadMessageContent,
    )


T = TypeVar("T", bound="AgentActivityThreadMessage")


@_attrs_define
class AgentActivityThreadMessage:
    """Something that the user or the agent said."""

    id: str
    """ Identifier of the entry. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    role: KnownActivityMessageRole | str
    """ Who speaks. """
    content: AgentActivityThreadMessageContent
    """ What a message says. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        role: str
        if isinstance(self.role, str):
            role = self.role
        else:
            role = self.role

        content = self.content.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "role": role,
                "content": content,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_activity_thread_message_content import (
            AgentActivityThreadMessageContent,
        )

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

        def _parse_role(data: object) -> KnownActivityMessageRole | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_activity_message_role_known_activity_message_role = check_known_activity_message_role(
                    data
                )

                return componentsschemas_activity_message_role_known_activity_message_role
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownActivityMessageRole | str, data)

        role = _parse_role(d.pop("role"))

        content = AgentActivityThreadMessageContent.from_dict(d.pop("content"))

        agent_activity_thread_message = cls(
            id=id,
            created_at=created_at,
            role=role,
            content=content,
        )

        agent_activity_thread_message.additional_properties = d
        return agent_activity_thread_message

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
