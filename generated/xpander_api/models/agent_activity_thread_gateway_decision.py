# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_activity_gateway_action import (
    KnownActivityGatewayAction,
    check_known_activity_gateway_action,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.activity_gateway_execution import ActivityGatewayExecution


T = TypeVar("T", bound="AgentActivityThreadGatewayDecision")


@_attrs_define
class AgentActivityThreadGatewayDecision:
    """What the gateway decided to do with a request."""

    id: str
    """ Identifier of the entry. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    action: KnownActivityGatewayAction | str
    """ What the gateway decided to do. """
    reasoning: Any
    """ Any JSON, usually a text. Why it did. """
    title: None | str | Unset = UNSET
    """ The decision in a few words. """
    description: None | str | Unset = UNSET
    """ The decision in a sentence. """
    agent_id: None | str | Unset = UNSET
    """ The agent that it is about. """
    created_execution_id: None | str | Unset = UNSET
    """ The task that was created, asked, stopped or continued. """
    query: None | str | Unset = UNSET
    """ What a created task is asked. """
    is_async: bool | None | Unset = UNSET
    """ Whether the gateway goes on without waiting for a created task. Absent means false. """
    new_input: None | str | Unset = UNSET
    """ What a task that is asked is told. """
    rejected: None | str | Unset = UNSET
    """ Why the task did not take it. Absent means that it did. """
    executions: list[ActivityGatewayExecution] | None | Unset = UNSET
    """ What the tasks came to whose results were fetched. Absent means none. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        action: str
        if isinstance(self.action, str):
            action = self.action
        else:
            action = self.action

        reasoning = self.reasoning

        title: None | str | Unset
        if isinstance(self.title, Unset):
            title = UNSET
        else:
            title = self.title

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        agent_id: None | str | Unset
        if isinstance(self.agent_id, Unset):
            agent_id = UNSET
        else:
            agent_id = self.agent_id

        created_execution_id: None | str | Unset
        if isinstance(self.created_execution_id, Unset):
            created_execution_id = UNSET
        else:
            created_execution_id = self.created_execution_id

        query: None | str | Unset
        if isinstance(self.query, Unset):
            query = UNSET
        else:
            query = self.query

        is_async: bool | None | Unset
        if isinstance(self.is_async, Unset):
            is_async = UNSET
        else:
            is_async = self.is_async

        new_input: None | str | Unset
        if isinstance(self.new_input, Unset):
            new_input = UNSET
        else:
            new_input = self.new_input

        rejected: None | str | Unset
        if isinstance(self.rejected, Unset):
            rejected = UNSET
        else:
            rejected = self.rejected

        executions: list[dict[str, Any]] | None | Unset
        if isinstance(self.executions, Unset):
            executions = UNSET
        elif isinstance(self.executions, list):
            executions = []
            for executions_type_0_item_data in self.executions:
                executions_type_0_item = executions_type_0_item_data.to_dict()
                executions.append(executions_type_0_item)

        else:
            executions = self.executions

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "action": action,
                "reasoning": reasoning,
            }
        )
        if title is not UNSET:
            field_dict["title"] = title
        if description is not UNSET:
            field_dict["description"] = description
        if agent_id is not UNSET:
            field_dict["agent_id"] = agent_id
        if created_execution_id is not UNSET:
            field_dict["created_execution_id"] = created_execution_id
        if query is not UNSET:
            field_dict["query"] = query
        if is_async is not UNSET:
            field_dict["is_async"] = is_async
        if new_input is not UNSET:
            field_dict["new_input"] = new_input
        if rejected is not UNSET:
            field_dict["rejected"] = rejected
        if executions is not UNSET:
            field_dict["executions"] = executions

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.activity_gateway_execution import ActivityGatewayExecution

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

        def _parse_action(data: object) -> KnownActivityGatewayAction | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_activity_gateway_action_known_activity_gateway_action = (
                    check_known_activity_gateway_action(data)
                )

                return componentsschemas_activity_gateway_action_known_activity_gateway_action
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownActivityGatewayAction | str, data)

        action = _parse_action(d.pop("action"))

        reasoning = d.pop("reasoning")

        def _parse_title(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        title = _parse_title(d.pop("title", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_agent_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        agent_id = _parse_agent_id(d.pop("agent_id", UNSET))

        def _parse_created_execution_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        created_execution_id = _parse_created_execution_id(d.pop("created_execution_id", UNSET))

        def _parse_query(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        query = _parse_query(d.pop("query", UNSET))

        def _parse_is_async(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        is_async = _parse_is_async(d.pop("is_async", UNSET))

        def _parse_new_input(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        new_input = _parse_new_input(d.pop("new_input", UNSET))

        def _parse_rejected(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        rejected = _parse_rejected(d.pop("rejected", UNSET))

        def _parse_executions(data: object) -> list[ActivityGatewayExecution] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                executions_type_0 = []
                _executions_type_0 = data
                for executions_type_0_item_data in _executions_type_0:
                    executions_type_0_item = ActivityGatewayExecution.from_dict(executions_type_0_item_data)

                    executions_type_0.append(executions_type_0_item)

                return executions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[ActivityGatewayExecution] | None | Unset, data)

        executions = _parse_executions(d.pop("executions", UNSET))

        agent_activity_thread_gateway_decision = cls(
            id=id,
            created_at=created_at,
            action=action,
            reasoning=reasoning,
            title=title,
            description=description,
            agent_id=agent_id,
            created_execution_id=created_execution_id,
            query=query,
            is_async=is_async,
            new_input=new_input,
            rejected=rejected,
            executions=executions,
        )

        agent_activity_thread_gateway_decision.additional_properties = d
        return agent_activity_thread_gateway_decision

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
