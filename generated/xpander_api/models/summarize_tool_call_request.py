# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_summarizer_preset import (
    KnownSummarizerPreset,
    check_known_summarizer_preset,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.summarize_tool_call_payload import SummarizeToolCallPayload


T = TypeVar("T", bound="SummarizeToolCallRequest")


@_attrs_define
class SummarizeToolCallRequest:
    """A tool call to summarise."""

    preset: KnownSummarizerPreset | str
    """ What kind of text is wanted. Other presets than this one are not known. """
    payload: SummarizeToolCallPayload
    """ A tool call and its answer. """
    use_cache: bool | None | Unset = UNSET
    """ Whether an earlier summary of the same call will do. Absent means true. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        preset: str
        if isinstance(self.preset, str):
            preset = self.preset
        else:
            preset = self.preset

        payload = self.payload.to_dict()

        use_cache: bool | None | Unset
        if isinstance(self.use_cache, Unset):
            use_cache = UNSET
        else:
            use_cache = self.use_cache

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "preset": preset,
                "payload": payload,
            }
        )
        if use_cache is not UNSET:
            field_dict["use_cache"] = use_cache

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.summarize_tool_call_payload import SummarizeToolCallPayload

        d = dict(src_dict)

        def _parse_preset(data: object) -> KnownSummarizerPreset | str:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_summarizer_preset_known_summarizer_preset = check_known_summarizer_preset(data)

                return componentsschemas_summarizer_preset_known_summarizer_preset
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownSummarizerPreset | str, data)

        preset = _parse_preset(d.pop("preset"))

        payload = SummarizeToolCallPayload.from_dict(d.pop("payload"))

        def _parse_use_cache(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        use_cache = _parse_use_cache(d.pop("use_cache", UNSET))

        summarize_tool_call_request = cls(
            preset=preset,
            payload=payload,
            use_cache=use_cache,
        )

        summarize_tool_call_request.additional_properties = d
        return summarize_tool_call_request

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
