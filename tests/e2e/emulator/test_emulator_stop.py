"""Stop the emulator while somebody is about to call it."""

from __future__ import annotations

import gc
import socket
import threading
import warnings
from urllib.parse import urlsplit

import pytest

from xpander_facade.emulator import Emulator


@pytest.mark.parametrize("clients", [1, 3])
def test_a_connection_that_comes_as_the_emulator_stops_is_closed(clients: int):
    running = Emulator()
    running.start()
    address = ("127.0.0.1", urlsplit(running.url).port)
    loop = running._server.loop
    is_busy, go_on = threading.Event(), threading.Event()
    # What comes meanwhile comes all at once: connections, and the word to stop.
    loop.call_soon_threadsafe(lambda: (is_busy.set(), go_on.wait(10)))
    assert is_busy.wait(10)
    made = [socket.create_connection(address, 10) for _ in range(clients)]
    threading.Timer(0.2, go_on.set).start()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        running.stop()
        del loop
        gc.collect()
    for one in made:
        one.close()
    assert [str(warning.message) for warning in told] == []
