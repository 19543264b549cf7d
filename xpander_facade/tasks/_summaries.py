"""Own what a task says and shows to an agent: its files, its message, and the compacted session before a retry."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from xpander_facade._requests.tasks import summary_request
from xpander_facade._serialization import codec
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import XpanderError
from xpander_facade.tasks._reporting import Reportable
from xpander_facade.types.models import CompactRetryResult

if TYPE_CHECKING:
    from logging import Logger

    from xpander_facade.tasks._compaction import Session
    from xpander_facade.types.activity import AgentActivityThread
    from xpander_facade.types.file_limits import FileLimits

_MAX_SUMMARISED = 100_000

Summarize = Callable[[str], "str | Awaitable[str]"] | Literal["platform"]
"""What sums a session up: a function from its text to a shorter one, or the platform's summariser."""


class TaskFiles(Reportable):
    """The part of Task that prepares it for an agent."""

    __slots__ = ()

    if TYPE_CHECKING:  # what Task has, and a compaction needs

        def save(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self: ...
        async def asave(self, with_deep_plan_update: bool = False, *, only_changed: bool = False) -> Self: ...
        def get_activity_log(self) -> AgentActivityThread: ...
        async def aget_activity_log(self) -> AgentActivityThread: ...

    def get_files(self) -> list[Any]:
        """Return the PDF files of the input as Agno `File` objects, or their URLs where Agno is not installed."""
        from xpander_facade.tasks._attachments import FileKind, agno_files, urls_of

        return agno_files(urls_of(self.input, FileKind.Pdf))

    def get_images(self) -> list[Any]:
        """Return the images of the input as Agno `Image` objects, or their URLs where Agno is not installed."""
        from xpander_facade.tasks._attachments import FileKind, agno_images, urls_of

        return agno_images(urls_of(self.input, FileKind.Image))

    def get_human_readable_files(self, *, limits: FileLimits | None = None) -> list[dict[str, str]]:
        """Fetch the text files of the input (CSV, JSON, Markdown, source code, ...) and return what they say.

        Files on private addresses are not fetched, unless the configuration has `allow_private_file_hosts`. The API key
        is not sent.

        Args:
            limits: What the files may cost; by default each 15 s, 5 MB and 5 redirects, 8 at once, and all together 100
                files and 20 MB of text.

        Returns:
            One `url` and `content` for each text file, in order, also for one that is named twice. Where a file could
            not be read whole, the content is one sentence that says so, and the reason is in the log. Nothing with
            `disable_attachment_injection`.
        """
        from xpander_facade._downloads import fetch
        from xpander_facade.tasks._attachments import FileKind, file_entries, urls_of
        from xpander_facade.types.file_limits import FileLimits

        if self.disable_attachment_injection:
            return []
        urls = urls_of(self.input, FileKind.HumanReadable)
        texts = fetch.fetch_texts(self.configuration or Configuration(), urls, limits or FileLimits())
        return file_entries(urls, texts)

    async def aget_human_readable_files(self, *, limits: FileLimits | None = None) -> list[dict[str, str]]:
        """Fetch the text files of the input (CSV, JSON, Markdown, source code, ...) and return what they say.

        Files on private addresses are not fetched, unless the configuration has `allow_private_file_hosts`. The API key
        is not sent.

        Args:
            limits: What the files may cost; by default each 15 s, 5 MB and 5 redirects, 8 at once, and all together 100
                files and 20 MB of text.

        Returns:
            One `url` and `content` for each text file, in order, also for one that is named twice. Where a file could
            not be read whole, the content is one sentence that says so, and the reason is in the log. Nothing with
            `disable_attachment_injection`.
        """
        from xpander_facade._downloads import fetch
        from xpander_facade.tasks._attachments import FileKind, file_entries, urls_of
        from xpander_facade.types.file_limits import FileLimits

        if self.disable_attachment_injection:
            return []
        urls = urls_of(self.input, FileKind.HumanReadable)
        texts = await fetch.afetch_texts(self.configuration or Configuration(), urls, limits or FileLimits())
        return file_entries(urls, texts)

    def to_message(self, retry_count: int = 0, *, limits: FileLimits | None = None) -> str:
        """Return the message for the agent: the prompt, the URLs of its files, and what the text files say.

        On a retry with an active plan it goes on with a list of what is done and what is not, and the next item.

        Args:
            retry_count: How many attempts there were before this one.
            limits: What reading the files may cost.

        Raises:
            ValueError: `retry_count` is negative.
        """
        _check_retry_count(retry_count)
        contents = self.get_human_readable_files(limits=limits)
        return self._message(contents, retry_count)

    async def ato_message(self, retry_count: int = 0, *, limits: FileLimits | None = None) -> str:
        """Return the message for the agent: the prompt, the URLs of its files, and what the text files say.

        On a retry with an active plan it goes on with a list of what is done and what is not, and the next item.

        Args:
            retry_count: How many attempts there were before this one.
            limits: What reading the files may cost.

        Raises:
            ValueError: `retry_count` is negative.
        """
        _check_retry_count(retry_count)
        contents = await self.aget_human_readable_files(limits=limits)
        return self._message(contents, retry_count)

    def compact_session_for_retry(self, *, summarize: Summarize | None = None) -> CompactRetryResult:
        """Write what matters of the session so far into `additional_context`, within 32 kB, and save the task.

        An earlier compacted context is replaced; the rest of the additional context stays. With fewer than three
        entries in the activity log there is nothing to do.

        Args:
            summarize: Takes the session as a text of at most 200 kB and returns a summary of it, which takes the place
                of the list of earlier calls; "platform" lets the platform's summariser shorten the 20 largest calls.
                Where it fails, the log says so, and the session is compacted without it. An async function needs
                `acompact_session_for_retry`.

        Returns:
            What was done. The tokens are estimates: one for every four bytes of the session and of what is kept of it.

        Raises:
            TypeError: `summarize` is no function, or an async one where this is the plain twin; nothing was saved.
            ValueError: `summarize` is an unknown word; nothing was sent. Or the task can't be saved, see `save`.
            ModuleException: The session could not be loaded, or the task not be saved.
        """
        from xpander_facade.tasks._compaction import session_of

        _check_summarize(summarize)
        session = session_of(self, self.get_activity_log())
        if session is None:
            return CompactRetryResult(compacted=False)
        configuration = self.configuration or Configuration()
        summary, call_summaries = _summaries(configuration, session, summarize)
        result = self._compact(session, summary, call_summaries)
        self.save(only_changed=True)
        return result

    async def acompact_session_for_retry(self, *, summarize: Summarize | None = None) -> CompactRetryResult:
        """Write what matters of the session so far into `additional_context`, within 32 kB, and save the task.

        An earlier compacted context is replaced; the rest of the additional context stays. With fewer than three
        entries in the activity log there is nothing to do.

        Args:
            summarize: Takes the session as a text of at most 200 kB and returns a summary of it, which takes the place
                of the list of earlier calls; "platform" lets the platform's summariser shorten the 20 largest calls.
                Where it fails, the log says so, and the session is compacted without it. An async function needs
                `acompact_session_for_retry`.

        Returns:
            What was done. The tokens are estimates: one for every four bytes of the session and of what is kept of it.

        Raises:
            TypeError: `summarize` is no function, or an async one where this is the plain twin; nothing was saved.
            ValueError: `summarize` is an unknown word; nothing was sent. Or the task can't be saved, see `save`.
            ModuleException: The session could not be loaded, or the task not be saved.
        """
        from xpander_facade.tasks._compaction import session_of

        _check_summarize(summarize)
        session = session_of(self, await self.aget_activity_log())
        if session is None:
            return CompactRetryResult(compacted=False)
        configuration = self.configuration or Configuration()
        summary, call_summaries = await _asummaries(configuration, session, summarize)
        result = self._compact(session, summary, call_summaries)
        await self.asave(only_changed=True)
        return result

    def _message(self, contents: list[dict[str, str]], retry_count: int) -> str:
        from xpander_facade.tasks._attachments import file_urls
        from xpander_facade.tasks._prompts import continuation_text, is_active, message_text

        message = message_text(self.input.text, file_urls(self.input), contents)
        # A worker that tries again an unfinished plan says here how often it did; its handler need not know.
        retry_count = retry_count or getattr(self, "_retries", 0)
        if retry_count and is_active(self.deep_planning):
            return continuation_text(message, self.deep_planning, retry_count, self.additional_context)
        return message

    def _compact(self, session: Session, summary: str | None, call_summaries: Mapping[int, str]) -> CompactRetryResult:
        from xpander_facade.tasks._compaction import compacted, estimated_tokens, input_size, size, with_context

        block = compacted(session, summary, call_summaries)
        self.additional_context = with_context(self.additional_context, block)
        before, after = estimated_tokens(input_size(session)), estimated_tokens(size(block))
        return CompactRetryResult(True, input_tokens=before, output_tokens=after, total_tokens=before + after)


def _check_retry_count(retry_count: int) -> None:
    if retry_count < 0:
        raise ValueError(f"retry_count must be 0 or more, not {retry_count}")


def _check_summarize(summarize: Summarize | None) -> None:
    if isinstance(summarize, str):
        if summarize != "platform":
            raise ValueError(f'summarize must be a function, "platform" or None, not {summarize!r}')
    elif summarize is not None and not callable(summarize):
        raise TypeError(f'summarize must be a function, "platform" or None, not {type(summarize).__name__}')


def _summaries(
    configuration: Configuration, session: Session, summarize: Summarize | None
) -> tuple[str | None, dict[int, str]]:
    from xpander_facade.tasks._compaction import transcript

    if summarize is None:
        return None, {}
    if isinstance(summarize, str):
        return None, _platform_summaries(configuration, session)
    try:
        summary = summarize(transcript(session))
    except Exception:
        _log().warning("summarize failed; the session is compacted without it", exc_info=True)
        return None, {}
    if inspect.isawaitable(summary):
        if inspect.iscoroutine(summary):
            summary.close()
        raise TypeError("summarize is an async function: await acompact_session_for_retry(), or pass a plain one")
    return _usable(summary), {}


async def _asummaries(
    configuration: Configuration, session: Session, summarize: Summarize | None
) -> tuple[str | None, dict[int, str]]:
    from xpander_facade.tasks._compaction import transcript

    if summarize is None:
        return None, {}
    if isinstance(summarize, str):
        return None, await _aplatform_summaries(configuration, session)
    try:
        if inspect.iscoroutinefunction(summarize):
            summary: object = summarize(transcript(session))
        else:
            # A plain function that asks a model for seconds must not hold up the loop.
            import asyncio

            summary = await asyncio.to_thread(summarize, transcript(session))
        if inspect.isawaitable(summary):
            summary = await summary
    except Exception:
        _log().warning("summarize failed; the session is compacted without it", exc_info=True)
        return None, {}
    return _usable(summary), {}


def _usable(summary: object) -> str | None:
    if isinstance(summary, str) and summary.strip():
        return summary
    _log().warning("summarize gave no text but %s; the session is compacted without it", type(summary).__name__)
    return None


def _platform_summaries(configuration: Configuration, session: Session) -> dict[int, str]:
    from xpander_facade import _client
    from xpander_facade.tasks._compaction import largest_calls

    found: dict[int, str] = {}
    try:
        for call in largest_calls(session):
            request = summary_request(call.tool_name, _bounded(call.payload), _bounded(call.result))
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
            request = summary_request(call.tool_name, _bounded(call.payload), _bounded(call.result))
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
        raise codec.Mismatch("expected an object", path)
    return cast("dict[str, Any]", data)
