"""A workflow as users write it, in a module that the workflow sandbox imports with what it imports."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

# Not passed through: the sandbox imports it anew, with its restrictions, for each workflow.
from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.temporal import RecordActivities, record

IMPORTED = (Backend, Tokens, RecordActivities, record)


@workflow.defn
class Call:
    @workflow.run
    async def run(self, name: str, start_to_close: float, heartbeat: float, attempts: int) -> str | None:
        """Call one activity, with its name as its argument."""
        assert all(IMPORTED)
        assert current_run() is None
        return await workflow.execute_activity(
            name,
            name,
            result_type=str | None,
            start_to_close_timeout=timedelta(seconds=start_to_close),
            heartbeat_timeout=timedelta(seconds=heartbeat) if heartbeat else None,
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=0.1), maximum_attempts=attempts),
        )
