"""Background threads leave the signals that end a process to the threads of the program."""

import queue
import signal

import pytest

from xpander_facade.outbox._sending_threads import SendingThreads
from xpander_facade.outbox._threads import PeriodicThread

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="there are no masks here")
ENDING = {signal.SIGINT, signal.SIGTERM}


def mask():
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_the_threads_of_an_outbox_take_no_signal_that_ends_the_process():
    masks = queue.SimpleQueue()
    periodic = PeriodicThread("here", lambda: masks.put(mask()) or 3600.0)
    periodic.start()
    sending = SendingThreads(lambda job: masks.put(mask()))
    sending.submit("job")
    for _ in range(2):
        found = masks.get(timeout=30)
        assert found >= ENDING
        assert signal.SIGSEGV not in found
    periodic.stop(30)
    sending.stop()
    assert not ENDING & mask()
