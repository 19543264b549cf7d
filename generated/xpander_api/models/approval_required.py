# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    Self,
    TypeVar,
    cast,
)

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="ApprovalRequired")


@_attrs_define
class ApprovalRequired:
    """The operation was not carried out, because a person has to allow it first, or has refused it."""

    type_: Literal["approval_required"]
    """ Always `approval_required`. """
    denied: bool | None | Unset = UNSET
    """ Whether it was refused. Absent means false. """
    message: None | str | Unset = UNSET
    """ What is waited for, as a sentence. """
    request_id: None | str | Unset = UNSET
    """ Identifier of the request for approval. """
    self_approve: bool | None | Unset = UNSET
    """ Whether the user of the task may allow it himself. Absent means false. """
    wait_seconds: float | None | Unset = UNSET
    """ How long the platform waits for an answer, in seconds. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        denied: bool | None | Unset
        if isinstance(self.denied, Unset):
            denied = UNSET
        else:
            denied = self.denied

        message: None | str | Unset
        if isinstance(self.message, Unset):
            message = UNSET
        else:
            message = self.message

        request_id: None | str | Unset
        if isinstance(self.request_id, Unset):
            request_id = UNSET
        else:
            request_id = self.request_id

        self_approve: bool | None | Unset
        if isinstance(self.self_approve, Unset):
            self_approve = UNSET
        else:
            self_approve = self.self_approve

        wait_seconds: float | None | Unset
        if isinstance(self.wait_seconds, Unset):
            wait_seconds = UNSET
        else:
            wait_seconds = self.wait_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
            }
        )
        if denied is not UNSET:
            field_dict["denied"] = denied
        if message is not UNSET:
            field_dict["message"] = message
        if request_id is not UNSET:
            field_dict["request_id"] = request_id
        if self_approve is not UNSET:
            field_dict["self_approve"] = self_approve
        if wait_seconds is not UNSET:
            field_dict["wait_seconds"] = wait_seconds

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        type_ = cast(Literal["approval_required"], d.pop("type"))
        if type_ != "approval_required":
            raise ValueError(f"type must match const 'approval_required', got '{type_}'")

        def _parse_denied(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        denied = _parse_denied(d.pop("denied", UNSET))

        def _parse_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        message = _parse_message(d.pop("message", UNSET))

        def _parse_request_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        request_id = _parse_request_id(d.pop("request_id", UNSET))

        def _parse_self_approve(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        self_approve = _parse_self_approve(d.pop("self_approve", UNSET))

        def _parse_wait_seconds(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        wait_seconds = _parse_wait_seconds(d.pop("wait_seconds", UNSET))

        approval_required = cls(
            type_=type_,
            denied=denied,
            message=message,
            request_id=request_id,
            self_approve=self_approve,
            wait_seconds=wait_seconds,
        )

        approval_required.additional_properties = d
        return approval_required

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
