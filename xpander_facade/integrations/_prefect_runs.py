"""What became of a run of Prefect's, as its record is to tell it: states, timeouts, and the end of the process."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from xpander_facade.integrations._jobs import TryAgainError
from xpander_facade.integrations._requirements import require

_OLDEST = "3.0"
_log = logging.getLogger("xpander_facade.recorder")


def require_prefect(module: str) -> Any:
    """Import a module of Prefect's."""
    return require(module, distribution="prefect", oldest=_OLDEST, integration="integrations.prefect")


class PrefectRun(NamedTuple):
    """A flow run or task run of Prefect's."""

    run: Any
    flow_run_id: Any
    timeout: float | None
    began: datetime

    def outcome(self, value: object, error: BaseException | None) -> tuple[object, BaseException | None]:
        """Return what the run has returned or raised, as its record is to tell it. It may wait for Prefect."""
        if error is None:
            return self._outcome_of_states(value)
        if is_termination(error):
            signal = cast("Any", error).signal
            is_cancelled = self._is_cancelled()
            return None, TryAgainError() if is_cancelled else RuntimeError(f"the process was ended by signal {signal}")
        if isinstance(error, asyncio.CancelledError):
            # By a timeout, in functions of all kinds; else somebody has cancelled it, which is no failure.
            seconds = (datetime.now(UTC) - self.began).total_seconds()
            is_late = self.timeout is not None and seconds >= self.timeout
            return None, TimeoutError(f"timeout ({self.timeout:g} s) exceeded") if is_late else TryAgainError()
        if type(error).__name__ == "Abort" and type(error).__module__ == "prefect.exceptions":
            return None, TryAgainError()
        return None, error

    def _outcome_of_states(self, value: object) -> tuple[object, BaseException | None]:
        states = _states_of(value)
        if not states:
            return value, None
        if any(state.is_cancelled() or state.is_paused() for state in states):
            return None, TryAgainError()
        failed = [state for state in states if not state.is_completed()]
        if failed:
            said = failed[0].message or failed[0].name
            return None, RuntimeError(said if len(states) == 1 else f"{len(failed)} of {len(states)} failed: {said}")
        values = [getattr(state.data, "result", state.data) for state in states]
        return values if isinstance(value, list | set | tuple) else values[0], None

    def _is_cancelled(self) -> bool:
        """Whether the flow run was cancelled, rather than its process stopped. Only Prefect's server knows."""
        try:
            with require_prefect("prefect.client.orchestration").get_client(sync_client=True) as client:
                state = client.read_flow_run(self.flow_run_id).state
            return bool(state.is_cancelling() or state.is_cancelled())
        except Exception as error:
            _log.warning("run %s ends as failed, since Prefect could not be asked about it: %s", self.run.id, error)
            return False


def is_termination(error: BaseException | None) -> bool:
    """Whether Prefect has raised this since the process is told to end."""
    return type(error).__name__ == "TerminationSignal" and type(error).__module__ == "prefect.exceptions"


def _states_of(value: object) -> list[Any]:
    """Return the states of Prefect's that decide of a run which returns a value; empty where a value is just that."""
    several = isinstance(value, list | set | tuple)
    futures: Any = require_prefect("prefect.futures")
    kinds = (futures.PrefectFuture, require_prefect("prefect.states").State)
    given = list(cast("list[object]", value)) if several else [value]
    if not all(isinstance(one, kinds) for one in given):
        return []
    # Prefect waits for them next.
    return list(futures.resolve_futures_to_states(given))
