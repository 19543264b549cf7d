# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_task_update_event_type import (
    KnownTaskUpdateEventType,
    check_known_task_update_event_type,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.event_identity import EventIdentity


T = TypeVar("T", bound="TaskUpdateEvent")


@_attrs_define
class TaskUpdateEvent:
    """Something that happened in a task."""

    type_: KnownTaskUpdateEventType | str
    """ What an event tells. The list grows. """
    task_id: str
    """ The task it happened in. """
    organization_id: str
    """ The organisation that owns the task. """
    time: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    data: Any | Unset = UNSET
    """ Any JSON, its shape given by `type`. A Task for `task_created`, `task_updated` and `task_finished`; a text
    for `chunk`; a ToolCallRequest for `tool_call_request`; a ToolCallResult for `tool_call_result`; a DeepPlanning
    for `plan_updated`. The shapes of the other types are not known. """
    identity: EventIdentity | None | Unset = UNSET
    """ In whose name the event speaks. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.event_identity import EventIdentity

        type_: str
        if isinstance(self.type_, str):
            type_ = self.type_
        else:
            type_ = self.type_

        task_id = self.task_id

        organization_id = self.organization_id

        time: str
        if isinstance(self.time, datetime.datetime):
            time = self.time.isoformat()
        else:
            time = self.time

        data = self.data

        identity: dict[str, Any] | None | Unset
        if isinstance(self.identity, Unset):
            identity = UNSET
        elif isinstance(self.identity, EventIdentity):
            identity = self.identity.to_dict()
        else:
            identity = self.identity

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "task_id": task_id,
                "organization_id": organization_id,
                "time": time,
            }
        )
        if data is not UNSET:
            field_dict["data"] = data
        if identity is not UNSET:
            field_dict["identity"] = identity

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.event_identity import EventIdentity

        d = dict(src_dict)

        def _parse_type_(data: object) -> KnownTaskUpdateEventType | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_task_update_event_type_known_task_update_event_type = (
                    check_known_task_update_event_type(data)
                )

                return componentsschemas_task_update_event_type_known_task_update_event_type
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownTaskUpdateEventType | str, data)

        type_ = _parse_type_(d.pop("type"))

        task_id = d.pop("task_id")

        organization_id = d.pop("organization_id")

        def _parse_time(data: object) -> datetime.datetime | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_timestamp_type_0 = datetime.datetime.fromisoformat(data)

                return componentsschemas_timestamp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | str, data)

        time = _parse_time(d.pop("time"))

        data = d.pop("data", UNSET)

        def _parse_identity(data: object) -> EventIdentity | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                identity_type_0 = EventIdentity.from_dict(data)

                return identity_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EventIdentity | None | Unset, data)

        identity = _parse_identity(d.pop("identity", UNSET))

        task_update_event = cls(
            type_=type_,
            task_id=task_id,
            organization_id=organization_id,
            time=time,
            data=data,
            identity=identity,
        )

        task_update_event.additional_properties = d
        return task_update_event

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
