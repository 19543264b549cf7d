"""The import of httpx, where it is needed at all: for proxies, unusual URLs, clients of the user and the raw client."""

from __future__ import annotations

import random
import sys

if "httpx" not in sys.modules:
    # Where rich is installed, httpx imports it, and rich draws random numbers as it is imported. A program that has
    # seeded Python's generator must not get other numbers because of its first call.
    _state = random.getstate()
    import httpx as httpx

    random.setstate(_state)
else:
    import httpx as httpx
