"""Reports that exceptions from signal handlers and other threads come into: these go on, and the run is recorded."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from calling import configured
from recording import AGENT, Setting, program, told

from xpander_facade import Backend
from xpander_facade._process import threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xpander_facade.emulator import Emulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


class SoftTimeLimitExceeded(Exception):
    """As Celery's: a plain Exception."""


@pytest.fixture(params=[SoftTimeLimitExceeded, TimeoutError, SystemExit])
def limit(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """What a signal handler raises, as of SIGALRM."""
    kind: type[BaseException] = request.param

    def raise_it(number: int, frame: object) -> None:
        raise kind("over")

    before = signal.signal(signal.SIGALRM, raise_it)
    yield kind
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_limit_that_strikes_in_the_report_of_the_end_goes_on(emulator: Emulator, limit: type[BaseException]):
    hold = emulator.hold("report_external_task")
    run = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1", input="in")

    def work() -> None:
        with run:
            run.result = "out"
            run.tokens = {"prompt_tokens": 3}
            signal.setitimer(signal.ITIMER_REAL, 0.2)

    with pytest.raises(limit, match="over"):
        work()
    hold.release()
    assert threads.join(20)
    (task,) = emulator.tasks()
    assert told(task) == ("completed", "in", "out")
    assert task["tokens"]["prompt_tokens"] == 3
    assert run.delivery == "reported"


def test_a_limit_that_strikes_in_the_report_of_the_start_ends_the_run(emulator: Emulator, limit: type[BaseException]):
    hold = emulator.hold("report_external_task")
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    run = Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1", report_start=True)
    release = threading.Timer(1.0, hold.release)
    release.start()
    with pytest.raises(limit, match="over"), run:
        pytest.fail("it ran")
    release.join()
    assert threads.join(20)
    (task,) = emulator.tasks()
    assert (task["status"], task["result"]) == ("failed", "over")


def test_a_limit_that_strikes_in_an_async_report_goes_on(emulator: Emulator, limit: type[BaseException]):
    hold = emulator.hold("report_external_task")

    async def main() -> None:
        async with Backend(configured(emulator, agent_id=AGENT)).external_task(id="run-1", input="in") as run:
            run.result = "out"
            signal.setitimer(signal.ITIMER_REAL, 0.3)

    release = threading.Timer(1.5, hold.release)  # the end of the loop waits for the report
    release.start()
    with pytest.raises(limit, match="over"):
        asyncio.run(main())
    release.join()
    assert threads.join(20)
    (task,) = emulator.tasks()
    assert told(task) == ("completed", "in", "out")


STRESS = """
    import ctypes, logging, random, signal, threading, time
    logging.disable(logging.CRITICAL)
    class Limit({base}):
        pass
    chance = random.Random(7)
    entered = set()
    raised = 0
    {arm}
    with backend.external_task(id="warm") as run:
        run.result = "ok"
    n = 0
    until = time.monotonic() + {seconds}
    while time.monotonic() < until:
        n += 1
        try:
            start()
            with backend.external_task(id=f"run-{{n}}", input="x") as run:
                entered.add(f"run-{{n}}")
                run.result = "ok"
            stop()
        except Limit:
            raised += 1
        finally:
            while True:
                try:
                    stop()
                    break
                except Limit:
                    pass
    with backend.external_task(id="last") as run:
        run.result = "ok"
    print(n, raised, len(entered))
    with open(arguments[0], "w") as file:
        file.write(" ".join(entered))
    """
SIGNALS = """def over(number, frame):
        raise Limit
    signal.signal(signal.SIGALRM, over)
    def start():
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.003))
    def stop():
        signal.setitimer(signal.ITIMER_REAL, 0)"""
ASYNC = """# Before 3.12 CPython may raise it in a thread that this one is just starting, which ends then and says so.
    if sys.version_info < (3, 12):
        say = sys.unraisablehook
        sys.unraisablehook = lambda said: None if said.exc_type is Limit else say(said)
    active = []
    me = threading.get_ident()
    def interrupt():
        while True:
            time.sleep(chance.uniform(0.0001, 0.003))
            if active:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_long(me), ctypes.py_object(Limit))
    threading.Thread(target=interrupt, daemon=True).start()
    def start():
        active.append(1)
    def stop():
        active.clear()
        time.sleep(0.002)"""


@pytest.mark.parametrize(
    ("arm", "base"), [(SIGNALS, "Exception"), (SIGNALS, "BaseException"), (ASYNC, "BaseException")]
)
def test_no_run_is_lost_and_no_lock_is_left_whenever_a_limit_strikes(
    setting: Setting, tmp_path: object, arm: str, base: str
):
    out = program(setting, STRESS.format(arm=arm, base=base, seconds=4), f"{tmp_path}/entered")
    count, raised, _ = map(int, out.split())
    with open(f"{tmp_path}/entered", encoding="utf-8") as file:
        entered = set(file.read().split())
    runs = setting.runs()
    assert entered <= runs.keys()
    assert "last" in runs
    assert raised > count / 20


HANDLER = """
    import random, signal, threading, time
    chance = random.Random(1)
    inside = []
    handled = 0
    def handle(number, frame):
        global handled
        if not inside:
            inside.append(1)
            handled += 1
            {handler}
            inside.clear()
    signal.signal(signal.SIGALRM, handle)
    import faulthandler
    faulthandler.dump_traceback_later(60, exit=True)
    while handled < 700:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0001, 0.003))
        {work}
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(handled)
    """
REPORT = 'backend.report_external_task(id="{0}", result="x")'
RECORD = 'backend.external_task(id="{0}", input="x").__enter__().__exit__(None, None, None)'


@pytest.mark.parametrize("way", [REPORT, RECORD], ids=["report", "record"])
def test_a_signal_handler_reports_in_the_midst_of_a_report_from_the_first_call_on(setting: Setting, way: str):
    out = program(setting, HANDLER.format(handler=way.format("handler"), work=way.format("main")))
    assert int(out) >= 700
    assert setting.runs().keys() == {"handler", "main"}
