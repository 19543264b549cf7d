"""Gives jobs to a runner: takes counts as lines, and prints a line when they are sent."""

from __future__ import annotations

import importlib
import sys

module = importlib.import_module(f"{sys.argv[1]}_jobs")
print("ready", flush=True)
for line in sys.stdin:
    module.send(int(line))
    print("sent", flush=True)
