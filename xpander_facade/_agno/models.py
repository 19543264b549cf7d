"""The model of an agent, as one of Agno's classes; each provider's package is imported in its own branch."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from xpander_facade._agno import providers
from xpander_facade._agno.providers import COMPATIBLE, NO_KEY, PROVIDERS, Provider, host_of
from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from xpander_facade.types._llm_gateway import LLMGatewayRoute  # noqa: TC004 (nobody evaluates the annotations)
    from xpander_facade.types.agents import LLMCredentials  # noqa: TC004

_TIMEOUT = 12 * 60 * 60
"""Seconds that a call of a model may take, as on the platform."""

_MAX_OUTPUT_TOKENS = 32_000
_OPENAI_REASONING = re.compile(r"(?:.*/)?(?:gpt-[56]|o\d)")
_OPENAI_RESPONSES = re.compile(r"gpt-5\.6|gpt-6")
_CLAUDE_VERSION = re.compile(r"claude-[a-z]+-(\d+)(?:[-.](\d{1,2})(?!\d))?")
_CLAUDE_WITHOUT_TEMPERATURE = (4, 7)


@attrs.frozen
class ModelRequest:
    """Which model is wanted, and all that is known of how to reach it.

    Args:
        provider: The provider's name on the platform.
        name: The model.
        effort: How much it reasons: low, medium, high or xhigh.
        api_base: The agent's own URL for it; None means the provider's.
        headers: What goes with each call.
        credentials: The agent's own key.
        gateway: The platform's way, used where there is no key.
        organization_id: Told to the provider as the user, where its API has a field for it.
        variable: Gives a variable of the environment.
        is_cloud: Whether this runs in the platform's own cloud.
    """

    provider: str
    name: str
    effort: str = "medium"
    api_base: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    credentials: LLMCredentials | None = attrs.field(default=None, repr=False)
    gateway: LLMGatewayRoute | None = None
    organization_id: str | None = None
    variable: Callable[[str], str | None] = attrs.field(default=lambda _: None, repr=False)
    is_own_key_first: bool = False


def make_model(wanted: ModelRequest) -> Any:
    """Return a model of Agno's, ready to be called.

    Raises:
        ConfigurationError: The provider is not known, its package is not installed, or there is no key; the text names
            the remedy.
    """
    provider = providers.provider_named(wanted.provider, wanted.api_base)
    if wanted.api_base is not None:
        host_of(wanted.api_base)
    make = _MAKERS.get(provider.name, _openai_like)
    if wanted.gateway is not None and can_use_gateway(wanted):
        return _through_gateway(provider, wanted, wanted.gateway)
    return make(provider, wanted)


def can_use_gateway(wanted: ModelRequest) -> bool:
    """Whether a model can be called through the platform, and there is no key to call it directly."""
    if wanted.api_base is not None:
        return False
    provider = PROVIDERS.get(wanted.provider)
    if provider is None or (provider.name not in {"anthropic", "openai"} and not _is_claude_on_bedrock(wanted)):
        return False
    return _key(provider, wanted) is None


def _is_claude_on_bedrock(wanted: ModelRequest) -> bool:
    return wanted.provider == "amazon_bedrock" and "anthropic." in wanted.name


def _through_gateway(provider: Provider, wanted: ModelRequest, gateway: LLMGatewayRoute) -> Any:
    # The gateway reads this header before any other, so that no key that a library finds can stand in for its own.
    headers = {**wanted.headers, "x-xpander-api-key": gateway.token}
    if provider.name == "openai":
        # A fine-tuned model's name has colons, at which the gateway would take it apart.
        name = f"openai::{wanted.name}" if wanted.name.startswith("ft:") else wanted.name
        wanted = attrs.evolve(wanted, headers=headers, name=name)
        return _openai(provider, wanted, key=gateway.token, base_url=f"{gateway.base_url}/v1")
    wanted = attrs.evolve(wanted, headers=headers)
    return _anthropic(PROVIDERS["anthropic"], wanted, key=gateway.token, base_url=gateway.base_url)


def _openai(provider: Provider, wanted: ModelRequest, *, key: str | None = None, base_url: str | None = None) -> Any:
    # Where the platform calls the responses API as well.
    is_responses = _OPENAI_RESPONSES.match(wanted.name) is not None or (
        _reasons(wanted.name) and wanted.name.startswith("gpt-") and wanted.effort in {"high", "xhigh"}
    )
    return _class(provider, "openai", "OpenAIResponses" if is_responses else "OpenAIChat")(
        **_openai_arguments(provider, wanted, key=key, base_url=base_url)
    )


def _openai_like(provider: Provider, wanted: ModelRequest) -> Any:
    base_url = wanted.api_base or provider.base_url
    if base_url is None:
        raise ConfigurationError(f"the model provider {provider.name!r} needs a base URL: set the agent's llm_api_base")
    return _class(provider, "openai.like", "OpenAILike")(**_openai_arguments(provider, wanted, base_url=base_url))


def _nvidia(provider: Provider, wanted: ModelRequest) -> Any:
    return _class(provider, "nvidia", "Nvidia")(**_openai_arguments(provider, wanted))


def _fireworks(provider: Provider, wanted: ModelRequest) -> Any:
    return _class(provider, "fireworks", "Fireworks")(**_openai_arguments(provider, wanted))


def _nebius(provider: Provider, wanted: ModelRequest) -> Any:
    return _class(provider, "nebius", "Nebius")(**_openai_arguments(provider, wanted))


def _open_router(provider: Provider, wanted: ModelRequest) -> Any:
    arguments = _openai_arguments(provider, wanted)
    return _class(provider, "openrouter", "OpenRouter")(**arguments, max_tokens=_max_output_tokens(wanted))


def _anthropic(provider: Provider, wanted: ModelRequest, *, key: str | None = None, base_url: str | None = None) -> Any:
    # Agno's class finds a token in the environment by itself: the library refuses it beside a key, or would send it to
    # whatever host it is given.
    client: dict[str, Any] = {"auth_token": None}
    base_url = base_url or wanted.api_base
    if base_url is not None:
        client["base_url"] = base_url
    return _class(provider, "anthropic", "Claude")(
        **_common(wanted),
        api_key=key or _required_key(provider, wanted),
        max_tokens=_max_output_tokens(wanted),
        timeout=_TIMEOUT,
        default_headers=dict(wanted.headers) or None,
        client_params=client,
    )


def _google(provider: Provider, wanted: ModelRequest) -> Any:
    # Google's library takes milliseconds.
    http_options: dict[str, Any] = {"timeout": _TIMEOUT * 1000, "headers": dict(wanted.headers)}
    if wanted.api_base is not None:
        http_options["base_url"] = wanted.api_base
    return _class(provider, "google", "Gemini")(
        **_common(wanted),
        api_key=_required_key(provider, wanted),
        client_params={"http_options": http_options},
    )


def _bedrock(provider: Provider, wanted: ModelRequest) -> Any:
    region = wanted.variable("AWS_REGION") or wanted.variable("AWS_DEFAULT_REGION")
    if region is None:
        raise ConfigurationError("the model provider 'amazon_bedrock' needs a region: set AWS_REGION")
    # The AWS library takes AWS_BEARER_TOKEN_BEDROCK, a role or a profile by itself, and signs for its own hosts only.
    return _class(provider, "aws", "AwsBedrock")(
        **_common(wanted), aws_region=region, max_tokens=_max_output_tokens(wanted)
    )


def _azure(provider: Provider, wanted: ModelRequest) -> Any:
    if wanted.api_base is None:
        raise ConfigurationError(
            f"the model provider {provider.name!r} needs an endpoint: set the agent's llm_api_base"
        )
    has_authorization = any(name.lower() == "authorization" for name in wanted.headers)
    key = _key(provider, wanted) or (NO_KEY if has_authorization else None)
    if key is None:
        raise providers.missing_key(provider)
    return _class(provider, "azure", "AzureAIFoundry")(
        **_common(wanted),
        api_key=key,
        azure_endpoint=wanted.api_base,
        timeout=_TIMEOUT,
        client_params={"headers": dict(wanted.headers)} if wanted.headers else None,
    )


_MAKERS: Mapping[str, Callable[[Provider, ModelRequest], Any]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "amazon_bedrock": _bedrock,
    "google_ai_studio": _google,
    "nim": _nvidia,
    "fireworks": _fireworks,
    "nebius": _nebius,
    "open_router": _open_router,
    "azure_ai_foundary": _azure,
    COMPATIBLE: _openai_like,
}


def _common(wanted: ModelRequest) -> dict[str, Any]:
    # As in the platform's own runs.
    common: dict[str, Any] = {"id": wanted.name, "retries": 3, "exponential_backoff": True}
    if not _reasons(wanted.name) and not _is_newest_claude(wanted.name):
        common["temperature"] = 0.0
    return common


def _openai_arguments(
    provider: Provider, wanted: ModelRequest, *, key: str | None = None, base_url: str | None = None
) -> dict[str, Any]:
    arguments = _common(wanted)
    arguments |= {
        "api_key": key or _required_key(provider, wanted),
        "timeout": _TIMEOUT,
        "user": wanted.organization_id,
        "extra_headers": dict(wanted.headers) or None,
    }
    base_url = base_url or wanted.api_base
    if base_url is not None:
        arguments["base_url"] = base_url
    if wanted.effort != "medium" and _reasons(wanted.name):
        arguments["reasoning_effort"] = wanted.effort
    return arguments


def _reasons(name: str) -> bool:
    """Whether a model is of an OpenAI family that takes an effort and refuses a temperature."""
    return _OPENAI_REASONING.match(name) is not None


def _is_newest_claude(name: str) -> bool:
    """Whether a model is of those Claude families that refuse a temperature."""
    match = _CLAUDE_VERSION.search(name)
    return match is not None and (int(match[1]), int(match[2] or 0)) >= _CLAUDE_WITHOUT_TEMPERATURE


def _max_output_tokens(wanted: ModelRequest) -> int:
    given = wanted.variable("XPANDER_LLM_MAX_OUTPUT_TOKENS")
    if given is None:
        return _MAX_OUTPUT_TOKENS
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise ConfigurationError(f"XPANDER_LLM_MAX_OUTPUT_TOKENS must be a whole number, 1 or more, not {given!r}")
    return int(given)


def _key(provider: Provider, wanted: ModelRequest) -> str | None:
    return providers.key_for(
        provider,
        api_base=wanted.api_base,
        credentials=wanted.credentials,
        variable=wanted.variable,
        is_own_key_first=wanted.is_own_key_first,
    )


def _required_key(provider: Provider, wanted: ModelRequest) -> str:
    key = _key(provider, wanted)
    if key is None:
        raise providers.missing_key(provider)
    return key


def _class(provider: Provider, module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"agno.models.{module}"), name)
    except ImportError as error:
        raise ConfigurationError(
            f"the model provider {provider.name!r} needs a package that is not installed ({error}): "
            f"pip install {provider.extra}"
        ) from None
