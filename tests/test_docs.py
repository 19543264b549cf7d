"""The documents, held against what they describe: code is run, output compared, links and names looked up."""

from __future__ import annotations

import ast
import asyncio
import builtins
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

import xpander_facade
import xpander_facade.emulator
import xpander_facade.integrations
from xpander_facade.emulator import Emulator
from xpander_facade.migration import GONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token
    from opentelemetry.sdk.trace import TracerProvider

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
NOT_RUN = re.compile(r"<!-- not run: .+ -->")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
MORE_HEADERS = pytest.mark.off_contract("the page shows headers of a gateway, or of a tracer")
WITH_MORE_HEADERS = {"configuration.md", "opentelemetry.md"}
RUN = [pytest.param(page, marks=MORE_HEADERS) if page.name in WITH_MORE_HEADERS else page for page in PAGES]


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator that the environment names, as a reader of the documents would have it."""
    with Emulator(validate_answers=True, step=0.05) as emulator:
        monkeypatch.setenv("XPANDER_API_KEY", "docs-key")
        monkeypatch.setenv("XPANDER_BASE_URL", emulator.url)
        monkeypatch.setenv("XPANDER_ORGANIZATION_ID", "org-1")
        monkeypatch.setenv("XPANDER_AGENT_ID", "docs-agent")
        monkeypatch.delenv("IS_STG", raising=False)
        providers: list[TracerProvider] = []  # a page sets the process's one, which other tests want to find unset

        def set_tracer_provider(provider: TracerProvider) -> None:
            providers.append(provider)
            monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)

        monkeypatch.setattr("opentelemetry.trace.set_tracer_provider", set_tracer_provider)
        yield emulator
        for provider in providers:
            provider.shutdown()
        assert emulator.violations == []
        assert [complaint for request in emulator.requests() for complaint in request.complaints] == []


def fences(page: Path) -> Iterator[tuple[Token, str | None]]:
    """Give the Python fences of a page that are to be run, each with what a text fence right behind it promises."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.type == "fence" and token.info == "python":
            if before is not None and NOT_RUN.match(before.content):
                continue
            shown = after is not None and after.type == "fence" and after.info == "text"
            yield token, after.content if shown else None


@pytest.mark.parametrize("page", RUN, ids=[page.name for page in PAGES])
def test_the_code_of_a_page_runs_and_prints_what_it_says(
    page: Path, platform: Emulator, capsys: pytest.CaptureFixture[str]
):
    namespace: dict[str, object] = {"__name__": "__docs__"}
    with asyncio.Runner() as runner:
        for fence, promised in fences(page):
            line = fence.map[0] + 1
            code = compile(
                "\n" * line + fence.content, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
            )
            outcome = eval(code, namespace)
            if inspect.iscoroutine(outcome):
                runner.run(outcome)
            printed = capsys.readouterr().out
            if promised is not None:
                agrees = doctest.OutputChecker().check_output(promised, printed, doctest.ELLIPSIS)
                assert agrees, f"{page}:{line} promises\n{promised}\nbut prints\n{printed}"


def test_the_pages_that_teach_code_have_code_that_is_run():
    counts = {page.name: len(list(fences(page))) for page in PAGES}
    assert min(counts[name] for name in ("README.md", "reporting.md", "tasks.md", "emulator.md")) >= 4


@each_page
def test_relative_links_lead_somewhere(page: Path):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8")):
        goal = page.parent / target if target else page
        assert goal.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_errors_that_are_named_exist(page: Path):
    named = set(re.findall(r"\b[A-Z]\w+(?:Error|Exception)\b", page.read_text(encoding="utf-8")))
    known = {*xpander_facade.__all__, *xpander_facade.emulator.__all__, *GONE}
    assert {name for name in named if name not in known and not hasattr(builtins, name)} == set()


def test_make_help_lists_every_target_that_is_named():
    listed = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", texts, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named - set(re.findall(r"^ +make ([a-z-]+) ", listed, re.MULTILINE)) == set()


def test_the_options_of_the_emulator_are_those_it_has():
    command = [sys.executable, "-m", "xpander_facade.emulator", "--help"]
    had = set(re.findall(r"--[a-z-]+", subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    table = re.findall(r"^\| `(--[a-z-]+)`", (ROOT / "docs/emulator.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(table) == had - {"--help"}


def test_the_arguments_of_the_emulator_and_configuration_are_those_they_have():
    for file, cls in (("emulator.md", Emulator), ("configuration.md", xpander_facade.Configuration)):
        text = (ROOT / "docs" / file).read_text(encoding="utf-8")
        rows = re.search(r"^\| argument \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
        assert rows is not None
        named = {name for row in rows[1].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
        assert named == set(inspect.signature(cls).parameters)


def test_the_variables_of_the_readme_are_those_that_are_read():
    package = ROOT / "xpander_facade" / "configuration"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py")))
    read = set(re.findall(r'"((?:XPANDER_|IS_|SSL_)[A-Z_]*)"', source))
    table = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for cell in table for name in re.findall(r"\w+", cell) if not name.endswith("_PROXY")}
    assert told == read


# --- the reference ---


def public_names() -> set[str]:
    """Every public name, by the module that it is to be imported from: the package itself, where that has it."""
    found = {f"xpander_facade.{name}" for name in xpander_facade.__all__}
    integrations = [f"integrations.{name}" for name in xpander_facade.integrations.__all__]
    for name in ("emulator", "outbox", "testing", "types", "usage", *integrations):
        module = importlib.import_module(f"xpander_facade.{name}")
        found |= {f"{module.__name__}.{it}" for it in module.__all__ if f"xpander_facade.{it}" not in found}
    return found


def test_the_reference_has_every_public_name_once():
    named = [name for page in ROOT.glob("docs/api/*.md") for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)]
    assert sorted(named) == sorted(public_names())


def test_the_navigation_of_the_site_has_every_page():
    named = re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md"))
