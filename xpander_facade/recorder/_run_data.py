"""What is known of a run while it is executed: set by the user, or read out of a model's responses."""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from xpander_facade import _validation
from xpander_facade._serialization.jsonable import Ready, is_small_json, small_copy, to_text
from xpander_facade.errors import RunNotBegunError
from xpander_facade.recorder._recorded_stream import RecordedStream, StreamReading
from xpander_facade.recorder._run_usage import SPANS, RunUsage
from xpander_facade.recorder._stored_response import RecordedResponse
from xpander_facade.usage._tokens import Tokens, check_tokens
from xpander_facade.usage._usage import read_usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

    from xpander_facade.recorder._run_usage import UsageChange
    from xpander_facade.usage._fragments import UsageFragment
    from xpander_facade.usage._usage import TokenCounts, Usage

T = TypeVar("T")

_log = logging.getLogger("xpander_facade.recorder")
UNSET: Any = object()
run_observers: list[Callable[[RunFields], None]] = []
"""What is called with each run that ends, before it is reported."""


class Collector(Protocol):
    """What gathers something for a run while it goes on, and hands over the rest when it ends."""

    def finish(self) -> None:
        """Hand over what was not handed over yet. The run's lock is held."""


class RunFields:
    """What a report of a run says, as far as it is known."""

    __slots__ = (
        "_collectors",
        "_ended",
        "_id",
        "_input",
        "_is_success",
        "_llm_response",
        "_lock",
        "_made_usages",
        "_metadata",
        "_model",
        "_provider",
        "_recorded_failure",
        "_response_copy",
        "_responses",
        "_result",
        "_seen_responses",
        "_streams",
        "_text",
        "_tokens",
        "_used_tools",
    )

    def __init__(self, id: str | None, input: str | None) -> None:
        self._id = id
        self._input = input
        self._result: str | None = UNSET
        self._text: str | None = None
        self._tokens: Tokens | None = None
        self._used_tools: list[str] = []
        self._llm_response: Any = UNSET
        self._response_copy: Ready | None = None
        self._responses: list[RecordedResponse] = []
        self._seen_responses: list[RecordedResponse] = []  # of instrumented clients
        self._collectors: dict[str, Collector] = {}
        self._metadata: dict[str, Any] = {}
        self._model: str | None = None
        self._provider: str | None = None
        self._made_usages: list[RunUsage] = []
        self._streams: list[StreamReading] = []
        self._recorded_failure: str | None = None
        self._is_success = True
        self._ended = False
        self._lock = threading.RLock()  # collection may end the run while record() holds it

    @property
    def id(self) -> str:
        """The run's id: the one that was given, else one that is made when the run begins.

        Raises:
            RunNotBegunError: There is none yet.
        """
        if self._id is None:
            raise RunNotBegunError("the run has no id before it begins: read it inside of the block, or pass id=")
        return self._id

    @property
    def is_success(self) -> bool:
        """Whether the run has succeeded so far.

        `fail()`, an exception that leaves the block and a recorded result that tells of a failure make it False.
        """
        return self._is_success and self._recorded_failure is None

    if not TYPE_CHECKING:  # a checker knows that it can't be set

        @is_success.setter
        def is_success(self, value: object) -> None:
            raise AttributeError("is_success can't be set: use run.fail(reason), or run.record(..., is_success=...)")

    @property
    def input(self) -> str | None:
        """What the run was asked."""
        return self._input

    @input.setter
    def input(self, value: str | None) -> None:
        self._input = value if type(value) is str else _validation.check_text("input", value)
        if self._ended:
            self._warn_of_end("input")

    @property
    def result(self) -> str | None:
        """What came of the run.

        What was set here, else why a recorded result failed, else what a decorated function returned, else a recorded
        text.
        """
        if self._result is not UNSET:
            return self._result
        return self._text if self._recorded_failure is None else self._recorded_failure

    @result.setter
    def result(self, value: str | None) -> None:
        self._result = value if type(value) is str else _validation.check_text("result", value)
        if self._ended:
            self._warn_of_end("result")

    @property
    def tokens(self) -> Tokens | None:
        """The tokens that the run used; `record()` adds to them."""
        return self._tokens

    @tokens.setter
    def tokens(self, value: TokenCounts | None) -> None:
        self._tokens = check_tokens(value)
        if self._ended:
            self._warn_of_end("tokens")

    @property
    def used_tools(self) -> list[str]:
        """The names of the tools that the run called; `record()` adds those that are not there yet."""
        return self._used_tools

    @used_tools.setter
    def used_tools(self, value: Iterable[str] | None) -> None:
        self._used_tools = _validation.check_names("used_tools", value)
        if self._ended:
            self._warn_of_end("used_tools")

    @property
    def llm_response(self) -> Any:
        """The provider's response, any object: what was set here, else what was recorded, several as a list."""
        if self._llm_response is not UNSET:
            return self._llm_response
        recorded = [one.value for one in self._responses or self._seen_responses]
        return recorded[0] if len(recorded) == 1 else (recorded or None)

    @llm_response.setter
    def llm_response(self, value: Any) -> None:
        self._llm_response = value
        if self._ended:
            self._warn_of_end("llm_response")

    @property
    def metadata(self) -> dict[str, Any]:
        """What should stand beside the run: JSON, stored in `llm_response` under the key `"_run"`.

        The platform shows it there and nowhere else.
        """
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any] | None) -> None:
        self._metadata = _validation.check_object("metadata", value) or {}
        if self._ended:
            self._warn_of_end("metadata")

    def record(
        self,
        response: object,
        *,
        after: int | None = None,
        is_success: bool | None = None,
        shorten: bool = True,
    ) -> Usage | None:
        """Take tokens, tools and text from what a model or an agent returned, and keep it.

        Several calls add up; what comes again under the same id counts once. Any thread may call. The last recorded
        result of an agent decides whether the run has failed; an answer that is recorded later means that the run has
        recovered.

            with backend.external_task(input="6 * 7?") as run:
                run.record(response)

        Args:
            response: What a library returned: a response, a list of chunks, the result or state of an agent.
            after: How many messages of a conversation are of earlier runs, and not counted.
            is_success: Whether the run has succeeded, whatever the result itself tells.
            shorten: False stores results, arrays and tables whole: with the agents and inputs that they hold.

        Returns:
            What `read_usage` reads; None where the response tells nothing that is known, which the log says once for
            each type. A stream itself is not read: that would take it from you.

        Raises:
            TypeError: `after` is not a whole number, or `is_success` not a bool.
            ValueError: `after` is negative, or the response holds no messages.

        """
        from xpander_facade.usage import _reading
        from xpander_facade.usage._tally import tally_of
        from xpander_facade.usage._usage import usage_of

        if is_success is not None:
            _validation.check_flag("is_success", is_success)
        told = _reading.collect(response, after=_validation.check_count("after", after))
        entries = tally_of(fragment.copy() for fragment in told).entries
        is_single = len(told) == 1 and told[0].chunk
        with self._lock:
            if response is not None:
                self._responses.append(RecordedResponse(response, shorten))
            self._take(entries, is_single=is_single, is_success=is_success)
        if self._ended:
            self._warn_of_end("record()")
        if not told and is_success is None:
            from xpander_facade.recorder._unread import note_unread

            note_unread(self._id, response)
        return usage_of(tally_of(told).entries)

    def stream(self, chunks: Iterable[T] | AsyncIterable[T]) -> RecordedStream[T]:
        """Pass the chunks of a stream on, and record what they tell on the way.

        Nothing has to be kept: what the stream told is recorded when it ends, breaks off or is left, and stored as a
        summary of it.

            with backend.external_task(input="6 * 7?") as run:
                for chunk in run.stream(["4", "2"]):
                    print(chunk, end="")

        Args:
            chunks: What a library returned for a stream, synchronous or asynchronous.

        Returns:
            An iterator, for `for` or `async for`, of the same chunks.

        """
        reading = StreamReading()
        with self._lock:
            self._streams.append(reading)
        return RecordedStream(chunks, reading, self._finish_stream)

    def _finish_stream(self, reading: StreamReading) -> None:
        """Record what a stream has told until now, once."""
        with self._lock:
            if reading not in self._streams:
                return
            self._streams.remove(reading)
            if reading.chunks:
                self._responses.append(RecordedResponse(reading.summary))
                self._take(reading.entries)
                if self._ended:
                    self._warn_of_end("stream()")

    @property
    def _is_bare(self) -> bool:
        """Whether no more is known than the id and the input."""
        return (
            self._tokens is None
            and self._llm_response is UNSET
            and not (self._used_tools or self._responses or self._seen_responses or self._metadata)
            and not (self._model or self._provider)
        )

    @property
    def _is_simple(self) -> bool:
        """Whether the report is made without calling any code of the user's: all that it tells is plain JSON."""
        if type(self._llm_response) in (dict, list):
            self._response_copy = small_copy(self._llm_response)
        is_simple = self._response_copy is not None or is_small_json(self.llm_response)
        return is_simple and (not self._metadata or is_small_json(self._metadata))

    @property
    def _usage(self) -> RunUsage:
        """What the run's model calls cost. Many runs record none, and need none."""
        if not self._made_usages:
            # Two threads may come here at once, for two parts of the run: whoever is first makes it for both.
            self._made_usages.append(RunUsage((object(),)))
        return self._made_usages[0]

    @_usage.setter
    def _usage(self, usage: RunUsage) -> None:
        self._made_usages[:] = [usage]

    def _finish_streams(self) -> None:
        """Record what streams and collectors have that were not taken to their ends."""
        if not (self._streams or self._collectors or run_observers):
            return
        with self._lock:
            for reading in [*self._streams]:
                self._finish_stream(reading)
            for collector in [*self._collectors.values()]:
                try:
                    collector.finish()
                except Exception as error:  # what is gathered for the record costs no run its report
                    _log.warning("run %s may lack what a collector has gathered: %s", self._id, error)
            for observe in [*run_observers]:
                observe(self)

    def _take_response(self, response: object, told: list[UsageFragment], way: str) -> None:
        """Take what an instrumented client has seen. What `record` is given is stored in its place."""
        with self._lock:
            if self._ended:
                _log.warning("run %s has ended: a response of its client %s comes too late", self._id, way)
                return
            self._seen_responses.append(RecordedResponse(response))
            self._take(told, way=way)

    def _take_spans(self, calls: Sequence[tuple[UsageFragment, int, str]], summary: UsageFragment | None) -> None:
        """Take what spans tell: model calls with their ranks and emitters, and the tools and text of all of them."""
        with self._lock:
            if self._ended:
                return
            self._apply(self._usage.take_ranked(calls), is_told_first=not self._responses)
            if summary is not None:
                self._apply(self._usage.take([summary], way=SPANS), is_told_first=not self._responses)

    def _take(
        self, told: list[UsageFragment], *, way: str = "", is_single: bool = False, is_success: bool | None = None
    ) -> None:
        """Add what was told to the run. Called with the lock held."""
        change = self._usage.take(told, way=way, is_single=is_single)
        self._apply(change, is_told_first=not way or not self._responses)
        if not way:
            self._recorded_failure = self._failure_after(change.told, is_success)

    def _apply(self, change: UsageChange, *, is_told_first: bool) -> None:
        """Change the run by what was told; its text is taken unless something better has told one."""
        if change.counts is not None:
            self._tokens = _plus(self._tokens, change.counts)
        usage = change.told
        if usage is not None:
            self._used_tools.extend(name for name in usage.tools if name not in self._used_tools)
            if is_told_first or self._text is None:
                self._text = usage.text or self._text
            self._model, self._provider = usage.model or self._model, usage.provider or self._provider
        for warning in change.warnings:
            _log.warning("run %s has recorded what does not tell all: %s", self._id, warning)

    def _failure_after(self, usage: Usage | None, is_success: bool | None) -> str | None:
        """Return why the run failed, as the last of what was recorded tells it; None where it did not."""
        if is_success is None and usage is not None:
            is_success = usage.is_success if usage.is_success is not None else (True if usage.text else None)
        if is_success is None:
            return self._recorded_failure
        if is_success:
            return None
        return (usage.failure or usage.text if usage is not None else None) or "the recorded result tells of a failure"

    def fail(self, reason: str) -> None:
        """Mark the run as failed without an exception.

            with backend.external_task(input="6 * 7?") as run:
                run.fail("the calculator is broken")

        Args:
            reason: Why; becomes the result.
        """
        self.result = reason
        self._is_success = False

    def _set_default_result(self, value: object) -> None:
        """Take what a function has returned as the result, unless one is set.

        A model's response, or an agent's result, is recorded, unless something was recorded before: it may be in that.
        """
        if isinstance(value, str):
            self._text = value
        elif value is None or isinstance(value, int | float | bytes):
            return
        else:
            usage = read_usage(value)
            if usage is None:
                self._text = _structured_text(value, self._text)
            elif not self._responses:
                self.record(value)
            else:
                self._text = usage.text or self._text

    @property
    def _is_used(self) -> bool:
        """Whether anything was recorded, or set."""
        return (
            self._tokens is not None
            or bool(self._responses or self._used_tools or self._metadata)
            or self._llm_response is not UNSET
            or self._result is not UNSET
            or not self.is_success
        )

    def _absorb(self, part: RunFields, *, has_raised: bool) -> None:
        """Take over what a part of this run, which has ended, has recorded.

        What it raised is caught on the way, or makes this run fail by itself.
        """
        with self._lock:
            if part._tokens is not None:
                self._tokens = (self._tokens or Tokens()) + part._tokens
            self._used_tools.extend(name for name in part._used_tools if name not in self._used_tools)
            self._responses.extend(part._responses)
            self._seen_responses.extend(part._seen_responses)
            if part._llm_response is not UNSET and part._llm_response is not None:
                self._responses.append(RecordedResponse(part._llm_response))
            self._metadata = {**self._metadata, **part._metadata}
            self._model, self._provider = part._model or self._model, part._provider or self._provider
            self._input = part._input if self._input is None else self._input
            if part._result is not UNSET:
                self._text = part._result
            else:
                self._text = part._text or self._text
            if not part._is_success and not has_raised:
                self._recorded_failure = part.result or "a part of the run has failed"
            elif part._responses and not has_raised:
                self._recorded_failure = part._recorded_failure

    def _warn_of_end(self, what: str) -> None:
        _log.warning("run %s has ended: its %s comes too late to be reported", self._id, what)


def _plus(tokens: Tokens | None, change: dict[str, int]) -> Tokens:
    before = tokens or Tokens()
    return Tokens(
        # The user may have set fewer tokens meanwhile than what is taken back here.
        prompt_tokens=max(0, before.prompt_tokens + change["prompt"]),
        completion_tokens=max(0, before.completion_tokens + change["completion"]),
        cache_read_tokens=max(0, before.cache_read_tokens + change["cache_read"]),
        cache_write_tokens=max(0, before.cache_write_tokens + change["cache_write"]),
    )


def _structured_text(value: object, text: str | None) -> str | None:
    """Return a model or dataclass as JSON, a list or dict too where there is no text; else the text that there is."""
    kind = type(value)
    # The second is what a model of pydantic's version 1 has.
    is_model = hasattr(kind, "model_dump") or hasattr(kind, "__fields__")
    if is_model or dataclasses.is_dataclass(kind) or attrs.has(kind):
        return to_text(value)
    return to_text(value) if text is None and isinstance(value, dict | list) else text
