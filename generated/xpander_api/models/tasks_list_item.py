# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_agent_execution_status import (
    KnownAgentExecutionStatus,
    check_known_agent_execution_status,
)
from ..models.known_conversation_kind import (
    KnownConversationKind,
    check_known_conversation_kind,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="TasksListItem")


@_attrs_define
class TasksListItem:
    """The short form of a task in a list."""

    id: str
    """ Identifier of the task. """
    agent_id: str
    """ The agent that runs the task. """
    organization_id: str
    """ The organisation that owns the task. """
    status: KnownAgentExecutionStatus | str
    """ Where a task stands. `completed`, `failed`, `error` and `stopped` are ends; `error` means that a worker
    raised an exception. """
    internal_status: None | str | Unset = UNSET
    """ A finer status that the platform keeps for itself, at most 255 characters. """
    user_id: None | str | Unset = UNSET
    """ The end user on whose behalf the task runs. """
    parent_task_id: None | str | Unset = UNSET
    """ The task that this one is a part of. """
    triggering_agent_id: None | str | Unset = UNSET
    """ The agent that set this task off. """
    created_at: datetime.datetime | None | str | Unset = UNSET
    """ When the task came into being. """
    updated_at: datetime.datetime | None | str | Unset = UNSET
    """ When the task last changed. """
    source_node_type: None | str | Unset = UNSET
    """ The kind of node in the execution graph that the task came from. """
    result: None | str | Unset = UNSET
    """ The final result, or the text of the error. """
    title: None | str | Unset = UNSET
    """ A title for people to read. """
    execution_kind: None | str | Unset = UNSET
    """ What kind of run this is. """
    process: Any | Unset = UNSET
    """ Any JSON. The process that the task is a part of. """
    conversation_kind: KnownConversationKind | None | str | Unset = UNSET
    """ How the task's conversation was held. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        agent_id = self.agent_id

        organization_id = self.organization_id

        status: str
        if isinstance(self.status, str):
            status = self.status
        else:
            status = self.status

        internal_status: None | str | Unset
        if isinstance(self.internal_status, Unset):
            internal_status = UNSET
        else:
            internal_status = self.internal_status

        user_id: None | str | Unset
        if isinstance(self.user_id, Unset):
            user_id = UNSET
        else:
            user_id = self.user_id

        parent_task_id: None | str | Unset
        if isinstance(self.parent_task_id, Unset):
            parent_task_id = UNSET
        else:
            parent_task_id = self.parent_task_id

        triggering_agent_id: None | str | Unset
        if isinstance(self.triggering_agent_id, Unset):
            triggering_agent_id = UNSET
        else:
            triggering_agent_id = self.triggering_agent_id

        created_at: None | str | Unset
        if isinstance(self.created_at, Unset):
            created_at = UNSET
        elif isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        updated_at: None | str | Unset
        if isinstance(self.updated_at, Unset):
            updated_at = UNSET
        elif isinstance(self.updated_at, datetime.datetime):
            updated_at = self.updated_at.isoformat()
        else:
            updated_at = self.updated_at

        source_node_type: None | str | Unset
        if isinstance(self.source_node_type, Unset):
            source_node_type = UNSET
        else:
            source_node_type = self.source_node_type

        result: None | str | Unset
        if isinstance(self.result, Unset):
            result = UNSET
        else:
            result = self.result

        title: None | str | Unset
        if isinstance(self.title, Unset):
            title = UNSET
        else:
            title = self.title

        execution_kind: None | str | Unset
        if isinstance(self.execution_kind, Unset):
            execution_kind = UNSET
        else:
            execution_kind = self.execution_kind

        process = self.process

        conversation_kind: None | str | Unset
        if isinstance(self.conversation_kind, Unset):
            conversation_kind = UNSET
        elif isinstance(self.conversation_kind, str):
            conversation_kind = self.conversation_kind
        else:
            conversation_kind = self.conversation_kind

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "agent_id": agent_id,
                "organization_id": organization_id,
                "status": status,
            }
        )
        if internal_status is not UNSET:
            field_dict["internal_status"] = internal_status
        if user_id is not UNSET:
            field_dict["user_id"] = user_id
        if parent_task_id is not UNSET:
            field_dict["parent_task_id"] = parent_task_id
        if triggering_agent_id is not UNSET:
            field_dict["triggering_agent_id"] = triggering_agent_id
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if updated_at is not UNSET:
            field_dict["updated_at"] = updated_at
        if source_node_type is not UNSET:
            field_dict["source_node_type"] = source_node_type
        if result is not UNSET:
            field_dict["result"] = result
        if title is not UNSET:
            field_dict["title"] = title
        if execution_kind is not UNSET:
            field_dict["execution_kind"] = execution_kind
        if process is not UNSET:
            field_dict["process"] = process
        if conversation_kind is not UNSET:
            field_dict["conversation_kind"] = conversation_kind

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        id = d.pop("id")

        agent_id = d.pop("agent_id")

        organization_id = d.pop("organization_id")

        def _parse_status(data: object) -> KnownAgentExecutionStatus | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_agent_execution_status_known_agent_execution_status = (
                    check_known_agent_execution_status(data)
                )

                return componentsschemas_agent_execution_status_known_agent_execution_status
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownAgentExecutionStatus | str, data)

        status = _parse_status(d.pop("status"))

        def _parse_internal_status(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        internal_status = _parse_internal_status(d.pop("internal_status", UNSET))

        def _parse_user_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        user_id = _parse_user_id(d.pop("user_id", UNSET))

        def _parse_parent_task_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        parent_task_id = _parse_parent_task_id(d.pop("parent_task_id", UNSET))

        def _parse_triggering_agent_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        triggering_agent_id = _parse_triggering_agent_id(d.pop("triggering_agent_id", UNSET))

        def _parse_created_at(data: object) -> datetime.datetime | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_timestamp_type_0 = datetime.datetime.fromisoformat(data)

                return componentsschemas_timestamp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | str | Unset, data)

        created_at = _parse_created_at(d.pop("created_at", UNSET))

        def _parse_updated_at(data: object) -> datetime.datetime | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_timestamp_type_0 = datetime.datetime.fromisoformat(data)

                return componentsschemas_timestamp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | str | Unset, data)

        updated_at = _parse_updated_at(d.pop("updated_at", UNSET))

        def _parse_source_node_type(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        source_node_type = _parse_source_node_type(d.pop("source_node_type", UNSET))

        def _parse_result(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        result = _parse_result(d.pop("result", UNSET))

        def _parse_title(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        title = _parse_title(d.pop("title", UNSET))

        def _parse_execution_kind(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        execution_kind = _parse_execution_kind(d.pop("execution_kind", UNSET))

        process = d.pop("process", UNSET)

        def _parse_conversation_kind(data: object) -> KnownConversationKind | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_conversation_kind_known_conversation_kind = check_known_conversation_kind(data)

                return componentsschemas_conversation_kind_known_conversation_kind
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownConversationKind | None | str | Unset, data)

        conversation_kind = _parse_conversation_kind(d.pop("conversation_kind", UNSET))

        tasks_list_item = cls(
            id=id,
            agent_id=agent_id,
            organization_id=organization_id,
            status=status,
            internal_status=internal_status,
            user_id=user_id,
            parent_task_id=parent_task_id,
            triggering_agent_id=triggering_agent_id,
            created_at=created_at,
            updated_at=updated_at,
            source_node_type=source_node_type,
            result=result,
            title=title,
            execution_kind=execution_kind,
            process=process,
            conversation_kind=conversation_kind,
        )

        tasks_list_item.additional_properties = d
        return tasks_list_item

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
