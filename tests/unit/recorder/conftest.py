"""What the tests of the recorder share."""

from __future__ import annotations

import pytest
from recorded import Watched


@pytest.fixture
def watch() -> Watched:
    return Watched()
