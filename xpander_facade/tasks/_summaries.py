"""Summaries of a session before a retry: by a function of the user's, or by the platform's summariser."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from xpander_facade import _requests
from xpander_facade._process.threads import in_thread
from xpander_facade._serialization import codec
from xpander_facade.errors import XpanderError

if TYPE_CHECKING:
    from logging import Logger

    from xpander_facade.configuration._configuration import Configuration
    from xpander_facade.tasks._compaction import Session

_MAX_SUMMARISED = 100_000

Summarize = Callable[[str], "str | Awaitable[str]"] | Literal["platform"]
"""What sums a session up: a function from its text to a shorter one, or the platform's summariser."""


def check_summarize(summarize: Summarize | None) -> None:
    """Check what is to sum a session up.

    Raises:
        TypeError: It is not a function.
        ValueError: It is an unknown word.
    """
    if isinstance(summarize, str):
        if summarize != "platform":
            raise ValueError(f'summarize must be a function, "platform" or None, not {summarize!r}')
    elif summarize is not None and not callable(summarize):
        raise TypeError(f'summarize must be a function, "platform" or None, not {type(summarize).__name__}')


def summaries(
    configuration: Configuration, session: Session, summarize: Summarize | None
) -> tuple[str | None, dict[int, str]]:
    """Return the summary of a session that a function made, and those of its largest calls that the platform made.

    What fails is logged, and costs its summary alone.

    Raises:
        TypeError: The function is async, which only the async form can await.
    """
    if summarize is None:
        return None, {}
    if isinstance(summarize, str):
        return None, _platform_summaries(configuration, session)
    return _summarized(session, summarize), {}


async def asummaries(
    configuration: Configuration, session: Session, summarize: Summarize | None
) -> tuple[str | None, dict[int, str]]:
    """Return the summary of a session that a function made, and those of its largest calls that the platform made.

    What fails is logged, and costs its summary alone.

    Raises:
        TypeError: The function is async, which only the async form can await.
    """
    if summarize is None:
        return None, {}
    if isinstance(summarize, str):
        return None, await _aplatform_summaries(configuration, session)
    return await _asummarized(session, summarize), {}


def _summarized(session: Session, summarize: Callable[[str], str | Awaitable[str]]) -> str | None:
    from xpander_facade.tasks._compaction import transcript

    try:
        summary = summarize(transcript(session))
    except Exception:
        _log().warning("summarize failed; the session is compacted without it", exc_info=True)
        return None
    if inspect.isawaitable(summary):
        if inspect.iscoroutine(summary):
            # A coroutine that nobody awaits warns when it is collected.
            summary.close()
        raise TypeError(
            "summarize is an async function: await acompact_session_for_retry(), or pass a function that is not async"
        )
    return _usable(summary)


async def _asummarized(session: Session, summarize: Callable[[str], str | Awaitable[str]]) -> str | None:
    from xpander_facade.tasks._compaction import transcript

    try:
        if inspect.iscoroutinefunction(summarize):
            summary: object = summarize(transcript(session))
        else:
            # A function that asks a model for seconds must not hold up the loop. What `asyncio.to_thread` runs may not
            # raise StopIteration before Python 3.12.4: nobody would ever be told.
            summary = await in_thread(summarize, transcript(session))
        if inspect.isawaitable(summary):
            summary = await summary
    except Exception:
        _log().warning("summarize failed; the session is compacted without it", exc_info=True)
        return None
    return _usable(summary)


def _usable(summary: object) -> str | None:
    if isinstance(summary, str) and summary.strip():
        return summary
    _log().warning("summarize returned %s, not a text; the session is compacted without it", type(summary).__name__)
    return None


def _platform_summaries(configuration: Configuration, session: Session) -> dict[int, str]:
    from xpander_facade import _client
    from xpander_facade.tasks._compaction import largest_calls

    found: dict[int, str] = {}
    try:
        for call in largest_calls(session):
            request = _requests.summary_request(call.tool_name, _bounded(call.payload), _bounded(call.result))
            found[id(call)] = _client.send(configuration, request, _read_summary)
    except XpanderError as error:
        # One that fails would mostly fail for the others too, each after its retries.
        _log().warning("the platform's summariser failed; the other calls are shortened here: %s", error)
    return {key: summary for key, summary in found.items() if summary}


async def _aplatform_summaries(configuration: Configuration, session: Session) -> dict[int, str]:
    from xpander_facade import _client
    from xpander_facade.tasks._compaction import largest_calls

    found: dict[int, str] = {}
    try:
        for call in largest_calls(session):
            request = _requests.summary_request(call.tool_name, _bounded(call.payload), _bounded(call.result))
            found[id(call)] = await _client.asend(configuration, request, _read_summary)
    except XpanderError as error:
        # One that fails would mostly fail for the others too, each after its retries.
        _log().warning("the platform's summariser failed; the other calls are shortened here: %s", error)
    return {key: summary for key, summary in found.items() if summary}


def _log() -> Logger:
    import logging

    return logging.getLogger("xpander_facade")


def _bounded(value: Any) -> Any:
    from xpander_facade.tasks._compaction import cut, size, words_of

    text = words_of(value)
    return value if size(text) <= _MAX_SUMMARISED else cut(text, _MAX_SUMMARISED)


def _read_summary(data: Any) -> str:
    answer = _object(data, "")
    if answer.get("result") is None:
        return ""
    summaries = _object(answer["result"], "result")
    parts = [summaries.get("request_summary"), summaries.get("response_summary")]
    return " ".join(part for part in parts if isinstance(part, str) and part)


def _object(data: Any, path: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise codec.DecodeError("expected an object", path)
    return cast("dict[str, Any]", data)
