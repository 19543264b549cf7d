"""Which library reads the responses while these tests run: CI runs them with each, told by XPANDER_HTTP_PARSER."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from calling import run_python
from inherited import PARSER

from xpander_facade._transport import parsers

if TYPE_CHECKING:
    import pytest
    from calling import Caller

    from xpander_facade import Backend
    from xpander_facade.emulator import Emulator

PROGRAM = """
    import sys
    from xpander_facade import Backend, Configuration
    Backend(Configuration("key-1", "org-1", sys.argv[1], "agent-1")).report_external_task(id="run-1")
    from xpander_facade._transport import parsers
    print(parsers.new_parser.__name__)
"""


def wanted() -> str:
    # The emulator reads requests with httptools, so it is installed wherever these tests run.
    return "H11Parser" if os.environ.get(PARSER) == "h11" else "HttptoolsParser"


def test_responses_are_read_by_the_library_that_the_environment_names(
    call: Caller, backend: Backend, monkeypatch: pytest.MonkeyPatch
):
    fed: list[str] = []
    for parser in (parsers.H11Parser, parsers.HttptoolsParser):
        feed = parser.feed

        def noted(self: Any, data: bytes, feed: Any = feed) -> None:
            fed.append(type(self).__name__)
            feed(self, data)

        monkeypatch.setattr(parser, "feed", noted)
    task = call(backend, "report_external_task", id="run-1", result="42")
    assert task.result == "42"
    assert {*fed} == {wanted()}


def test_processes_that_the_tests_start_read_with_the_same_library(emulator: Emulator):
    assert run_python(PROGRAM, emulator.url).split() == [wanted()]
