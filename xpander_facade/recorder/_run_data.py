"""What is known of a run while it is executed: set by the user, or read out of a model's responses."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from xpander_facade import _validation
from xpander_facade.usage._usage import check_tokens, read_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xpander_facade.tasks._task import Task
    from xpander_facade.usage._usage import Tokens, Usage

_log = logging.getLogger("xpander_facade.recorder")
_UNSET: Any = object()


class RunFields:
    """What a report of a run says, as far as it is known."""

    __slots__ = (
        "_ended",
        "_id",
        "_input",
        "_is_success",
        "_llm_response",
        "_lock",
        "_responses",
        "_result",
        "_task",
        "_text",
        "_tokens",
        "_used_tools",
    )

    def __init__(self, id: str | None, input: str | None) -> None:
        self._id = id
        self._input = input
        self._result: str | None = _UNSET
        self._text: str | None = None
        self._tokens: Tokens | None = None
        self._used_tools: list[str] = []
        self._llm_response: Any = _UNSET
        self._responses: list[object] = []
        self._is_success = True
        self._task: Task | None = None
        self._ended = False
        self._lock = threading.RLock()  # collection may end the run while record() holds it

    @property
    def id(self) -> str:
        """The run's id: the one that was given, else one that is made when the run begins.

        Raises:
            RuntimeError: There is none yet.
        """
        if self._id is None:
            raise RuntimeError("the run has no id before it begins: read it inside of the block, or pass id=")
        return self._id

    @property
    def task(self) -> Task | None:
        """The platform's record of the run as it answered a report; None before that, and where an outbox reports."""
        return self._task

    @property
    def is_success(self) -> bool:
        """Whether the run has succeeded so far; `fail()` and an exception that leaves the block make it False."""
        return self._is_success

    @property
    def input(self) -> str | None:
        """What the run was asked."""
        return self._input

    @input.setter
    def input(self, value: str | None) -> None:
        self._input = _validation.check_text("input", value)
        self._warn_if_ended("input")

    @property
    def result(self) -> str | None:
        """What came of the run: what was set here, else what a decorated function returned, else a recorded text."""
        return self._text if self._result is _UNSET else self._result

    @result.setter
    def result(self, value: str | None) -> None:
        self._result = _validation.check_text("result", value)
        self._warn_if_ended("result")

    @property
    def tokens(self) -> Tokens | None:
        """The tokens that the run used; `record()` adds to them."""
        return self._tokens

    @tokens.setter
    def tokens(self, value: Tokens | Mapping[str, int] | None) -> None:
        self._tokens = check_tokens(value)
        self._warn_if_ended("tokens")

    @property
    def used_tools(self) -> list[str]:
        """The names of the tools that the run called; `record()` adds those that are not there yet."""
        return self._used_tools

    @used_tools.setter
    def used_tools(self, value: Iterable[str] | None) -> None:
        self._used_tools = _validation.check_names("used_tools", value)
        self._warn_if_ended("used_tools")

    @property
    def llm_response(self) -> Any:
        """The provider's response, any object: what was set here, else what was recorded, several as a list."""
        if self._llm_response is not _UNSET:
            return self._llm_response
        return self._responses[0] if len(self._responses) == 1 else (self._responses or None)

    @llm_response.setter
    def llm_response(self, value: Any) -> None:
        self._llm_response = value
        self._warn_if_ended("llm_response")

    def record(self, response: object) -> Usage | None:
        """Take tokens, tools and text from a model's response, and keep it. Several calls add up; any thread may call.

        Args:
            response: What a provider's library returned, or the list of all chunks of a stream.

        Returns:
            What `read_usage` read; None where the response tells nothing that is known.
        """
        usage = read_usage(response)
        with self._lock:
            if response is not None:
                self._responses.append(response)
            if usage is not None:
                if usage.tokens is not None:
                    self._tokens = usage.tokens if self._tokens is None else self._tokens + usage.tokens
                self._used_tools.extend(name for name in usage.tools if name not in self._used_tools)
                self._text = usage.text or self._text
        self._warn_if_ended("record()")
        return usage

    def fail(self, reason: str) -> None:
        """Mark the run as failed without an exception.

        Args:
            reason: Why; becomes the result.
        """
        self.result = reason
        self._is_success = False

    def _set_default_result(self, value: object) -> None:
        """Take a text as the result, unless one is set."""
        if isinstance(value, str):
            self._text = value

    def _warn_if_ended(self, what: str) -> None:
        if self._ended:
            _log.warning("run %s has ended: its %s comes too late to be reported", self._id, what)
