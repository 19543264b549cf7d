"""Own the requests of a task's verbs, and what a plan says. Checked arguments in, generated requests out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xpander_facade.types.models import PlanFollowingStatus

if TYPE_CHECKING:
    from xpander_facade.types.models import DeepPlanning


def plan_following_status(plan: DeepPlanning) -> PlanFollowingStatus:
    """Return whether a plan lets its task finish: open items count where it is enabled, started and enforced."""
    uncompleted = [item for item in plan.tasks if not item.completed]
    binding = plan.enabled and plan.started and plan.enforce
    return PlanFollowingStatus(can_finish=not (binding and uncompleted), uncompleted_tasks=uncompleted)
