# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_agent_deployment_type import (
    KnownAgentDeploymentType,
    check_known_agent_deployment_type,
)
from ..models.known_llm_reasoning_effort import (
    KnownLLMReasoningEffort,
    check_known_llm_reasoning_effort,
)
from ..models.known_output_format import KnownOutputFormat, check_known_output_format
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.agent_graph_item import AgentGraphItem
    from ..models.agent_instructions import AgentInstructions
    from ..models.agent_knowledge_base import AgentKnowledgeBase
    from ..models.agent_tool import AgentTool
    from ..models.agno_settings import AgnoSettings
    from ..models.json_object import JsonObject
    from ..models.llm_credentials import LlmCredentials


T = TypeVar("T", bound="Agent")


@_attrs_define
class Agent:
    """An agent. Assumption: `id`, `organization_id` and `name` are always there."""

    id: str
    """ Identifier of the agent. """
    organization_id: str
    """ The organisation that owns the agent. """
    name: str
    """ Name of the agent. """
    unique_name: None | str | Unset = UNSET
    """ A name that no other agent of the organisation has. """
    description: None | str | Unset = UNSET
    """ What the agent is for. """
    access_scope: None | str | Unset = UNSET
    """ Who may use the agent, such as `personal`, `organizational` or `project`. """
    created_by: None | str | Unset = UNSET
    """ Who made the agent. """
    status: None | str | Unset = UNSET
    """ Whether the agent is in use, such as `ACTIVE`. """
    version: int | None | Unset = UNSET
    """ The version of the agent that this is. """
    framework: None | str | Unset = UNSET
    """ The framework that runs the agent, such as `agno`. """
    model_provider: None | str | Unset = UNSET
    """ The provider of the model. """
    model_name: None | str | Unset = UNSET
    """ The model. """
    llm_reasoning_effort: KnownLLMReasoningEffort | None | str | Unset = UNSET
    """ How much the model reasons. Absent means `medium`. """
    llm_api_base: None | str | Unset = UNSET
    """ Base URL of the model's API, where it is not the provider's own. """
    llm_extra_headers: JsonObject | None | Unset = UNSET
    """ Headers for each call of the model; can hold secrets. Absent means none. """
    llm_credentials: LlmCredentials | None | Unset = UNSET
    """ Secret. The agent's own key for its model. """
    instructions: AgentInstructions | None | Unset = UNSET
    """ What the agent is told to be and do. """
    graph: list[AgentGraphItem] | None | Unset = UNSET
    """ The nodes of the execution graph: what the agent is put together from, and what follows what. Absent means
    none. """
    tools: list[AgentTool] | None | Unset = UNSET
    """ The tools that the agent has. Absent means none. """
    knowledge_bases: list[AgentKnowledgeBase] | None | Unset = UNSET
    """ The knowledge bases that the agent reads. Absent means none. """
    use_oidc_pre_auth_token_for_llm: bool | None | Unset = UNSET
    """ Whether the model is called with the token of the task's user instead of a key. Absent means false. """
    oidc_pre_auth_token_llm_audience: None | str | Unset = UNSET
    """ Which of the tokens in `user_tokens.oidc_tokens` of the task that is. """
    agno_settings: AgnoSettings | None | Unset = UNSET
    """ How the agent is run by Agno. """
    deployment_type: KnownAgentDeploymentType | None | str | Unset = UNSET
    """ How the agent is run. """
    output_format: KnownOutputFormat | None | str | Unset = UNSET
    """ The form of the agent's results. """
    output_schema: JsonObject | None | Unset = UNSET
    """ A JSON Schema that its results meet. """
    expected_output: None | str | Unset = UNSET
    """ A description of the output that is wanted. """
    deep_planning: bool | None | Unset = UNSET
    """ Whether the agent plans. Absent means false. """
    enforce_deep_planning: bool | None | Unset = UNSET
    """ Whether its tasks may end only when every step of the plan is done. Absent means false. """
    created_at: datetime.datetime | None | str | Unset = UNSET
    """ When the agent came into being. """
    icon: None | str | Unset = UNSET
    """ An icon, as a name, a character or a URL. """
    type_: None | str | Unset = UNSET
    """ What kind of agent it is. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.agent_instructions import AgentInstructions
        from ..models.agno_settings import AgnoSettings
        from ..models.json_object import JsonObject
        from ..models.llm_credentials import LlmCredentials

        id = self.id

        organization_id = self.organization_id

        name = self.name

        unique_name: None | str | Unset
        if isinstance(self.unique_name, Unset):
            unique_name = UNSET
        else:
            unique_name = self.unique_name

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        access_scope: None | str | Unset
        if isinstance(self.access_scope, Unset):
            access_scope = UNSET
        else:
            access_scope = self.access_scope

        created_by: None | str | Unset
        if isinstance(self.created_by, Unset):
            created_by = UNSET
        else:
            created_by = self.created_by

        status: None | str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        else:
            status = self.status

        version: int | None | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        framework: None | str | Unset
        if isinstance(self.framework, Unset):
            framework = UNSET
        else:
            framework = self.framework

        model_provider: None | str | Unset
        if isinstance(self.model_provider, Unset):
            model_provider = UNSET
        else:
            model_provider = self.model_provider

        model_name: None | str | Unset
        if isinstance(self.model_name, Unset):
            model_name = UNSET
        else:
            model_name = self.model_name

        llm_reasoning_effort: None | str | Unset
        if isinstance(self.llm_reasoning_effort, Unset):
            llm_reasoning_effort = UNSET
        elif isinstance(self.llm_reasoning_effort, str):
            llm_reasoning_effort = self.llm_reasoning_effort
        else:
            llm_reasoning_effort = self.llm_reasoning_effort

        llm_api_base: None | str | Unset
        if isinstance(self.llm_api_base, Unset):
            llm_api_base = UNSET
        else:
            llm_api_base = self.llm_api_base

        llm_extra_headers: dict[str, Any] | None | Unset
        if isinstance(self.llm_extra_headers, Unset):
            llm_extra_headers = UNSET
        elif isinstance(self.llm_extra_headers, JsonObject):
            llm_extra_headers = self.llm_extra_headers.to_dict()
        else:
            llm_extra_headers = self.llm_extra_headers

        llm_credentials: dict[str, Any] | None | Unset
        if isinstance(self.llm_credentials, Unset):
            llm_credentials = UNSET
        elif isinstance(self.llm_credentials, LlmCredentials):
            llm_credentials = self.llm_credentials.to_dict()
        else:
            llm_credentials = self.llm_credentials

        instructions: dict[str, Any] | None | Unset
        if isinstance(self.instructions, Unset):
            instructions = UNSET
        elif isinstance(self.instructions, AgentInstructions):
            instructions = self.instructions.to_dict()
        else:
            instructions = self.instructions

        graph: list[dict[str, Any]] | None | Unset
        if isinstance(self.graph, Unset):
            graph = UNSET
        elif isinstance(self.graph, list):
            graph = []
            for graph_type_0_item_data in self.graph:
                graph_type_0_item = graph_type_0_item_data.to_dict()
                graph.append(graph_type_0_item)

        else:
            graph = self.graph

        tools: list[dict[str, Any]] | None | Unset
        if isinstance(self.tools, Unset):
            tools = UNSET
        elif isinstance(self.tools, list):
            tools = []
            for tools_type_0_item_data in self.tools:
                tools_type_0_item = tools_type_0_item_data.to_dict()
                tools.append(tools_type_0_item)

        else:
            tools = self.tools

        knowledge_bases: list[dict[str, Any]] | None | Unset
        if isinstance(self.knowledge_bases, Unset):
            knowledge_bases = UNSET
        elif isinstance(self.knowledge_bases, list):
            knowledge_bases = []
            for knowledge_bases_type_0_item_data in self.knowledge_bases:
                knowledge_bases_type_0_item = knowledge_bases_type_0_item_data.to_dict()
                knowledge_bases.append(knowledge_bases_type_0_item)

        else:
            knowledge_bases = self.knowledge_bases

        use_oidc_pre_auth_token_for_llm: bool | None | Unset
        if isinstance(self.use_oidc_pre_auth_token_for_llm, Unset):
            use_oidc_pre_auth_token_for_llm = UNSET
        else:
            use_oidc_pre_auth_token_for_llm = self.use_oidc_pre_auth_token_for_llm

        oidc_pre_auth_token_llm_audience: None | str | Unset
        if isinstance(self.oidc_pre_auth_token_llm_audience, Unset):
            oidc_pre_auth_token_llm_audience = UNSET
        else:
            oidc_pre_auth_token_llm_audience = self.oidc_pre_auth_token_llm_audience

        agno_settings: dict[str, Any] | None | Unset
        if isinstance(self.agno_settings, Unset):
            agno_settings = UNSET
        elif isinstance(self.agno_settings, AgnoSettings):
            agno_settings = self.agno_settings.to_dict()
        else:
            agno_settings = self.agno_settings

        deployment_type: None | str | Unset
        if isinstance(self.deployment_type, Unset):
            deployment_type = UNSET
        elif isinstance(self.deployment_type, str):
            deployment_type = self.deployment_type
        else:
            deployment_type = self.deployment_type

        output_format: None | str | Unset
        if isinstance(self.output_format, Unset):
            output_format = UNSET
        elif isinstance(self.output_format, str):
            output_format = self.output_format
        else:
            output_format = self.output_format

        output_schema: dict[str, Any] | None | Unset
        if isinstance(self.output_schema, Unset):
            output_schema = UNSET
        elif isinstance(self.output_schema, JsonObject):
            output_schema = self.output_schema.to_dict()
        else:
            output_schema = self.output_schema

        expected_output: None | str | Unset
        if isinstance(self.expected_output, Unset):
            expected_output = UNSET
        else:
            expected_output = self.expected_output

        deep_planning: bool | None | Unset
        if isinstance(self.deep_planning, Unset):
            deep_planning = UNSET
        else:
            deep_planning = self.deep_planning

        enforce_deep_planning: bool | None | Unset
        if isinstance(self.enforce_deep_planning, Unset):
            enforce_deep_planning = UNSET
        else:
            enforce_deep_planning = self.enforce_deep_planning

        created_at: None | str | Unset
        if isinstance(self.created_at, Unset):
            created_at = UNSET
        elif isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        icon: None | str | Unset
        if isinstance(self.icon, Unset):
            icon = UNSET
        else:
            icon = self.icon

        type_: None | str | Unset
        if isinstance(self.type_, Unset):
            type_ = UNSET
        else:
            type_ = self.type_

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "organization_id": organization_id,
                "name": name,
            }
        )
        if unique_name is not UNSET:
            field_dict["unique_name"] = unique_name
        if description is not UNSET:
            field_dict["description"] = description
        if access_scope is not UNSET:
            field_dict["access_scope"] = access_scope
        if created_by is not UNSET:
            field_dict["created_by"] = created_by
        if status is not UNSET:
            field_dict["status"] = status
        if version is not UNSET:
            field_dict["version"] = version
        if framework is not UNSET:
            field_dict["framework"] = framework
        if model_provider is not UNSET:
            field_dict["model_provider"] = model_provider
        if model_name is not UNSET:
            field_dict["model_name"] = model_name
        if llm_reasoning_effort is not UNSET:
            field_dict["llm_reasoning_effort"] = llm_reasoning_effort
        if llm_api_base is not UNSET:
            field_dict["llm_api_base"] = llm_api_base
        if llm_extra_headers is not UNSET:
            field_dict["llm_extra_headers"] = llm_extra_headers
        if llm_credentials is not UNSET:
            field_dict["llm_credentials"] = llm_credentials
        if instructions is not UNSET:
            field_dict["instructions"] = instructions
        if graph is not UNSET:
            field_dict["graph"] = graph
        if tools is not UNSET:
            field_dict["tools"] = tools
        if knowledge_bases is not UNSET:
            field_dict["knowledge_bases"] = knowledge_bases
        if use_oidc_pre_auth_token_for_llm is not UNSET:
            field_dict["use_oidc_pre_auth_token_for_llm"] = use_oidc_pre_auth_token_for_llm
        if oidc_pre_auth_token_llm_audience is not UNSET:
            field_dict["oidc_pre_auth_token_llm_audience"] = oidc_pre_auth_token_llm_audience
        if agno_settings is not UNSET:
            field_dict["agno_settings"] = agno_settings
        if deployment_type is not UNSET:
            field_dict["deployment_type"] = deployment_type
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if output_schema is not UNSET:
            field_dict["output_schema"] = output_schema
        if expected_output is not UNSET:
            field_dict["expected_output"] = expected_output
        if deep_planning is not UNSET:
            field_dict["deep_planning"] = deep_planning
        if enforce_deep_planning is not UNSET:
            field_dict["enforce_deep_planning"] = enforce_deep_planning
        if created_at is not UNSET:
            field_dict["created_at"] = created_at
        if icon is not UNSET:
            field_dict["icon"] = icon
        if type_ is not UNSET:
            field_dict["type"] = type_

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.agent_graph_item import AgentGraphItem
        from ..models.agent_instructions import AgentInstructions
        from ..models.agent_knowledge_base import AgentKnowledgeBase
        from ..models.agent_tool import AgentTool
        from ..models.agno_settings import AgnoSettings
        from ..models.json_object import JsonObject
        from ..models.llm_credentials import LlmCredentials

        d = dict(src_dict)
        id = d.pop("id")

        organization_id = d.pop("organization_id")

        name = d.pop("name")

        def _parse_unique_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        unique_name = _parse_unique_name(d.pop("unique_name", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_access_scope(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        access_scope = _parse_access_scope(d.pop("access_scope", UNSET))

        def _parse_created_by(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        created_by = _parse_created_by(d.pop("created_by", UNSET))

        def _parse_status(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))

        def _parse_framework(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        framework = _parse_framework(d.pop("framework", UNSET))

        def _parse_model_provider(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model_provider = _parse_model_provider(d.pop("model_provider", UNSET))

        def _parse_model_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        model_name = _parse_model_name(d.pop("model_name", UNSET))

        def _parse_llm_reasoning_effort(data: object) -> KnownLLMReasoningEffort | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_llm_reasoning_effort_known_llm_reasoning_effort = check_known_llm_reasoning_effort(
                    data
                )

                return componentsschemas_llm_reasoning_effort_known_llm_reasoning_effort
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownLLMReasoningEffort | None | str | Unset, data)

        llm_reasoning_effort = _parse_llm_reasoning_effort(d.pop("llm_reasoning_effort", UNSET))

        def _parse_llm_api_base(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        llm_api_base = _parse_llm_api_base(d.pop("llm_api_base", UNSET))

        def _parse_llm_extra_headers(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                llm_extra_headers_type_0 = JsonObject.from_dict(data)

                return llm_extra_headers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        llm_extra_headers = _parse_llm_extra_headers(d.pop("llm_extra_headers", UNSET))

        def _parse_llm_credentials(data: object) -> LlmCredentials | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                llm_credentials_type_0 = LlmCredentials.from_dict(data)

                return llm_credentials_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(LlmCredentials | None | Unset, data)

        llm_credentials = _parse_llm_credentials(d.pop("llm_credentials", UNSET))

        def _parse_instructions(data: object) -> AgentInstructions | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                instructions_type_0 = AgentInstructions.from_dict(data)

                return instructions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AgentInstructions | None | Unset, data)

        instructions = _parse_instructions(d.pop("instructions", UNSET))

        def _parse_graph(data: object) -> list[AgentGraphItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                graph_type_0 = []
                _graph_type_0 = data
                for graph_type_0_item_data in _graph_type_0:
                    graph_type_0_item = AgentGraphItem.from_dict(graph_type_0_item_data)

                    graph_type_0.append(graph_type_0_item)

                return graph_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[AgentGraphItem] | None | Unset, data)

        graph = _parse_graph(d.pop("graph", UNSET))

        def _parse_tools(data: object) -> list[AgentTool] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                tools_type_0 = []
                _tools_type_0 = data
                for tools_type_0_item_data in _tools_type_0:
                    tools_type_0_item = AgentTool.from_dict(tools_type_0_item_data)

                    tools_type_0.append(tools_type_0_item)

                return tools_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[AgentTool] | None | Unset, data)

        tools = _parse_tools(d.pop("tools", UNSET))

        def _parse_knowledge_bases(data: object) -> list[AgentKnowledgeBase] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                knowledge_bases_type_0 = []
                _knowledge_bases_type_0 = data
                for knowledge_bases_type_0_item_data in _knowledge_bases_type_0:
                    knowledge_bases_type_0_item = AgentKnowledgeBase.from_dict(knowledge_bases_type_0_item_data)

                    knowledge_bases_type_0.append(knowledge_bases_type_0_item)

                return knowledge_bases_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[AgentKnowledgeBase] | None | Unset, data)

        knowledge_bases = _parse_knowledge_bases(d.pop("knowledge_bases", UNSET))

        def _parse_use_oidc_pre_auth_token_for_llm(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        use_oidc_pre_auth_token_for_llm = _parse_use_oidc_pre_auth_token_for_llm(
            d.pop("use_oidc_pre_auth_token_for_llm", UNSET)
        )

        def _parse_oidc_pre_auth_token_llm_audience(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        oidc_pre_auth_token_llm_audience = _parse_oidc_pre_auth_token_llm_audience(
            d.pop("oidc_pre_auth_token_llm_audience", UNSET)
        )

        def _parse_agno_settings(data: object) -> AgnoSettings | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                agno_settings_type_0 = AgnoSettings.from_dict(data)

                return agno_settings_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AgnoSettings | None | Unset, data)

        agno_settings = _parse_agno_settings(d.pop("agno_settings", UNSET))

        def _parse_deployment_type(data: object) -> KnownAgentDeploymentType | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_agent_deployment_type_known_agent_deployment_type = check_known_agent_deployment_type(
                    data
                )

                return componentsschemas_agent_deployment_type_known_agent_deployment_type
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownAgentDeploymentType | None | str | Unset, data)

        deployment_type = _parse_deployment_type(d.pop("deployment_type", UNSET))

        def _parse_output_format(data: object) -> KnownOutputFormat | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_output_format_known_output_format = check_known_output_format(data)

                return componentsschemas_output_format_known_output_format
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownOutputFormat | None | str | Unset, data)

        output_format = _parse_output_format(d.pop("output_format", UNSET))

        def _parse_output_schema(data: object) -> JsonObject | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                output_schema_type_0 = JsonObject.from_dict(data)

                return output_schema_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(JsonObject | None | Unset, data)

        output_schema = _parse_output_schema(d.pop("output_schema", UNSET))

        def _parse_expected_output(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        expected_output = _parse_expected_output(d.pop("expected_output", UNSET))

        def _parse_deep_planning(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        deep_planning = _parse_deep_planning(d.pop("deep_planning", UNSET))

        def _parse_enforce_deep_planning(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        enforce_deep_planning = _parse_enforce_deep_planning(d.pop("enforce_deep_planning", UNSET))

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

        def _parse_icon(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        icon = _parse_icon(d.pop("icon", UNSET))

        def _parse_type_(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        type_ = _parse_type_(d.pop("type", UNSET))

        agent = cls(
            id=id,
            organization_id=organization_id,
            name=name,
            unique_name=unique_name,
            description=description,
            access_scope=access_scope,
            created_by=created_by,
            status=status,
            version=version,
            framework=framework,
            model_provider=model_provider,
            model_name=model_name,
            llm_reasoning_effort=llm_reasoning_effort,
            llm_api_base=llm_api_base,
            llm_extra_headers=llm_extra_headers,
            llm_credentials=llm_credentials,
            instructions=instructions,
            graph=graph,
            tools=tools,
            knowledge_bases=knowledge_bases,
            use_oidc_pre_auth_token_for_llm=use_oidc_pre_auth_token_for_llm,
            oidc_pre_auth_token_llm_audience=oidc_pre_auth_token_llm_audience,
            agno_settings=agno_settings,
            deployment_type=deployment_type,
            output_format=output_format,
            output_schema=output_schema,
            expected_output=expected_output,
            deep_planning=deep_planning,
            enforce_deep_planning=enforce_deep_planning,
            created_at=created_at,
            icon=icon,
            type_=type_,
        )

        agent.additional_properties = d
        return agent

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
