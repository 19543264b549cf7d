"""What a code base that uses the platform's own client, `xpander_sdk`, has to change to use this one.

    for finding in scan(Path("my_project")):
        print(finding.path, finding.line, finding.message)

`xpander-facade migrate PATH` prints the same. Files are parsed, never imported or run.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

import xpander_facade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VENDOR: Final = "xpander_sdk"
_OURS: Final = "xpander_facade"
_SKIPPED: Final = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", "site-packages", ".tox", "build"})

GONE: Final[Mapping[str, str]] = {
    "Events": "decorate a handler with on_task, and serve it with handler.run()",
    "KnowledgeBase": "search with Agent.search_knowledge; the platform's site manages documents",
    "KnowledgeBases": "search with Agent.search_knowledge; the platform's site manages documents",
    "ProviderUnreachableError": "catch APIConnectionError",
    "Tool": "an agent's tools are AgentTool; call one with Agent.invoke_tool",
    "ToolsRepository": "an agent's tools are Agent.tools; call one with Agent.invoke_tool",
    "build_model_from_schema": "Backend.get_args makes the model of output_schema",
    "is_promise_only_answer": "nothing takes its place",
    "on_auth_event": "nothing takes its place: MCP servers that need a login are left out",
    "on_tool_after": "tool_call_result events of the task tell of each call",
    "on_tool_before": "tool_call_request events of the task tell of each call",
    "on_tool_error": "tool_call_result events of the task tell of each call",
    "register_tool": "pass the function to Backend.get_args(tools=[...])",
    "MAX_PLAN_RETRIES": "the worker retries a plan by itself",
    "PROMISE_CONTINUATION_NUDGE": "nothing takes its place",
}
"""Names of the platform's client that there are not here, each with what to do instead."""

METHODS_GONE: Final[Mapping[str, str]] = {
    "aget_db": "pass a database of Agno: aget_args(override={'db': PostgresDb(...)})",
    "get_db": "pass a database of Agno: get_args(override={'db': PostgresDb(...)})",
    "aget_connection_string": "nothing takes its place",
    "get_connection_string": "nothing takes its place",
    "aget_user_sessions": "keep sessions in a database of your own: override={'db': ...}",
    "get_user_sessions": "keep sessions in a database of your own: override={'db': ...}",
    "aget_session": "keep sessions in a database of your own: override={'db': ...}",
    "get_session": "keep sessions in a database of your own: override={'db': ...}",
    "adelete_session": "keep sessions in a database of your own: override={'db': ...}",
    "delete_session": "keep sessions in a database of your own: override={'db': ...}",
    "aget_knowledge_bases": "Agent.knowledge_bases lists them, Agent.asearch_knowledge searches them",
    "get_knowledge_bases": "Agent.knowledge_bases lists them, Agent.search_knowledge searches them",
    "knowledge_bases_retriever": "Backend.get_args gives Agno a retriever; elsewhere use Agent.search_knowledge",
    "attach_knowledge_base": "attach it on the platform's site",
    "sync_local_tools": "pass functions to Backend.get_args(tools=[...])",
    "aget_streaming_spec": "nothing takes its place",
    "get_streaming_spec": "nothing takes its place",
    "mark_served_model": "set task.llm_model_name before task.report_metrics()",
}
"""Methods of the platform's client that there are not here, each with what to do instead."""


MEMBERS_GONE: Final[Mapping[tuple[str, str], str]] = {
    ("tools", "functions"): "Backend.get_args makes functions for Agno; elsewhere call Agent.invoke_tool",
    ("instructions", "full"): "join agent.instructions.role, .goal and .general",
    ("instructions", "description"): "use agent.instructions.general",
}
"""Members of an agent's parts that there are not here: (part, member) -> what to do instead."""


@attrs.frozen
class Finding:
    """A line that needs a change.

    Args:
        path: The file.
        line: The line's number, from 1.
        message: What to change.
        replacement: The line as it should be, where that follows from the line alone; else None.
    """

    path: Path
    line: int
    message: str
    replacement: str | None = None


def scan(path: Path) -> Iterator[Finding]:
    """Yield the lines of a file, or of a folder's Python files, that need a change, in order.

    A file that Python can't read is a finding too. Folders of environments and builds are skipped.

    Args:
        path: The file or folder.

    Raises:
        FileNotFoundError: There is nothing there.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    for file in files:
        if file.is_file() and not _SKIPPED.intersection(file.relative_to(path).parts):
            yield from _scan_file(file)


def rewrite(path: Path) -> list[Finding]:
    """Write the replacements of a file or a folder into its files; return the findings that are left to people.

    Args:
        path: The file or folder.

    Raises:
        FileNotFoundError: There is nothing there.
        OSError: A file can't be written.
    """
    left: list[Finding] = []
    changes: dict[Path, dict[int, str]] = {}
    for finding in scan(path):
        if finding.replacement is None:
            left.append(finding)
        else:
            changes.setdefault(finding.path, {})[finding.line] = finding.replacement
    for file, lines in changes.items():
        text = file.read_bytes().decode("utf-8")
        parts = text.splitlines(keepends=True)
        for number, replacement in lines.items():
            ending = parts[number - 1][len(parts[number - 1].rstrip("\r\n")) :]
            parts[number - 1] = replacement + ending
        file.write_bytes("".join(parts).encode("utf-8"))
    return left


def _scan_file(file: Path) -> Iterator[Finding]:
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(file, 1, f"it can't be read: {error}")
        return
    if _VENDOR not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        yield Finding(file, getattr(error, "lineno", None) or 1, f"it is not Python that can be parsed: {error}")
        return
    found = sorted(_findings(file, tree, text.splitlines()), key=lambda finding: finding.line)
    yield from found


def _findings(file: Path, tree: ast.Module, lines: list[str]) -> Iterator[Finding]:
    uses_vendor = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_vendor(node.module):
            uses_vendor = True
            yield from _from_import(file, node, lines)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_vendor(alias.name):
                    uses_vendor = True
                    name = "" if alias.name == _VENDOR else f"; its submodules are not here: import from {_OURS}"
                    yield Finding(file, node.lineno, f"import {_OURS} instead of {alias.name}{name}")
    if not uses_vendor:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS_GONE:
            yield Finding(file, node.end_lineno or node.lineno, f".{node.attr} is not here: {METHODS_GONE[node.attr]}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            instead = MEMBERS_GONE.get((node.value.attr, node.attr))
            if instead is not None:
                yield Finding(file, node.lineno, f".{node.value.attr}.{node.attr} is not here: {instead}")
    yield from _unserved(file, tree)


def _is_vendor(module: str | None) -> bool:
    return module is not None and (module == _VENDOR or module.startswith(f"{_VENDOR}."))


def _from_import(file: Path, node: ast.ImportFrom, lines: list[str]) -> Iterator[Finding]:
    known = [alias for alias in node.names if alias.name in xpander_facade.__all__]
    for alias in node.names:
        if alias.name in GONE:
            yield Finding(file, alias.lineno, f"{alias.name} is not here: {GONE[alias.name]}")
        elif alias.name == "*":
            yield Finding(file, alias.lineno, f"import the names that are used from {_OURS}")
        elif alias not in known:
            yield Finding(file, alias.lineno, f"{alias.name} of {node.module} is not here: see docs/migrating.md")
    if not known:
        return
    line = lines[node.lineno - 1]
    replaced = re.sub(rf"\bfrom\s+{re.escape(node.module or '')}\s+import\b", f"from {_OURS} import", line, count=1)
    can_replace = len(known) == len(node.names) and replaced != line
    names = ", ".join(alias.name for alias in known)
    yield Finding(
        file, node.lineno, f"import {names} from {_OURS} instead of {node.module}", replaced if can_replace else None
    )


def _unserved(file: Path, tree: ast.Module) -> Iterator[Finding]:
    """Yield the handlers that the file never serves: there decorating starts them, here it does not."""
    served = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _SERVING
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in served:
            for decorator in node.decorator_list:
                name = decorator.func if isinstance(decorator, ast.Call) else decorator
                if (isinstance(name, ast.Name) and name.id == "on_task") or (
                    isinstance(name, ast.Attribute) and name.attr == "on_task"
                ):
                    yield Finding(
                        file,
                        node.lineno,
                        f"decorating serves nothing here: end the program with {node.name}.run()",
                    )


_SERVING: Final = frozenset({"run", "arun", "serve_http", "aserve_http", "run_prompt", "arun_prompt"})
