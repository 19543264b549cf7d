"""A greenlet waits for a file that another process holds, and others go on meanwhile."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402

from xpander_facade import Backend, preload  # noqa: E402

backend = Backend()
preload()
ENOUGH = 20
done: list[int] = []


def record(number: int) -> None:
    """Record a run, whose report has to be written to the file."""
    with backend.external_task(id=f"run-{number}") as run:
        run.result = "done"
    done.append(number)


def main() -> None:
    """Record while the file is held, count what another greenlet does meanwhile, and say when that is enough."""
    record(0)
    print("ready", flush=True)
    sys.stdin.readline()  # the file is held now
    recording = gevent.spawn(record, 1)
    steps = 0
    while len(done) < 2:
        gevent.sleep(0.01)
        steps += 1
        if steps == ENOUGH:
            print("goes on", flush=True)  # the file is given back then
    recording.join()
    print(steps, flush=True)


if __name__ == "__main__":
    main()
