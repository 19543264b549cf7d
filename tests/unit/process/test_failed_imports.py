"""An import that fails, as where a process has no file left to open, is tried again by who needs it next."""

from __future__ import annotations

import errno
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from xpander_facade._process import imports, late_attrs

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "a group of this test"


def fail() -> None:
    raise OSError(errno.EMFILE, "too many open files")


def test_a_group_of_modules_that_could_not_be_imported_can_be_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(imports._MODULES, GROUP, ("module_of_this_test",))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError):
        imports.load(GROUP)
    (tmp_path / "module_of_this_test.py").write_text("")
    monkeypatch.delitem(sys.path_importer_cache, str(tmp_path), raising=False)
    imports.load(GROUP)
    assert sys.modules.pop("module_of_this_test")
    imports._loaded.discard(GROUP)


def test_a_class_that_could_not_be_completed_can_be_later(monkeypatch: pytest.MonkeyPatch):
    @late_attrs.define
    class Point:
        x: int = 0

    definition = vars(Point)["__init__"].definition
    with monkeypatch.context() as patch:
        patch.setattr(late_attrs._Deferred, "call", lambda self: fail())
        with pytest.raises(OSError, match="too many open files"):
            Point(1)
    assert definition in late_attrs._incomplete
    assert Point(1) == Point(1)
    assert definition not in late_attrs._incomplete


def test_each_of_several_threads_that_wait_for_what_fails_gets_what_went_wrong(monkeypatch: pytest.MonkeyPatch):
    may_fail, waiting, told = threading.Event(), threading.Semaphore(0), list[BaseException]()
    wait = imports.DetachedCall[None].wait

    def note(call: imports.DetachedCall[None], timeout: float | None = None) -> bool:
        waiting.release()
        return wait(call, timeout)

    def fail_later() -> None:
        may_fail.wait(30)
        fail()

    def ask() -> None:
        try:
            imports.call_once("a key of this test", fail_later)
        except BaseException as error:
            told.append(error)

    monkeypatch.setattr(imports.DetachedCall, "wait", note)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert all([waiting.acquire(timeout=30), waiting.acquire(timeout=30)])
    may_fail.set()
    for thread in threads:
        thread.join()
    assert [type(error) for error in told] == [OSError, OSError]
