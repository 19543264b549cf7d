"""A process whose program handles SIGTERM, and ends by it all the same, ends in order."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program could handle")

PROGRAM = """
import asyncio, os, signal, sys, threading
from xpander_facade._process.ending import Step, at_end
from xpander_facade._process.termination import watch_termination

at_end(Step.RUNS, lambda: print("in order", flush=True))
heard = []


def hear(number, frame):
    heard.append(number)


def handler():
    return signal.getsignal(signal.SIGTERM)

"""


def run(program):
    """Return the exit code and the lines of a program."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert ended.stderr == ""
    return ended.returncode, ended.stdout.split("\n")[:-1]


def test_a_signal_that_was_handled_and_is_raised_again_ends_the_process_in_order():
    assert run(
        """
        original = signal.signal(signal.SIGTERM, hear)
        watch_termination()
        os.kill(os.getpid(), signal.SIGTERM)
        print("shut down", heard == [signal.SIGTERM], flush=True)
        signal.signal(signal.SIGTERM, original)
        signal.raise_signal(signal.SIGTERM)
        print("never")
        """
    ) == (-signal.SIGTERM, ["shut down True", "in order"])


def test_a_signal_that_comes_first_after_the_handler_was_removed_ends_the_process_as_ever():
    assert run(
        """
        signal.signal(signal.SIGTERM, hear)
        watch_termination()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        print(handler() is signal.SIG_DFL, flush=True)
        signal.raise_signal(signal.SIGTERM)
        """
    ) == (-signal.SIGTERM, ["True"])


def test_a_second_signal_ends_the_orderly_end_at_once():
    assert run(
        """
        at_end(Step.OUTBOXES, lambda: (print("sending", flush=True), os.kill(os.getpid(), signal.SIGTERM)))
        at_end(Step.CONNECTIONS, lambda: print("never"))
        signal.signal(signal.SIGTERM, hear)
        watch_termination()
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        """
    ) == (-signal.SIGTERM, ["in order", "sending"])


def test_another_handler_that_the_program_sets_is_left_alone():
    assert run(
        """
        signal.signal(signal.SIGTERM, hear)
        watch_termination()
        signal.raise_signal(signal.SIGTERM)
        other = lambda number, frame: print("the other", flush=True)
        signal.signal(signal.SIGTERM, other)
        print(handler() is other)
        signal.raise_signal(signal.SIGTERM)
        """
    ) == (0, ["True", "the other", "in order"])


def test_what_a_handler_raises_gets_through():
    assert run(
        """
        def leave(number, frame):
            raise SystemExit(7)

        signal.signal(signal.SIGTERM, leave)
        watch_termination()
        signal.raise_signal(signal.SIGTERM)
        """
    ) == (7, ["in order"])


@pytest.mark.parametrize(
    "setting",
    ["signal.signal(signal.SIGTERM, signal.SIG_DFL)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"],
)
def test_a_signal_without_a_handler_keeps_its_effect(setting):
    code, lines = run(f"{setting}\nbefore = handler()\nwatch_termination()\nprint(handler() is before)")
    assert (code, lines) == (0, ["True", "in order"])


def test_a_handler_of_an_event_loop_is_left_to_the_loop():
    assert run(
        """
        async def main():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, hear, 0, None)
            before = handler()
            watch_termination()
            print(handler() is before)

        asyncio.run(main())
        """
    ) == (0, ["True", "in order"])


def test_a_thread_changes_no_handler_and_watching_twice_wraps_once():
    assert run(
        """
        signal.signal(signal.SIGTERM, hear)
        thread = threading.Thread(target=watch_termination)
        thread.start()
        thread.join()
        print(handler() is hear)
        watch_termination()
        once = handler()
        watch_termination()
        print(handler() is once, handler() is hear)
        """
    ) == (0, ["True", "True False", "in order"])


def test_a_child_that_removes_the_handler_of_its_parent_ends_as_ever():
    assert run(
        """
        signal.signal(signal.SIGTERM, hear)
        watch_termination()
        signal.raise_signal(signal.SIGTERM)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    ) == (0, [str(-signal.SIGTERM), "in order"])


def test_a_child_that_watches_the_handler_of_its_parent_ends_in_order():
    assert run(
        """
        signal.signal(signal.SIGTERM, hear)
        watch_termination()
        signal.raise_signal(signal.SIGTERM)
        child = os.fork()
        if not child:
            inherited = handler()
            watch_termination()
            once = handler()
            watch_termination()
            print("wraps once", handler() is once is not inherited, flush=True)
            del once
            original = signal.signal(signal.SIGTERM, inherited)
            signal.signal(signal.SIGTERM, original)
            del inherited, original
            signal.raise_signal(signal.SIGTERM)
            print("shut down", heard == [signal.SIGTERM] * 2, flush=True)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    ) == (0, ["wraps once True", "shut down True", "in order", str(-signal.SIGTERM), "in order"])


def test_a_backend_with_an_outbox_watches_a_handler_that_is_there_before_it(tmp_path):
    assert run(
        f"""
        from xpander_facade import Backend

        signal.signal(signal.SIGTERM, hear)
        Backend(api_key="k")
        print(handler() is hear)
        Backend(api_key="k", outbox={str(tmp_path / "runs.db")!r})
        print(handler() is hear)
        """
    ) == (0, ["True", "False", "in order"])
