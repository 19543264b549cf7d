# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="AgnoSettings")


@_attrs_define
class AgnoSettings:
    """How an agent is run by Agno."""

    session_storage: bool | None | Unset = UNSET
    """ Whether conversations are kept. Absent means true. """
    learning: bool | None | Unset = UNSET
    """ Whether the agent keeps what it learns. Absent means false. """
    session_summaries: bool | None | Unset = UNSET
    """ Whether conversations are summed up. Absent means false. """
    num_history_runs: int | None | Unset = UNSET
    """ How many earlier runs of the conversation the model sees. Absent means 50. """
    max_tool_calls_from_history: int | None | Unset = UNSET
    """ How many earlier tool calls it sees. Absent and 0 mean no limit. """
    tool_call_limit: int | None | Unset = UNSET
    """ How many tool calls a run may make. Absent and 0 mean that the client's own limit holds. """
    coordinate_mode: bool | None | Unset = UNSET
    """ Whether a team's leader sums up what its members said. Absent means true. """
    pii_detection_enabled: bool | None | Unset = UNSET
    """ Whether personal data is looked for in the input. Absent means false. """
    pii_detection_mask: bool | None | Unset = UNSET
    """ Whether it is masked rather than refused. Absent means true. """
    prompt_injection_detection_enabled: bool | None | Unset = UNSET
    """ Whether input that tries to steer the agent is refused. Absent means false. """
    openai_moderation_enabled: bool | None | Unset = UNSET
    """ Whether OpenAI's moderation looks at the input. Absent means false. """
    openai_moderation_categories: list[str] | None | Unset = UNSET
    """ The categories that it refuses. Absent means all. """
    reasoning_tools_enabled: bool | None | Unset = UNSET
    """ Whether the agent gets tools to think with. Absent means true. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        session_storage: bool | None | Unset
        if isinstance(self.session_storage, Unset):
            session_storage = UNSET
        else:
            session_storage = self.session_storage

        learning: bool | None | Unset
        if isinstance(self.learning, Unset):
            learning = UNSET
        else:
            learning = self.learning

        session_summaries: bool | None | Unset
        if isinstance(self.session_summaries, Unset):
            session_summaries = UNSET
        else:
            session_summaries = self.session_summaries

        num_history_runs: int | None | Unset
        if isinstance(self.num_history_runs, Unset):
            num_history_runs = UNSET
        else:
            num_history_runs = self.num_history_runs

        max_tool_calls_from_history: int | None | Unset
        if isinstance(self.max_tool_calls_from_history, Unset):
            max_tool_calls_from_history = UNSET
        else:
            max_tool_calls_from_history = self.max_tool_calls_from_history

        tool_call_limit: int | None | Unset
        if isinstance(self.tool_call_limit, Unset):
            tool_call_limit = UNSET
        else:
            tool_call_limit = self.tool_call_limit

        coordinate_mode: bool | None | Unset
        if isinstance(self.coordinate_mode, Unset):
            coordinate_mode = UNSET
        else:
            coordinate_mode = self.coordinate_mode

        pii_detection_enabled: bool | None | Unset
        if isinstance(self.pii_detection_enabled, Unset):
            pii_detection_enabled = UNSET
        else:
            pii_detection_enabled = self.pii_detection_enabled

        pii_detection_mask: bool | None | Unset
        if isinstance(self.pii_detection_mask, Unset):
            pii_detection_mask = UNSET
        else:
            pii_detection_mask = self.pii_detection_mask

        prompt_injection_detection_enabled: bool | None | Unset
        if isinstance(self.prompt_injection_detection_enabled, Unset):
            prompt_injection_detection_enabled = UNSET
        else:
            prompt_injection_detection_enabled = self.prompt_injection_detection_enabled

        openai_moderation_enabled: bool | None | Unset
        if isinstance(self.openai_moderation_enabled, Unset):
            openai_moderation_enabled = UNSET
        else:
            openai_moderation_enabled = self.openai_moderation_enabled

        openai_moderation_categories: list[str] | None | Unset
        if isinstance(self.openai_moderation_categories, Unset):
            openai_moderation_categories = UNSET
        elif isinstance(self.openai_moderation_categories, list):
            openai_moderation_categories = self.openai_moderation_categories

        else:
            openai_moderation_categories = self.openai_moderation_categories

        reasoning_tools_enabled: bool | None | Unset
        if isinstance(self.reasoning_tools_enabled, Unset):
            reasoning_tools_enabled = UNSET
        else:
            reasoning_tools_enabled = self.reasoning_tools_enabled

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if session_storage is not UNSET:
            field_dict["session_storage"] = session_storage
        if learning is not UNSET:
            field_dict["learning"] = learning
        if session_summaries is not UNSET:
            field_dict["session_summaries"] = session_summaries
        if num_history_runs is not UNSET:
            field_dict["num_history_runs"] = num_history_runs
        if max_tool_calls_from_history is not UNSET:
            field_dict["max_tool_calls_from_history"] = max_tool_calls_from_history
        if tool_call_limit is not UNSET:
            field_dict["tool_call_limit"] = tool_call_limit
        if coordinate_mode is not UNSET:
            field_dict["coordinate_mode"] = coordinate_mode
        if pii_detection_enabled is not UNSET:
            field_dict["pii_detection_enabled"] = pii_detection_enabled
        if pii_detection_mask is not UNSET:
            field_dict["pii_detection_mask"] = pii_detection_mask
        if prompt_injection_detection_enabled is not UNSET:
            field_dict["prompt_injection_detection_enabled"] = prompt_injection_detection_enabled
        if openai_moderation_enabled is not UNSET:
            field_dict["openai_moderation_enabled"] = openai_moderation_enabled
        if openai_moderation_categories is not UNSET:
            field_dict["openai_moderation_categories"] = openai_moderation_categories
        if reasoning_tools_enabled is not UNSET:
            field_dict["reasoning_tools_enabled"] = reasoning_tools_enabled

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)

        def _parse_session_storage(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        session_storage = _parse_session_storage(d.pop("session_storage", UNSET))

        def _parse_learning(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        learning = _parse_learning(d.pop("learning", UNSET))

        def _parse_session_summaries(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        session_summaries = _parse_session_summaries(d.pop("session_summaries", UNSET))

        def _parse_num_history_runs(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        num_history_runs = _parse_num_history_runs(d.pop("num_history_runs", UNSET))

        def _parse_max_tool_calls_from_history(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        max_tool_calls_from_history = _parse_max_tool_calls_from_history(d.pop("max_tool_calls_from_history", UNSET))

        def _parse_tool_call_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        tool_call_limit = _parse_tool_call_limit(d.pop("tool_call_limit", UNSET))

        def _parse_coordinate_mode(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        coordinate_mode = _parse_coordinate_mode(d.pop("coordinate_mode", UNSET))

        def _parse_pii_detection_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        pii_detection_enabled = _parse_pii_detection_enabled(d.pop("pii_detection_enabled", UNSET))

        def _parse_pii_detection_mask(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        pii_detection_mask = _parse_pii_detection_mask(d.pop("pii_detection_mask", UNSET))

        def _parse_prompt_injection_detection_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        prompt_injection_detection_enabled = _parse_prompt_injection_detection_enabled(
            d.pop("prompt_injection_detection_enabled", UNSET)
        )

        def _parse_openai_moderation_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        openai_moderation_enabled = _parse_openai_moderation_enabled(d.pop("openai_moderation_enabled", UNSET))

        def _parse_openai_moderation_categories(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                openai_moderation_categories_type_0 = cast(list[str], data)

                return openai_moderation_categories_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        openai_moderation_categories = _parse_openai_moderation_categories(d.pop("openai_moderation_categories", UNSET))

        def _parse_reasoning_tools_enabled(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        reasoning_tools_enabled = _parse_reasoning_tools_enabled(d.pop("reasoning_tools_enabled", UNSET))

        agno_settings = cls(
            session_storage=session_storage,
            learning=learning,
            session_summaries=session_summaries,
            num_history_runs=num_history_runs,
            max_tool_calls_from_history=max_tool_calls_from_history,
            tool_call_limit=tool_call_limit,
            coordinate_mode=coordinate_mode,
            pii_detection_enabled=pii_detection_enabled,
            pii_detection_mask=pii_detection_mask,
            prompt_injection_detection_enabled=prompt_injection_detection_enabled,
            openai_moderation_enabled=openai_moderation_enabled,
            openai_moderation_categories=openai_moderation_categories,
            reasoning_tools_enabled=reasoning_tools_enabled,
        )

        agno_settings.additional_properties = d
        return agno_settings

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
