"""Attachments: a task's files, sorted by what can be done with them, and in their form for Agno. No I/O.

Agno is imported inside the functions that shape for it, and only there; without it they give the URLs.
"""

from __future__ import annotations

import functools
import importlib
import logging
import mimetypes
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xpander_facade.types.models import AgentExecutionInput, Attachment

_log = logging.getLogger("xpander_facade")

UNREADABLE = "This file could not be read."
"""What stands for the content of a file that could not be fetched. The reason is in the log."""


class FileKind(StrEnum):
    """What can be done with a file: hand it over as a document or an image, read it as text, or only name it."""

    Pdf = "pdf"
    Image = "image"
    HumanReadable = "human_readable"
    Other = "other"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PDF = "application/pdf"
_IMAGES = _names("png jpg jpeg jpe jfif gif webp bmp tif tiff svg heic heif avif ico")
_READABLE = _names(
    """
    csv tsv json jsonl ndjson geojson txt text md markdown rst adoc tex log xml xsd xsl html htm xhtml yaml yml toml
    ini cfg conf properties env sql diff patch srt vtt ics ipynb proto graphql gql
    py pyi js mjs cjs jsx ts mts cts tsx vue svelte css scss sass less java kt kts scala groovy gradle clj c h cc cpp
    cxx hh hpp hxx m mm cs fs vb go rs rb php pl pm r jl lua swift dart ex exs erl hs ml elm nim zig sol asm
    sh bash zsh fish ps1 bat cmd mk cmake tf hcl
    """
)
_READABLE_NAMES = _names("readme license changelog makefile dockerfile jenkinsfile gemfile rakefile")
_READABLE_APPLICATIONS = _names(
    """
    json jsonl x-jsonlines x-ndjson ndjson json5 xml xhtml yaml x-yaml toml sql x-sql javascript x-javascript ecmascript
    typescript x-typescript x-python x-python-code x-sh x-shellscript x-httpd-php x-ruby x-perl x-csh x-tex x-latex
    graphql csv
    """
)
# These say nothing: the first three are what servers say of anything, the last is what Windows calls a CSV file too.
_VAGUE = frozenset({
    "application/octet-stream", "binary/octet-stream", "application/x-download", "application/vnd.ms-excel",
})  # fmt: skip
_KINDS = {
    "image": FileKind.Image,
    "pdf": FileKind.Pdf,
    "text": FileKind.HumanReadable,
    "audio": FileKind.Other,
    "video": FileKind.Other,
    "archive": FileKind.Other,
}


def sort_file(url: str, attachment: Attachment | None = None) -> FileKind:
    """Return what can be done with a file.

    The attachment's `mime` says it, else its `kind`, else the suffix of its `name` or of the URL's path, else the
    standard library's table of suffixes.
    """
    names = [_last_segment(url)]
    if attachment is not None:
        mime = (attachment.mime or "").partition(";")[0].strip().lower()
        # What is not of this form, as "pdf" by itself, says as little as nothing.
        if "/" in mime and mime not in _VAGUE:
            return _by_mime(mime)
        kind = _KINDS.get((attachment.kind or "").strip().lower())
        if kind is not None:
            return kind
        # A URL such as /download.php tells less about the file than the name it was given.
        names.insert(0, (attachment.name or "").strip())
    for by in (_by_suffix, _by_table):
        for name in names:
            found = by(name.lower())
            if found is not None:
                return found
    return FileKind.Other


def sorted_files(asked: AgentExecutionInput) -> list[tuple[str, FileKind]]:
    """Return the URL of every file of a task's input and what can be done with it, in order.

    First `files`, then those of `attachments` that `files` does not name.
    """
    # Reversed, so that of several attachments with one URL the first counts.
    known = {attachment.url: attachment for attachment in reversed(asked.attachments)}
    return [(url, sort_file(url, known.get(url))) for url in file_urls(asked)]


def file_urls(asked: AgentExecutionInput) -> list[str]:
    """Return the URL of every file of a task's input, in order: `files`, then what only `attachments` names."""
    more = dict.fromkeys(attachment.url for attachment in asked.attachments)
    named = set(asked.files)
    return [*asked.files, *(url for url in more if url not in named)]


def urls_of(asked: AgentExecutionInput, kind: FileKind) -> list[str]:
    """Return the URLs of the files of one kind, in order, each once."""
    return list(dict.fromkeys(url for url, found in sorted_files(asked) if found is kind))


def agno_files(urls: Sequence[str]) -> list[Any]:
    """Return Agno `File` objects for URLs of PDF files, or the URLs where Agno is not installed."""
    media = _agno_media()
    return list(urls) if media is None else [media.File(url=url, mime_type=_PDF) for url in urls]


def agno_images(urls: Sequence[str]) -> list[Any]:
    """Return Agno `Image` objects for URLs of images, or the URLs where Agno is not installed."""
    media = _agno_media()
    return list(urls) if media is None else [media.Image(url=url) for url in urls]


def file_entries(urls: Sequence[str], texts: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Return one entry for each URL: its content, or one neutral sentence where there is none."""
    entries: list[dict[str, str]] = []
    for url in urls:
        text = texts.get(url)
        entries.append({"url": url, "content": UNREADABLE if text is None else text})
    return entries


def _agno_media() -> Any:
    try:
        return importlib.import_module("agno.media")
    except ImportError:
        return None
    except Exception:  # an Agno that does not fit its own dependencies can fail in any way
        _log.warning("agno is installed but can't be imported; files are given as URLs", exc_info=True)
        return None


def _last_segment(url: str) -> str:
    # By hand: urlsplit raises for what is not a URL, and a task's files are whatever its writer put there.
    path = url.partition("#")[0].partition("?")[0]
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    segment = path.rstrip("/").rpartition("/")[2].partition(";")[0]
    return unquote(segment).strip().rpartition("/")[2]


def _by_mime(mime: str) -> FileKind:
    main, _, sub = mime.partition("/")
    if mime in {_PDF, "application/x-pdf"}:
        return FileKind.Pdf
    if main == "image":
        return FileKind.Image
    # RTF is a text by its type alone; what one reads in it is its markup.
    if main == "text" and sub != "rtf":
        return FileKind.HumanReadable
    if main == "application" and (sub in _READABLE_APPLICATIONS or sub.endswith(("+json", "+xml", "+yaml"))):
        return FileKind.HumanReadable
    return FileKind.Other


def _by_suffix(name: str) -> FileKind | None:
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        return FileKind.HumanReadable if name in _READABLE_NAMES else None
    if suffix == "pdf":
        return FileKind.Pdf
    if suffix in _IMAGES:
        return FileKind.Image
    return FileKind.HumanReadable if suffix in _READABLE else None


def _by_table(name: str) -> FileKind | None:
    mime, encoding = _table().guess_type(f"file.{name.rpartition('.')[2]}") if "." in name else (None, None)
    if encoding is not None:
        return FileKind.Other  # packed, such as .csv.gz
    return None if mime is None else _by_mime(mime)


@functools.cache
def _table() -> mimetypes.MimeTypes:
    # An instance of one's own holds the standard library's table, and not what this machine's /etc/mime.types adds.
    return mimetypes.MimeTypes()
