# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AgentInstructions")


@_attrs_define
class AgentInstructions:
    """What an agent is told to be and do."""

    role: list[str] | None | Unset = UNSET
    """ What the agent is, one sentence each. Absent means nothing is said of it. """
    goal: list[str] | None | Unset = UNSET
    """ What it shall reach, one sentence each. Absent means nothing is said of it. """
    general: None | str | Unset = UNSET
    """ What it is for, in one text. """
    dynamic_prompt_enabled: bool | None | Unset = UNSET
    """ Whether a part of the prompt is made anew for each run. Absent means false. """
    dynamic_prompt_code: None | str | Unset = UNSET
    """ The code that makes that part, run by the platform. """
    dynamic_prompt_position: None | str | Unset = UNSET
    """ Where that part stands in the prompt, before or after the rest. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        role: list[str] | None | Unset
        if isinstance(self.role, Unset):
            role = UNSET
        elif isinstance(self.role, list):
            role = self.role

        else:
            role = self.role

        goal: list[str] | None | Unset
        if isinstance(self.goal, Unset):
            goal = UNSET
        elif isinstance(self.goal, list):
            goal = self.goal

        else:
            goal = self.goal

        general: None | str | Unset
        if isinstance(self.general, Unset):
            general = UNSET
        else:
            general = self.general

        dynamic_prompt_enabled: bool | None | Unset
        if isinstance(self.dynamic_prompt_enabled, Unset):
            dynamic_prompt_enabled = UNSET
        else:
            dynamic_prompt_enabled = self.dynamic_prompt_enabled

        dynamic_prompt_code: None | str | Unset
        if isinstance(self.dynamic_prompt_code, Unset):
            dynamic_prompt_code = UNSET
        else:
            dynamic_prompt_code = self.dynamic_prompt_code

        dynamic_prompt_position: None | str | Unset
        if isinstance(self.dynamic_prompt_position, Unset):
            dynamic_prompt_position = UNSET
        else:
            dynamic_prompt_position = self.dynamic_prompt_position

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if role is not UNSET:
            field_dict["role"] = role
        if goal is not UNSET:
            field_dict["goal"] = goal
        if general is not UNSET:
            field_dict["general"] = general
        if dynamic_prompt_enabled is not UNSET:
            field_dict["dynamic_prompt_enabled"] = dynamic_prompt_enabled
        if dynamic_prompt_code is not UNSET:
            field_dict["dynamic_prompt_code"] = dynamic_prompt_code
        if dynamic_prompt_position is not UNSET:
            field_dict["dynamic_prompt_position"] = dynamic_prompt_position

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_role(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                role_type_0 = cast(list[str], data)

                return role_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        role = _parse_role(d.pop("role", UNSET))

        def _parse_goal(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                goal_type_0 = cast(list[str], data)

                return goal_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        goal = _parse_goal(d.pop("goal", UNSET))

        def _parse_general(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        general = _parse_general(d.pop("general", UNSET))

        def _parse_dynamic_prompt_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        dynamic_prompt_enabled = _parse_dynamic_prompt_enabled(d.pop("dynamic_prompt_enabled", UNSET))

        def _parse_dynamic_prompt_code(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        dynamic_prompt_code = _parse_dynamic_prompt_code(d.pop("dynamic_prompt_code", UNSET))

        def _parse_dynamic_prompt_position(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        dynamic_prompt_position = _parse_dynamic_prompt_position(d.pop("dynamic_prompt_position", UNSET))

        agent_instructions = cls(
            role=role,
            goal=goal,
            general=general,
            dynamic_prompt_enabled=dynamic_prompt_enabled,
            dynamic_prompt_code=dynamic_prompt_code,
            dynamic_prompt_position=dynamic_prompt_position,
        )

        agent_instructions.additional_properties = d
        return agent_instructions

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
