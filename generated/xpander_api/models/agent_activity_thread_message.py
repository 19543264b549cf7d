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
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_activity_thread_message_content import (
        AgentActivityThreadMessageContent,
    )
    from ..models.user import User


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
    sub_execution_result: bool | None | Unset = UNSET
    """ Whether it is what another agent's task came to. Absent means false. """
    user: None | Unset | User = UNSET
    """ Who said it, where several users take part. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.user import User

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

        sub_execution_result: bool | None | Unset
        if isinstance(self.sub_execution_result, Unset):
            sub_execution_result = UNSET
        else:
            sub_execution_result = self.sub_execution_result

        user: dict[str, Any] | None | Unset
        if isinstance(self.user, Unset):
            user = UNSET
        elif isinstance(self.user, User):
            user = self.user.to_dict()
        else:
            user = self.user

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
        if sub_execution_result is not UNSET:
            field_dict["sub_execution_result"] = sub_execution_result
        if user is not UNSET:
            field_dict["user"] = user

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_activity_thread_message_content import (
            AgentActivityThreadMessageContent,
        )
        from ..models.user import User

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

        def _parse_sub_execution_result(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        sub_execution_result = _parse_sub_execution_result(d.pop("sub_execution_result", UNSET))

        def _parse_user(data: object) -> None | Unset | User:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                user_type_0 = User.from_dict(data)

                return user_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | User, data)

        user = _parse_user(d.pop("user", UNSET))

        agent_activity_thread_message = cls(
            id=id,
            created_at=created_at,
            role=role,
            content=content,
            sub_execution_result=sub_execution_result,
            user=user,
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
