"""What the environment says of how the tests run, and not of the platform that they call."""

from __future__ import annotations

import os

PARSER = "XPANDER_HTTP_PARSER"
"""Names the library that reads responses: the tests run on both."""


def inherited_environment() -> dict[str, str]:
    """Return the environment for a process of a test, which is told otherwise what our variables say."""
    return {name: value for name, value in os.environ.items() if not name.startswith("XPANDER_") or name == PARSER}
