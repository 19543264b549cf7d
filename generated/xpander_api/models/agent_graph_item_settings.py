# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_graph_item_schemas import AgentGraphItemSchemas
    from ..models.mcp_server_details import MCPServerDetails


T = TypeVar("T", bound="AgentGraphItemSettings")


@_attrs_define
class AgentGraphItemSettings:
    """How a node of a graph is set up."""

    schemas: AgentGraphItemSchemas | None | Unset = UNSET
    """ What is set over the schemas of the node's tool. """
    mcp_settings: MCPServerDetails | None | Unset = UNSET
    """ The MCP server that a node of type `mcp` stands for. """
    hitl_options: Any | Unset = UNSET
    """ Any JSON, usually an object. Whom the node asks before it acts. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.agent_graph_item_schemas import AgentGraphItemSchemas
        from ..models.mcp_server_details import MCPServerDetails

        schemas: dict[str, Any] | None | Unset
        if isinstance(self.schemas, Unset):
            schemas = UNSET
        elif isinstance(self.schemas, AgentGraphItemSchemas):
            schemas = self.schemas.to_dict()
        else:
            schemas = self.schemas

        mcp_settings: dict[str, Any] | None | Unset
        if isinstance(self.mcp_settings, Unset):
            mcp_settings = UNSET
        elif isinstance(self.mcp_settings, MCPServerDetails):
            mcp_settings = self.mcp_settings.to_dict()
        else:
            mcp_settings = self.mcp_settings

        hitl_options = self.hitl_options

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if schemas is not UNSET:
            field_dict["schemas"] = schemas
        if mcp_settings is not UNSET:
            field_dict["mcp_settings"] = mcp_settings
        if hitl_options is not UNSET:
            field_dict["hitl_options"] = hitl_options

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_graph_item_schemas import AgentGraphItemSchemas
        from ..models.mcp_server_details import MCPServerDetails

        d = dict(src_dict)

        def _parse_schemas(data: object) -> AgentGraphItemSchemas | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                schemas_type_0 = AgentGraphItemSchemas.from_dict(data)

                return schemas_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AgentGraphItemSchemas | None | Unset, data)

        schemas = _parse_schemas(d.pop("schemas", UNSET))

        def _parse_mcp_settings(data: object) -> MCPServerDetails | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                mcp_settings_type_0 = MCPServerDetails.from_dict(data)

                return mcp_settings_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MCPServerDetails | None | Unset, data)

        mcp_settings = _parse_mcp_settings(d.pop("mcp_settings", UNSET))

        hitl_options = d.pop("hitl_options", UNSET)

        agent_graph_item_settings = cls(
            schemas=schemas,
            mcp_settings=mcp_settings,
            hitl_options=hitl_options,
        )

        agent_graph_item_settings.additional_properties = d
        return agent_graph_item_settings

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
