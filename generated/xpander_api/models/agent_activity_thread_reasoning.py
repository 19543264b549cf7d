# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_activity_reasoning_type import (
    KnownActivityReasoningType,
    check_known_activity_reasoning_type,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentActivityThreadReasoning")


@_attrs_define
class AgentActivityThreadReasoning:
    """A thought of the agent."""

    id: str
    """ Identifier of the entry. """
    created_at: datetime.datetime | str
    """ A moment in ISO 8601, with `Z` or an offset, with or without a fraction of a second. Without an offset it
    means UTC. """
    type_: KnownActivityReasoningType | str
    """ Whether the agent thinks ahead or looks back. """
    title: None | str | Unset = UNSET
    """ The thought in a few words. """
    confidence: float | None | Unset = UNSET
    """ How sure the agent was, from 0 to 1. """
    thought: None | str | Unset = UNSET
    """ The thought. """
    action: None | str | Unset = UNSET
    """ What the agent meant to do next. """
    result: None | str | Unset = UNSET
    """ What came of it. """
    analysis: None | str | Unset = UNSET
    """ What the agent made of that. """
    plan_task_id: None | str | Unset = UNSET
    """ The step of the plan that the thought serves. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        created_at: str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        type_: str
        if isinstance(self.type_, str):
            type_ = self.type_
        else:
            type_ = self.type_

        title: None | str | Unset
        if isinstance(self.title, Unset):
            title = UNSET
        else:
            title = self.title

        confidence: float | None | Unset
        if isinstance(self.confidence, Unset):
            confidence = UNSET
        else:
            confidence = self.confidence

        thought: None | str | Unset
        if isinstance(self.thought, Unset):
            thought = UNSET
        else:
            thought = self.thought

        action: None | str | Unset
        if isinstance(self.action, Unset):
            action = UNSET
        else:
            action = self.action

        result: None | str | Unset
        if isinstance(self.result, Unset):
            result = UNSET
        else:
            result = self.result

        analysis: None | str | Unset
        if isinstance(self.analysis, Unset):
            analysis = UNSET
        else:
            analysis = self.analysis

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
                "type": type_,
            }
        )
        if title is not UNSET:
            field_dict["title"] = title
        if confidence is not UNSET:
            field_dict["confidence"] = confidence
        if thought is not UNSET:
            field_dict["thought"] = thought
        if action is not UNSET:
            field_dict["action"] = action
        if result is not UNSET:
            field_dict["result"] = result
        if analysis is not UNSET:
            field_dict["analysis"] = analysis
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

        def _parse_type_(data: object) -> KnownActivityReasoningType | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_activity_reasoning_type_known_activity_reasoning_type = (
                    check_known_activity_reasoning_type(data)
                )

                return componentsschemas_activity_reasoning_type_known_activity_reasoning_type
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownActivityReasoningType | str, data)

        type_ = _parse_type_(d.pop("type"))

        def _parse_title(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        title = _parse_title(d.pop("title", UNSET))

        def _parse_confidence(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        confidence = _parse_confidence(d.pop("confidence", UNSET))

        def _parse_thought(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        thought = _parse_thought(d.pop("thought", UNSET))

        def _parse_action(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        action = _parse_action(d.pop("action", UNSET))

        def _parse_result(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        result = _parse_result(d.pop("result", UNSET))

        def _parse_analysis(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        analysis = _parse_analysis(d.pop("analysis", UNSET))

        def _parse_plan_task_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        plan_task_id = _parse_plan_task_id(d.pop("plan_task_id", UNSET))

        agent_activity_thread_reasoning = cls(
            id=id,
            created_at=created_at,
            type_=type_,
            title=title,
            confidence=confidence,
            thought=thought,
            action=action,
            result=result,
            analysis=analysis,
            plan_task_id=plan_task_id,
        )

        agent_activity_thread_reasoning.additional_properties = d
        return agent_activity_thread_reasoning

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
