"""Agents: load, list, and create tasks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade._lazy import lazy_names

if TYPE_CHECKING:
    from xpander_facade.agents._agent import Agent
    from xpander_facade.agents._agents import Agents, AgentsListItem

__all__ = [
    "Agent",
    "Agents",
    "AgentsListItem",
]

_HOMES = {
    "Agent": "_agent",
    "Agents": "_agents",
    "AgentsListItem": "_agents",
}

if not TYPE_CHECKING:  # a type checker that saw these would believe in every name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
