# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.json_object import JsonObject


T = TypeVar("T", bound="OperationPayload")


@_attrs_define
class OperationPayload:
    """What an operation is given, in four parts. A part that is absent is empty."""

    body_params: JsonObject | None | Unset = UNSET
    """ What goes into the body. """
    query_params: JsonObject | None | Unset = UNSET
    """ What goes into the query. """
    path_params: JsonObject | None | Unset = UNSET
    """ What goes into the path. """
    headers: JsonObject | None | Unset = UNSET
    """ Headers. `toolcallreasoningtitle`, `toolcallreasoningdescription` and `toolcallplantaskid` say why the tool
    is called, for the activity log. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.json_object import JsonObject

        body_params: dict[str, Any] | None | Unset
        if isinstance(self.body_params, Unset):
            body_params = UNSET
        elif isinstance(self.body_params, JsonObject):
            body_params = self.body_params.to_dict()
        else:
            body_params = self.body_params

        query_params: dict[str, Any] | None | Unset
        if isinstance(self.query_params, Unset):
            query_params = UNSET
        elif isinstance(self.query_params, JsonObject):
            query_params = self.query_params.to_dict()
        else:
            query_params = self.query_params

        path_params: dict[str, Any] | None | Unset
        if isinstance(self.path_params, Unset):
            path_params = UNSET
        elif isinstance(self.path_params, JsonObject):
            path_params = self.path_params.to_dict()
        else:
            path_params = self.path_params

        headers: dict[str, Any] | None | Unset
        if isinstance(self.headers, Unset):
            headers = UNSET
        elif isinstance(self.headers, JsonObject):
            headers = self.headers.to_dict()
        else:
            headers = self.headers

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if body_params is not UNSET:
            field_dict["body_params"] = body_params
        if query_params is not UNSET:
            field_dict["query_params"] = query_params
        if path_params is not UNSET:
            field_dict["path_params"] = path_params
        if headers is not UNSET:
            field_dict["headers"] = headers

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.json_object import JsonObject

        d = dict(src_dict)

        def _parse_body_params(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                body_params_type_0 = JsonObject.from_dict(data)

                return body_params_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        body_params = _parse_body_params(d.pop("body_params", UNSET))

        def _parse_query_params(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                query_params_type_0 = JsonObject.from_dict(data)

                return query_params_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        query_params = _parse_query_params(d.pop("query_params", UNSET))

        def _parse_path_params(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                path_params_type_0 = JsonObject.from_dict(data)

                return path_params_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        path_params = _parse_path_params(d.pop("path_params", UNSET))

        def _parse_headers(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                headers_type_0 = JsonObject.from_dict(data)

                return headers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        headers = _parse_headers(d.pop("headers", UNSET))

        operation_payload = cls(
            body_params=body_params,
            query_params=query_params,
            path_params=path_params,
            headers=headers,
        )

        operation_payload.additional_properties = d
        return operation_payload

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
