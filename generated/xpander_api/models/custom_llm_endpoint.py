# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CustomLLMEndpoint")


@_attrs_define
class CustomLLMEndpoint:
    """Access to a provider of models that the organisation has set up, for one task."""

    provider: str
    """ The provider's name in the path of the platform's proxy. """
    token: str
    """ Secret. The key for the proxy, for this task only. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        provider = self.provider

        token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "provider": provider,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        provider = d.pop("provider")

        token = d.pop("token")

        custom_llm_endpoint = cls(
            provider=provider,
            token=token,
        )

        custom_llm_endpoint.additional_properties = d
        return custom_llm_endpoint

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
