"""What an integration needs to be installed, checked when it is used."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from typing import TYPE_CHECKING

from xpander_facade.errors import IntegrationError

if TYPE_CHECKING:
    from types import ModuleType


def require(
    module: str, *, distribution: str, oldest: str | None = None, integration: str, extra: str | None = None
) -> ModuleType:
    """Import the library that an integration is for.

    Args:
        module: The module to import: "opentelemetry.sdk.trace".
        distribution: What brings it, as pip names it: "opentelemetry-sdk".
        oldest: The oldest release that will do: "1.27".
        integration: The integration's name, for the error: "integrations.opentelemetry".
        extra: The extra that installs it; by default the integration's name.

    Raises:
        IntegrationError: It is not installed, can't be imported, or is too old; the text names the remedy.
    """
    extra = extra or integration.rpartition(".")[2].strip("_")
    remedy = f"pip install --upgrade 'xpander-facade[{extra}]', or '.[{extra}]' in the checkout"
    wanted = distribution if oldest is None else f"{distribution} {oldest} or newer"
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise IntegrationError(f"{integration} needs {wanted}, which is not installed: {remedy}") from error
        raise IntegrationError(f"{integration} needs {wanted}, which can't be imported ({error}): {remedy}") from error
    except ImportError as error:
        raise IntegrationError(f"{integration} needs {wanted}, which can't be imported ({error}): {remedy}") from error
    if oldest is not None:
        found = _version_of(distribution)
        if found is not None and _numbers(found) < _numbers(oldest):
            raise IntegrationError(f"{integration} needs {wanted}, and {found} is installed: {remedy}")
    return imported


def _version_of(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # brought by another distribution, such as a fork
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a release; what follows them, as in 2.4b0, does not make it older for an integration."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in release.group().split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
