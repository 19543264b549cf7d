# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="LLMGatewayRoute")


@_attrs_define
class LLMGatewayRoute:
    """A way to models through the platform, for one delivery of a task: the APIs of Anthropic (at `base_url`) and OpenAI
    (at `base_url` and `/v1`), to which the token is the key.

    """

    base_url: str
    """ Where the providers' APIs are called instead. """
    token: str
    """ Secret. The key, also sent as the header `x-xpander-api-key`. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        base_url = self.base_url

        token = self.token

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "base_url": base_url,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = dict(src_dict)
        base_url = d.pop("base_url")

        token = d.pop("token")

        llm_gateway_route = cls(
            base_url=base_url,
            token=token,
        )

        llm_gateway_route.additional_properties = d
        return llm_gateway_route

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
