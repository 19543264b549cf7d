"""What the tests of engines share: a platform that counts, and the key in the environment of the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from counting import Platform, counting

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XPANDER_API_KEY", "key-1")
        patch.setenv("XPANDER_ALLOW_INSECURE_HTTP", "1")
        yield


@pytest.fixture
def platform() -> Iterator[Platform]:
    with counting() as platform:
        yield platform
