# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentActivityThreadSubAgentTrigger")


@_attrs_define
class AgentActivityThreadSubAgentTrigger:
    """Another agent was set to work."""

    id: str
    """ Identifier of the entry. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    agent_id: str
    """ The agent that was set to work. """
    query: None | str | Unset = UNSET
    """ What it was asked. """
    files: list[str] | None | Unset = UNSET
    """ URLs of the files that it was given. Absent means none. """
    reasoning: Any | Unset = UNSET
    """ Any JSON, usually a ToolCallReasoning or a text. Why it was set to work. """
    plan_task_id: None | str | Unset = UNSET
    """ The step of the plan that the other agent serves. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        agent_id = self.agent_id

        query: None | str | Unset
        if isinstance(self.query, Unset):
            query = UNSET
        else:
            query = self.query

        files: list[str] | None | Unset
        if isinstance(self.files, Unset):
            files = UNSET
        elif isinstance(self.files, list):
            files = self.files

        else:
            files = self.files

        reasoning = self.reasoning

        plan_task_id: None | str | Unset
        if isinstance(self.plan_task_id, Unset):
            plan_task_id = UNSET
        else:
            plan_task_id = self.plan_task_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "created_at": created_at,
                "agent_id": agent_id,
            }
        )
        if query is not UNSET:
            field_dict["query"] = query
        if files is not UNSET:
            field_dict["files"] = files
        if reasoning is not UNSET:
            field_dict["reasoning"] = reasoning
        if plan_task_id is not UNSET:
            field_dict["plan_task_id"] = plan_task_id

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
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

        agent_id = d.pop("agent_id")

        def _parse_query(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        query = _parse_query(d.pop("query", UNSET))

        def _parse_files(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                files_type_0 = cast(list[str], data)

                return files_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        files = _parse_files(d.pop("files", UNSET))

        reasoning = d.pop("reasoning", UNSET)

        def _parse_plan_task_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        plan_task_id = _parse_plan_task_id(d.pop("plan_task_id", UNSET))

        agent_activity_thread_sub_agent_trigger = cls(
            id=id,
            created_at=created_at,
            agent_id=agent_id,
            query=query,
            files=files,
            reasoning=reasoning,
            plan_task_id=plan_task_id,
        )

        agent_activity_thread_sub_agent_trigger.additional_properties = d
        return agent_activity_thread_sub_agent_trigger

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
