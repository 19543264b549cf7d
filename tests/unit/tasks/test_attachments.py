"""Sorting a task's files and shaping them for Agno."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade import FileLimits
from xpander_facade.tasks._attachments import (
    UNREADABLE,
    FileKind,
    agno_files,
    agno_images,
    file_entries,
    file_urls,
    sort_file,
    sorted_files,
    urls_of,
)
from xpander_facade.types.models import AgentExecutionInput, Attachment

if TYPE_CHECKING:
    from pathlib import Path

PDF, IMAGE, READABLE, OTHER = FileKind.Pdf, FileKind.Image, FileKind.HumanReadable, FileKind.Other


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://files.example/report.pdf", PDF),
        ("https://files.example/REPORT.PDF", PDF),
        ("https://files.example/report.pdf?X-Signature=a.png&b=/c.txt", PDF),
        ("https://files.example/report.pdf#page=2.png", PDF),
        ("https://files.example/report%2Epdf", PDF),
        ("https://files.example/folder%2Freport.pdf", PDF),
        ("https://files.example/report.pdf;jsessionid=1.txt", PDF),
        ("https://files.example/report.pdf/", PDF),
        ("https://files.example/a.txt/report.pdf", PDF),
        ("https://files.example/report.pdf%20", PDF),
        ("https://files.example/photo.jpeg", IMAGE),
        ("https://files.example/Photo.JPG?w=10", IMAGE),
        ("https://files.example/photo.webp", IMAGE),
        ("https://files.example/photo.heic", IMAGE),
        ("https://files.example/drawing.svg", IMAGE),
        *((f"https://files.example/data.{suffix}", READABLE) for suffix in (
            "csv", "tsv", "json", "jsonl", "txt", "md", "log", "xml", "html", "yaml", "yml", "toml", "ini", "sql",
            "py", "js", "ts", "tsx", "java", "go", "rs", "c", "cpp", "cs", "rb", "php", "sh", "kt", "swift",
        )),
        ("https://files.example/Makefile", READABLE),
        ("https://files.example/README", READABLE),
        ("https://files.example/data.csv.gz", OTHER),
        ("https://files.example/data.txt.exe", OTHER),
        ("https://files.example/archive.zip", OTHER),
        ("https://files.example/archive.tar.gz", OTHER),
        ("https://files.example/letter.docx", OTHER),
        ("https://files.example/table.xlsx", OTHER),
        ("https://files.example/sound.mp3", OTHER),
        ("https://files.example/film.mp4", OTHER),
        ("https://files.example/without-suffix", OTHER),
        ("https://files.example/.json", READABLE),
        ("https://files.example/", OTHER),
        ("https://files.txt", OTHER),
        ("https://files.example?name=report.pdf", OTHER),
        ("https://[broken/report.pdf", PDF),
        ("report.pdf", PDF),
        ("", OTHER),
    ],
)  # fmt: skip
def test_a_url_is_sorted_by_the_suffix_of_its_path(url: str, kind: FileKind):
    assert sort_file(url) is kind


@pytest.mark.parametrize(
    ("fields", "url", "kind"),
    [
        ({"mime": "application/pdf"}, "https://x.example/photo.png", PDF),
        ({"mime": "IMAGE/PNG; q=1"}, "https://x.example/report.pdf", IMAGE),
        ({"mime": "text/csv; charset=utf-8"}, "https://x.example/1", READABLE),
        ({"mime": "application/json"}, "https://x.example/1", READABLE),
        ({"mime": "application/ld+json"}, "https://x.example/1", READABLE),
        ({"mime": "application/atom+xml"}, "https://x.example/1", READABLE),
        ({"mime": "application/x-yaml"}, "https://x.example/1", READABLE),
        ({"mime": "application/zip"}, "https://x.example/notes.txt", OTHER),
        ({"mime": "text/rtf"}, "https://x.example/notes.txt", OTHER),
        ({"mime": "audio/mpeg", "kind": "text"}, "https://x.example/notes.txt", OTHER),
        ({"mime": "application/pdf", "kind": "image"}, "https://x.example/1", PDF),
        ({"mime": "application/octet-stream", "kind": "image"}, "https://x.example/1", IMAGE),
        ({"mime": "application/octet-stream"}, "https://x.example/report.pdf", PDF),
        ({"mime": "application/vnd.ms-excel"}, "https://x.example/table.csv", READABLE),
        ({"mime": "application/vnd.ms-excel"}, "https://x.example/table.xls", OTHER),
        ({"mime": "nonsense"}, "https://x.example/report.pdf", PDF),
        ({"kind": "pdf"}, "https://x.example/1", PDF),
        ({"kind": "Image"}, "https://x.example/1", IMAGE),
        ({"kind": "text"}, "https://x.example/1", READABLE),
        ({"kind": "video"}, "https://x.example/notes.txt", OTHER),
        ({"kind": "document"}, "https://x.example/report.pdf", PDF),
        ({"kind": "document"}, "https://x.example/letter.docx", OTHER),
        ({"kind": "unknown"}, "https://x.example/data.csv", READABLE),
        ({"kind": "invented-tomorrow"}, "https://x.example/data.csv", READABLE),
        ({"name": "report.pdf"}, "https://x.example/download.php?id=7", PDF),
        ({"name": "report"}, "https://x.example/data.csv", READABLE),
        ({}, "https://x.example/data.csv", READABLE),
    ],
)
def test_what_an_attachment_says_comes_before_the_url(fields: dict[str, str], url: str, kind: FileKind):
    assert sort_file(url, Attachment(url=url, **fields)) is kind


def test_the_standard_librarys_table_decides_on_suffixes_that_ours_lacks():
    assert sort_file("https://x.example/letters.htc") is OTHER
    assert sort_file("https://x.example/page.etx") is READABLE  # text/x-setext
    assert sort_file("https://x.example/photo.ras") is IMAGE  # image/x-cmu-raster


def test_the_order_of_files_is_kept_and_attachments_add_only_what_files_lacks():
    asked = AgentExecutionInput(
        files=["https://x/b.pdf", "https://x/1", "https://x/a.png", "https://x/b.pdf"],
        attachments=[
            Attachment(url="https://x/1", mime="application/pdf"),
            Attachment(url="https://x/2", mime="application/pdf"),
            Attachment(url="https://x/2", mime="image/png"),
        ],
    )
    assert file_urls(asked) == ["https://x/b.pdf", "https://x/1", "https://x/a.png", "https://x/b.pdf", "https://x/2"]
    # One that is named twice is one file.
    assert urls_of(asked, PDF) == ["https://x/b.pdf", "https://x/1", "https://x/2"]
    assert urls_of(asked, IMAGE) == ["https://x/a.png"]
    assert urls_of(asked, READABLE) == []


@given(st.lists(st.text()), st.lists(st.builds(Attachment, url=st.text(), name=st.text(), mime=st.text())))
def test_whatever_the_urls_are_each_is_sorted(files: list[str], attachments: list[Attachment]):
    found = sorted_files(AgentExecutionInput(files=files, attachments=attachments))
    assert [url for url, _ in found][: len(files)] == files
    assert {url for url, _ in found} == {*files, *(attachment.url for attachment in attachments)}


def test_without_agno_the_urls_are_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "agno.media", None)
    assert agno_files(["https://x/a.pdf"]) == ["https://x/a.pdf"]
    assert agno_images(["https://x/a.png"]) == ["https://x/a.png"]
    assert agno_files([]) == agno_images([]) == []


def test_with_an_agno_that_fails_to_import_the_urls_are_given_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    package = tmp_path / "agno"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "media.py").write_text("raise AttributeError('this pydantic has no such thing')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "agno"]:
        monkeypatch.delitem(sys.modules, name)
    assert agno_files(["https://x/a.pdf"]) == ["https://x/a.pdf"]
    assert agno_images(["https://x/a.png"]) == ["https://x/a.png"]
    assert "agno" in caplog.text
    assert "this pydantic has no such thing" in caplog.text


def test_with_agno_its_objects_are_given(monkeypatch: pytest.MonkeyPatch):
    media: Any = ModuleType("agno.media")
    media.File = lambda **fields: SimpleNamespace(kind="file", **fields)
    media.Image = lambda **fields: SimpleNamespace(kind="image", **fields)
    monkeypatch.setitem(sys.modules, "agno", ModuleType("agno"))
    monkeypatch.setitem(sys.modules, "agno.media", media)
    assert agno_files(["https://x/a"]) == [SimpleNamespace(kind="file", url="https://x/a", mime_type="application/pdf")]
    assert agno_images(["https://x/b"]) == [SimpleNamespace(kind="image", url="https://x/b")]
    assert agno_files([]) == agno_images([]) == []


def test_a_file_without_a_text_has_an_entry_that_says_so():
    entries = file_entries(["u1", "u2", "u3", "u1"], {"u1": "one", "u2": None})
    assert entries == [
        {"url": "u1", "content": "one"},
        {"url": "u2", "content": UNREADABLE},
        {"url": "u3", "content": UNREADABLE},
        {"url": "u1", "content": "one"},
    ]


def test_the_limits_have_the_documented_defaults():
    limits = FileLimits()
    assert (limits.timeout, limits.max_bytes, limits.concurrency, limits.max_redirects) == (15.0, 5_000_000, 8, 5)
    assert (limits.max_files, limits.max_total_bytes) == (100, 20_000_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout": 0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": "15"},
        {"timeout": True},
        {"max_bytes": 0},
        {"max_bytes": 1.5},
        {"concurrency": 0},
        {"max_redirects": -1},
        {"max_redirects": True},
        {"max_files": -1},
        {"max_total_bytes": 0},
        {"max_total_bytes": 1e6 + 0.5},
    ],
)
def test_a_limit_that_does_not_limit_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(fields))):
        FileLimits(**fields)
