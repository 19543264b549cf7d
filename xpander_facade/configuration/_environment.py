"""The environment variables: which there are and what they say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

VARIABLES = (
    "XPANDER_API_KEY",
    "XPANDER_ORGANIZATION_ID",
    "XPANDER_BASE_URL",
    "XPANDER_AGENT_ID",
    "XPANDER_ALLOW_INSECURE_HTTP",
    "XPANDER_ALLOW_PRIVATE_FILE_HOSTS",
    "XPANDER_DISABLED",
    "XPANDER_OUTBOX",
    "IS_STG",
    "IS_XPANDER_CLOUD",
    "XPANDER_STREAMING_PORT",
    "XPANDER_HTTP_PARSER",
)
"""The variables of the environment that are ours."""
_PARSER = "XPANDER_HTTP_PARSER"


def _environment(name: str) -> str | None:
    """Return a variable of the environment as it is now; an empty one counts as unset."""
    return os.environ.get(name, "").strip() or None


def _flag(name: str) -> bool:
    return (_environment(name) or "").lower() in {"1", "true", "yes", "on"}


def tls_environment() -> tuple[str | None, str | None]:
    """Return the certificate file and folder that the environment names."""
    return _environment("SSL_CERT_FILE"), _environment("SSL_CERT_DIR")


_PROXY_VARIABLES = tuple(
    spelled for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy") for spelled in (name, name.upper())
)


def proxy_environment() -> int:
    """Return a hash of the variables that name proxies, as they are now; their values may hold passwords."""
    return hash(tuple(map(os.environ.get, _PROXY_VARIABLES)))


def worker_environment() -> str:
    """Return where a worker says that it runs: "xpander" in the platform's cloud (IS_XPANDER_CLOUD), else "local"."""
    return "xpander" if _flag("IS_XPANDER_CLOUD") else "local"


def model_environment() -> tuple[Callable[[str], str | None], bool]:
    """Return what gives a variable of the environment, for keys of models, and whether this is the platform's cloud."""
    return _environment, _flag("IS_XPANDER_CLOUD")


def streaming_port() -> str | None:
    """Return the port that a worker listens on for the platform, as XPANDER_STREAMING_PORT says it; None for none."""
    return _environment("XPANDER_STREAMING_PORT")


def http_parser() -> str | None:
    """Return the library that reads responses, as XPANDER_HTTP_PARSER names it; None for the best that is installed."""
    return (_environment(_PARSER) or "").lower() or None


def environment_fingerprint() -> tuple[tuple[str | None, str | None], int]:
    """Return what the environment says of certificates and proxies; connections depend on it."""
    return tls_environment(), proxy_environment()


def variables_set() -> list[str]:
    """Return the names of the variables that are set and are ours, or look as if they were."""
    return sorted(
        name for name in os.environ if _environment(name) and (name in VARIABLES or name.partition("_")[0] == "XPANDER")
    )


def network_variables() -> list[str]:
    """Return the names of the variables of certificates and proxies that are set; their values may hold passwords."""
    return [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", *_PROXY_VARIABLES) if _environment(name) is not None]


def foreign_environment(python_path: Iterable[str]) -> dict[str, str]:
    """Return the environment for a process that is told otherwise what our variables say, such as the key.

    What says how calls are made, and not to whom, stays.

    Args:
        python_path: Folders in which it finds packages before all others.
    """
    kept = {name: value for name, value in os.environ.items() if name.partition("_")[0] != "XPANDER" or name == _PARSER}
    folders = [*python_path, os.environ.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(folder for folder in folders if folder)}


def is_lambda() -> bool:
    """Whether this runs in AWS Lambda, which freezes a process between two calls."""
    return _environment("AWS_LAMBDA_FUNCTION_NAME") is not None
