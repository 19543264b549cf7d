# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.json_object import JsonObject


T = TypeVar("T", bound="AgentTool")


@_attrs_define
class AgentTool:
    """Something that an agent can call."""

    id: str
    """ Identifier of the tool; the function's name for the model. """
    name: None | str | Unset = UNSET
    """ Name for people to read. """
    method: None | str | Unset = UNSET
    """ HTTP method of the operation behind the tool. """
    path: None | str | Unset = UNSET
    """ Path of that operation. """
    description: None | str | Unset = UNSET
    """ What the tool does. """
    function_description: None | str | Unset = UNSET
    """ What the tool does, in the words meant for the model; goes before `description`. """
    parameters: JsonObject | None | Unset = UNSET
    """ JSON Schema of the payload. """
    connector_id: None | str | Unset = UNSET
    """ The connector that the operation belongs to. """
    operation_id: None | str | Unset = UNSET
    """ The operation in that connector. """
    is_local: bool | None | Unset = UNSET
    """ Whether the tool is a function in the worker's own process. Absent means false. """
    is_synced: bool | None | Unset = UNSET
    """ Whether the platform knows the local function. Absent means false. """
    should_add_to_graph: bool | None | Unset = UNSET
    """ Whether the tool is to stand in the graph. Absent means false. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.json_object import JsonObject

        id = self.id

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        method: None | str | Unset
        if isinstance(self.method, Unset):
            method = UNSET
        else:
            method = self.method

        path: None | str | Unset
        if isinstance(self.path, Unset):
            path = UNSET
        else:
            path = self.path

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        function_description: None | str | Unset
        if isinstance(self.function_description, Unset):
            function_description = UNSET
        else:
            function_description = self.function_description

        parameters: dict[str, Any] | None | Unset
        if isinstance(self.parameters, Unset):
            parameters = UNSET
        elif isinstance(self.parameters, JsonObject):
            parameters = self.parameters.to_dict()
        else:
            parameters = self.parameters

        connector_id: None | str | Unset
        if isinstance(self.connector_id, Unset):
            connector_id = UNSET
        else:
            connector_id = self.connector_id

        operation_id: None | str | Unset
        if isinstance(self.operation_id, Unset):
            operation_id = UNSET
        else:
            operation_id = self.operation_id

        is_local: bool | None | Unset
        if isinstance(self.is_local, Unset):
            is_local = UNSET
        else:
            is_local = self.is_local

        is_synced: bool | None | Unset
        if isinstance(self.is_synced, Unset):
            is_synced = UNSET
        else:
            is_synced = self.is_synced

        should_add_to_graph: bool | None | Unset
        if isinstance(self.should_add_to_graph, Unset):
            should_add_to_graph = UNSET
        else:
            should_add_to_graph = self.should_add_to_graph

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
            }
        )
        if name is not UNSET:
            field_dict["name"] = name
        if method is not UNSET:
            field_dict["method"] = method
        if path is not UNSET:
            field_dict["path"] = path
        if description is not UNSET:
            field_dict["description"] = description
        if function_description is not UNSET:
            field_dict["function_description"] = function_description
        if parameters is not UNSET:
            field_dict["parameters"] = parameters
        if connector_id is not UNSET:
            field_dict["connector_id"] = connector_id
        if operation_id is not UNSET:
            field_dict["operation_id"] = operation_id
        if is_local is not UNSET:
            field_dict["is_local"] = is_local
        if is_synced is not UNSET:
            field_dict["is_synced"] = is_synced
        if should_add_to_graph is not UNSET:
            field_dict["should_add_to_graph"] = should_add_to_graph

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.json_object import JsonObject

        d = dict(src_dict)
        id = d.pop("id")

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_method(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        method = _parse_method(d.pop("method", UNSET))

        def _parse_path(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        path = _parse_path(d.pop("path", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_function_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        function_description = _parse_function_description(d.pop("function_description", UNSET))

        def _parse_parameters(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                parameters_type_0 = JsonObject.from_dict(data)

                return parameters_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        parameters = _parse_parameters(d.pop("parameters", UNSET))

        def _parse_connector_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        connector_id = _parse_connector_id(d.pop("connector_id", UNSET))

        def _parse_operation_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        operation_id = _parse_operation_id(d.pop("operation_id", UNSET))

        def _parse_is_local(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_local = _parse_is_local(d.pop("is_local", UNSET))

        def _parse_is_synced(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_synced = _parse_is_synced(d.pop("is_synced", UNSET))

        def _parse_should_add_to_graph(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        should_add_to_graph = _parse_should_add_to_graph(d.pop("should_add_to_graph", UNSET))

        agent_tool = cls(
            id=id,
            name=name,
            method=method,
            path=path,
            description=description,
            function_description=function_description,
            parameters=parameters,
            connector_id=connector_id,
            operation_id=operation_id,
            is_local=is_local,
            is_synced=is_synced,
            should_add_to_graph=should_add_to_graph,
        )

        agent_tool.additional_properties = d
        return agent_tool

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
