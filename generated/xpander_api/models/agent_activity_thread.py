# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_activity_thread_auth import AgentActivityThreadAuth
    from ..models.agent_activity_thread_gateway_decision import (
        AgentActivityThreadGatewayDecision,
    )
    from ..models.agent_activity_thread_message import AgentActivityThreadMessage
    from ..models.agent_activity_thread_other import AgentActivityThreadOther
    from ..models.agent_activity_thread_reasoning import AgentActivityThreadReasoning
    from ..models.agent_activity_thread_sub_agent_trigger import (
        AgentActivityThreadSubAgentTrigger,
    )
    from ..models.agent_activity_thread_tool_call import AgentActivityThreadToolCall
    from ..models.user import User


T = TypeVar("T", bound="AgentActivityThread")


@_attrs_define
class AgentActivityThread:
    """All that was said and done in a task."""

    id: str
    """ Identifier of the thread. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    messages: list[
        AgentActivityThreadAuth
        | AgentActivityThreadGatewayDecision
        | AgentActivityThreadMessage
        | AgentActivityThreadOther
        | AgentActivityThreadReasoning
        | AgentActivityThreadSubAgentTrigger
        | AgentActivityThreadToolCall
    ]
    """ The entries, oldest first. """
    user: None | Unset | User = UNSET
    """ The end user who took part. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.agent_activity_thread_auth import AgentActivityThreadAuth
        from ..models.agent_activity_thread_gateway_decision import (
            AgentActivityThreadGatewayDecision,
        )
        from ..models.agent_activity_thread_message import AgentActivityThreadMessage
        from ..models.agent_activity_thread_reasoning import (
            AgentActivityThreadReasoning,
        )
        from ..models.agent_activity_thread_sub_agent_trigger import (
            AgentActivityThreadSubAgentTrigger,
        )
        from ..models.agent_activity_thread_tool_call import AgentActivityThreadToolCall
        from ..models.user import User

        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        messages = []
        for messages_item_data in self.messages:
            messages_item: dict[str, Any]
            if (
                isinstance(messages_item_data, AgentActivityThreadMessage)
                or isinstance(messages_item_data, AgentActivityThreadToolCall)
                or isinstance(messages_item_data, AgentActivityThreadGatewayDecision)
                or isinstance(messages_item_data, AgentActivityThreadAuth)
                or isinstance(messages_item_data, AgentActivityThreadSubAgentTrigger)
                or isinstance(messages_item_data, AgentActivityThreadReasoning)
            ):
                messages_item = messages_item_data.to_dict()
            else:
                messages_item = messages_item_data.to_dict()

            messages.append(messages_item)

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
                "messages": messages,
            }
        )
        if user is not UNSET:
            field_dict["user"] = user

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_activity_thread_auth import AgentActivityThreadAuth
        from ..models.agent_activity_thread_gateway_decision import (
            AgentActivityThreadGatewayDecision,
        )
        from ..models.agent_activity_thread_message import AgentActivityThreadMessage
        from ..models.agent_activity_thread_other import AgentActivityThreadOther
        from ..models.agent_activity_thread_reasoning import (
            AgentActivityThreadReasoning,
        )
        from ..models.agent_activity_thread_sub_agent_trigger import (
            AgentActivityThreadSubAgentTrigger,
        )
        from ..models.agent_activity_thread_tool_call import AgentActivityThreadToolCall
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

        messages = []
        _messages = d.pop("messages")
        for messages_item_data in _messages:

            def _parse_messages_item(
                data: object,
            ) -> (
                AgentActivityThreadAuth
                | AgentActivityThreadGatewayDecision
                | AgentActivityThreadMessage
                | AgentActivityThreadOther
                | AgentActivityThreadReasoning
                | AgentActivityThreadSubAgentTrigger
                | AgentActivityThreadToolCall
            ):
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_0 = AgentActivityThreadMessage.from_dict(data)

                    return componentsschemas_agent_activity_thread_entry_type_0
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_1 = AgentActivityThreadToolCall.from_dict(data)

                    return componentsschemas_agent_activity_thread_entry_type_1
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_2 = AgentActivityThreadGatewayDecision.from_dict(
                        data
                    )

                    return componentsschemas_agent_activity_thread_entry_type_2
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_3 = AgentActivityThreadAuth.from_dict(data)

                    return componentsschemas_agent_activity_thread_entry_type_3
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_4 = AgentActivityThreadSubAgentTrigger.from_dict(
                        data
                    )

                    return componentsschemas_agent_activity_thread_entry_type_4
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                try:
                    if not isinstance(data, dict):
                        raise TypeError()
                    componentsschemas_agent_activity_thread_entry_type_5 = AgentActivityThreadReasoning.from_dict(data)

                    return componentsschemas_agent_activity_thread_entry_type_5
                except (TypeError, ValueError, AttributeError, KeyError):
                    pass
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_agent_activity_thread_entry_type_6 = AgentActivityThreadOther.from_dict(data)

                return componentsschemas_agent_activity_thread_entry_type_6

            messages_item = _parse_messages_item(messages_item_data)

            messages.append(messages_item)

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

        agent_activity_thread = cls(
            id=id,
            created_at=created_at,
            messages=messages,
            user=user,
        )

        agent_activity_thread.additional_properties = d
        return agent_activity_thread

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
