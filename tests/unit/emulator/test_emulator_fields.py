"""A new task has everything a task has, and shares nothing with another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.emulator._fields import new_task

if TYPE_CHECKING:
    from collections.abc import Iterator


def containers(value: Any) -> Iterator[int]:
    """Yield the identities of all objects and arrays in a value."""
    if isinstance(value, (dict, list)):
        yield id(value)
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def test_two_new_tasks_share_nothing_that_changes():
    first, second = new_task("org-1", "a", "x"), new_task("org-1", "a", "y")
    assert set(containers(first)) & set(containers(second)) == set()
    assert len(set(containers(first))) > 8
    for name, value in first.items():
        if name not in ("id", "created_at"):
            assert second[name] == value
