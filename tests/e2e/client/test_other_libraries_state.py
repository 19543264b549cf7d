"""What belongs to the program stays its own: its random numbers, and a clock that its tests have frozen."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from calling import Caller, configured, run_python
from misbehaving import answer, task_answer

from xpander_facade import Backend

if TYPE_CHECKING:
    from collections.abc import Callable

    from misbehaving import Misbehaving


def test_a_retry_takes_none_of_the_programs_random_numbers(call: Caller, misbehave: Callable[..., Misbehaving]):
    drawn: list[list[float]] = []
    for faults in (0, 2):
        server = misbehave(*[answer(503)] * faults, otherwise=task_answer())
        random.seed(42)
        call(Backend(configured(server, agent_id="a", max_retries=2)), "report_external_task", id="run-1")
        assert len(server.requests) == faults + 1
        drawn.append([random.random() for _ in range(3)])
    assert drawn[0] == drawn[1]


FROZEN = """
    import datetime, sys
    from xpander_facade import Backend, Configuration

    class FrozenMeta(type):
        def __instancecheck__(cls, value):
            return isinstance(value, REAL)

    REAL = datetime.datetime

    class Frozen(datetime.datetime, metaclass=FrozenMeta):
        @classmethod
        def now(cls, tz=None):
            return REAL(2026, 1, 1, tzinfo=tz)

    def replace(old, new):
        # As libraries that freeze time do it: in every module that has the name.
        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is old and not name.startswith("REAL"):
                    setattr(module, name, new)

    backend = Backend(Configuration(api_key="any-key-1", base_url=sys.argv[1], agent_id="a"))
    backend.configuration  # what is loaded by now is patched; the first call loads the rest
    import xpander_facade.types.models, xpander_facade.tasks._task, xpander_facade._serialization.codec
    replace(REAL, Frozen)
    print(backend.report_external_task(id="frozen").id)
    replace(Frozen, REAL)
    print(backend.report_external_task(id="after").created_at.year)
"""


def test_a_first_call_with_a_frozen_clock_spoils_no_later_one(misbehave: Callable[..., Misbehaving]):
    server = misbehave(otherwise=task_answer())
    assert run_python(FROZEN, server.url).splitlines()[0] == "frozen"
