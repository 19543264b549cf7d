# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_worker_message_event import (
    KnownWorkerMessageEvent,
    check_known_worker_message_event,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.worker_capacity_update import WorkerCapacityUpdate


T = TypeVar("T", bound="WorkerMessage")


@_attrs_define
class WorkerMessage:
    """One message of a worker."""

    id: str
    """ Identifier of the message, any text that is not used twice; the worker that speaks is named in the path. """
    event: KnownWorkerMessageEvent | str
    """ What a worker says. """
    data: Any | Unset | WorkerCapacityUpdate = UNSET
    """ Any JSON, its shape given by `event`. A WorkerCapacityUpdate for `worker-capacity-update`; the others need
    none. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.worker_capacity_update import WorkerCapacityUpdate

        id = self.id

        event: str
        if isinstance(self.event, str):
            event = self.event
        else:
            event = self.event

        data: Any | dict[str, Any] | Unset
        if isinstance(self.data, Unset):
            data = UNSET
        elif isinstance(self.data, WorkerCapacityUpdate):
            data = self.data.to_dict()
        else:
            data = self.data

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "event": event,
            }
        )
        if data is not UNSET:
            field_dict["data"] = data

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.worker_capacity_update import WorkerCapacityUpdate

        d = dict(src_dict)
        id = d.pop("id")

        def _parse_event(data: object) -> KnownWorkerMessageEvent | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_worker_message_event_known_worker_message_event = check_known_worker_message_event(
                    data
                )

                return componentsschemas_worker_message_event_known_worker_message_event
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownWorkerMessageEvent | str, data)

        event = _parse_event(d.pop("event"))

        def _parse_data(data: object) -> Any | Unset | WorkerCapacityUpdate:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                data_type_0 = WorkerCapacityUpdate.from_dict(data)

                return data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Any | Unset | WorkerCapacityUpdate, data)

        data = _parse_data(d.pop("data", UNSET))

        worker_message = cls(
            id=id,
            event=event,
            data=data,
        )

        worker_message.additional_properties = d
        return worker_message

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
