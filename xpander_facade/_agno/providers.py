"""Providers of models: which variables hold their keys, which hosts are theirs, and which key goes where. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from xpander_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xpander_facade.types.agents import LLMCredentials

NO_KEY = "EMPTY"
"""Sent as the key where a server wants none, so that no library falls back to a key of its own finding."""


@attrs.frozen
class Provider:
    """What is known of a provider.

    Args:
        name: Its name on the platform.
        extra: What installs its package, as an argument of pip.
        variables: The variables that hold its key, the first that is set counts.
        hosts: Its own hosts; a key of its variables goes nowhere else. A leading dot means all hosts below.
        base_url: Where its API is, where its class in Agno does not know.
    """

    name: str
    extra: str
    variables: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    base_url: str | None = None


def _openai_like(name: str, base_url: str | None = None, host: str | None = None) -> Provider:
    hosts = (host,) if host else (urlsplit(base_url or "").hostname or "",)
    return Provider(name, "openai", (f"{name.upper()}_API_KEY",), hosts, base_url)


_AZURE = (".azure.com", ".azure.us", ".azure.cn")

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("openai", "openai", ("AGENTS_OPENAI_API_KEY", "OPENAI_API_KEY"), ("api.openai.com",)),
        Provider("anthropic", "anthropic", ("ANTHROPIC_API_KEY",), ("api.anthropic.com",)),
        Provider("amazon_bedrock", "boto3 aioboto3", ("AWS_BEARER_TOKEN_BEDROCK",), (".amazonaws.com",)),
        Provider("google_ai_studio", "google-genai", ("GOOGLE_API_KEY",), ("generativelanguage.googleapis.com",)),
        Provider("nim", "openai", ("NVIDIA_API_KEY",), ("integrate.api.nvidia.com",)),
        Provider("fireworks", "openai", ("FIREWORKS_API_KEY",), ("api.fireworks.ai",)),
        Provider("nebius", "openai", ("NEBIUS_API_KEY",), ("api.tokenfactory.nebius.com", "api.studio.nebius.com")),
        Provider("open_router", "openai", ("OPENROUTER_API_KEY",), ("openrouter.ai",)),
        # The platform's own spelling.
        Provider("azure_ai_foundary", "azure-ai-inference aiohttp", ("AZURE_API_KEY",), _AZURE),
        _openai_like("bytedance", "https://ark.ap-southeast.bytepluses.com/api/v3"),
        _openai_like("tzafon_lightcone", "https://api.tzafon.ai/v1"),
        _openai_like("cerebras", "https://api.cerebras.ai/v1"),
        _openai_like("z_ai", "https://api.z.ai/api/paas/v4"),
        _openai_like("helicone", "https://ai-gateway.helicone.ai/v1"),
        _openai_like("cloudflare_ai_gw", host="gateway.ai.cloudflare.com"),
    )
}

COMPATIBLE = "openai_compatible"
_COMPATIBLE_VARIABLE = "OPENAI_COMPATIBLE_API_KEY"


def provider_named(name: str, api_base: str | None) -> Provider:
    """Return a provider; one that is not known is taken as compatible with OpenAI where its URL is given.

    Raises:
        ConfigurationError: It is not known, and has no URL; or it needs one.
    """
    if name in PROVIDERS:
        return PROVIDERS[name]
    if api_base is None:
        if name == COMPATIBLE:
            raise ConfigurationError(f"the model provider {name!r} needs a base URL: set the agent's llm_api_base")
        known = ", ".join(sorted((*PROVIDERS, COMPATIBLE)))
        raise ConfigurationError(
            f"unknown model provider {name!r}: pass override={{'model': ...}} with a model of Agno's, or give "
            f"the agent an llm_api_base that is compatible with OpenAI. Known are {known}"
        )
    # Whoever sets this variable means it for the server that the agent names.
    return Provider(name, "openai", (_COMPATIBLE_VARIABLE,), (host_of(api_base),))


def key_for(
    provider: Provider,
    *,
    api_base: str | None,
    credentials: LLMCredentials | None,
    variable: Callable[[str], str | None],
    is_own_key_first: bool,
) -> str | None:
    """Return the key that goes to a provider, or None where there is none.

    A key of the environment is the provider's, and goes to the provider's own hosts only; elsewhere the agent's own
    credential goes, which belongs to the agent's URL, or `NO_KEY`.

    Args:
        provider: Whose model it is.
        api_base: The agent's URL; None means the provider's own.
        credentials: The agent's own key.
        variable: Gives a variable of the environment.
        is_own_key_first: Whether the agent's own key goes before one of the environment, as in the platform's cloud.
    """
    own = (credentials.value or "").strip() or None if credentials is not None else None
    # Whoever may edit the agent chooses its URL: a key out of this environment goes to the provider's own hosts
    # alone.
    if api_base is not None and not is_own_host(provider, api_base):
        return own or NO_KEY
    found = next((value for name in provider.variables if (value := variable(name))), None)
    key = (own or found) if is_own_key_first else (found or own)
    if key is None and _COMPATIBLE_VARIABLE in provider.variables:
        return NO_KEY
    return key


def is_own_host(provider: Provider, url: str) -> bool:
    """Whether a URL leads to one of a provider's own hosts, over TLS where it is not this machine."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" and _COMPATIBLE_VARIABLE not in provider.variables:
        return False
    return any(host.endswith(known) if known.startswith(".") else host == known for known in provider.hosts)


def host_of(url: str) -> str:
    """Return the host of a URL in small letters.

    Raises:
        ConfigurationError: It is not a URL of HTTP.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError("the agent's llm_api_base must look like https://host[:port][/path]")
    return host.lower()


def missing_key(provider: Provider) -> ConfigurationError:
    """Return the error that says how a provider gets its key."""
    return ConfigurationError(
        f"no key for the model provider {provider.name!r}: set {' or '.join(provider.variables)}, give the agent "
        "credentials for its model, or pass override={'model': ...}"
    )
