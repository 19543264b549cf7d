"""What a code base that uses the platform's own client, `xpander_sdk`, has to change to use this one.

    for finding in scan(Path("my_project")):
        print(finding.path, finding.line, finding.message)

`xpander-facade migrate PATH` prints the same. Files are parsed, never imported or run.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

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


ATTRIBUTES_GONE: Final[Mapping[str, str]] = {
    "openai_agents_sdk_tools": "wrap Agent.ainvoke_tool in a function of that framework",
    "sanitized_name": "make a name of agent.name that the framework takes",
    "strands_tools": "wrap Agent.ainvoke_tool in a function of that framework",
}
"""Attributes of an agent that there are not here, each with what to do instead."""

MODEL_METHODS: Final[Mapping[str, str]] = {
    "model_copy": "use copy.copy() or copy.deepcopy()",
    "model_dump": "use task.to_dict(), or attrs.asdict() for other values",
    "model_dump_json": "use json.dumps(task.to_dict()), or attrs.asdict() for other values",
    "model_validate": "use Task.from_dict(), or the class itself",
}
"""Methods of Pydantic models: nothing here is one."""

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
        line: The line's number, from 1; in a notebook the line in its cell, which the message names.
        message: What to change.
        replacement: The line as it should be, where that follows from the line alone; else None.
    """

    path: Path
    line: int
    message: str
    replacement: str | None = None


def scan(path: Path) -> Iterator[Finding]:
    """Yield the lines of a file, or of a folder's files, that need a change, in order.

    Python files are read, notebooks, and the files that say what a project depends on. One that can't be read is a
    finding too. Folders of environments and builds are skipped.

    Args:
        path: The file or folder.

    Raises:
        FileNotFoundError: There is nothing there.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file() and not _SKIPPED.intersection(file.relative_to(path).parts):
            if file.suffix == ".py":
                yield from _scan_file(file)
            elif file.suffix == ".ipynb":
                yield from _scan_notebook(file)
            elif _DEPENDENCIES.fullmatch(file.name):
                yield from _scan_dependencies(file)


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
        # As bytes: reading as text would change the line ends of a file from Windows.
        text = file.read_bytes().decode("utf-8")
        parts = text.splitlines(keepends=True)
        for number, replacement in lines.items():
            ending = parts[number - 1][len(parts[number - 1].rstrip("\r\n")) :]
            parts[number - 1] = replacement + ending
        file.write_bytes("".join(parts).encode("utf-8"))
    return left


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8")


def _scan_dependencies(file: Path) -> Iterator[Finding]:
    try:
        text = _read(file)
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(file, 1, f"it can't be read: {error}")
        return
    for number, line in enumerate(text.splitlines(), 1):
        if _DEPENDENCY.search(line.partition("#")[0]):
            yield Finding(file, number, "depend on xpander-facade instead of xpander-sdk; its extra [agno] brings Agno")


def _scan_notebook(file: Path) -> Iterator[Finding]:
    try:
        text = _read(file)
        if _VENDOR not in text:
            return
        cells: list[dict[str, object]] = json.loads(text)["cells"]
        sources = ["".join(cast("list[str]", cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        yield Finding(file, 1, f"it can't be read: {type(error).__name__}: {error}")
        return
    uses = _Uses()
    for number, source in enumerate(sources, 1):
        # Commands of the notebook itself are not Python; a cell of another language is none of ours.
        lines = [_COMMAND.sub(r"\1pass", line) for line in source.splitlines()]
        if source.startswith("%%"):
            continue
        try:
            tree: ast.Module = compile("\n".join(lines), "cell", "exec", _NOTEBOOK)
        except (SyntaxError, ValueError, RecursionError) as error:
            if _VENDOR in source:
                yield Finding(file, getattr(error, "lineno", None) or 1, f"cell {number}: it can't be parsed: {error}")
            continue
        for finding in sorted(_findings(file, tree, lines, uses), key=lambda finding: finding.line):
            yield attrs.evolve(finding, message=f"cell {number}: {finding.message}", replacement=None)


def _scan_file(file: Path) -> Iterator[Finding]:
    try:
        text = _read(file)
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
    yield from sorted(_findings(file, tree, text.splitlines(), _Uses()), key=lambda finding: finding.line)


@attrs.define
class _Uses:
    """What a program has of the platform's client.

    Args:
        modules: Names of its modules here, such as `xpander_sdk`, or `sdk` after `import xpander_sdk as sdk`.
        names: Name here -> its name there, for what was imported of it.
        objects: Variables that hold one of its objects.
    """

    modules: set[str] = attrs.field(factory=set[str])
    names: dict[str, str] = attrs.field(factory=dict[str, str])
    objects: set[str] = attrs.field(factory=set[str])

    def name_of(self, node: ast.expr) -> str | None:
        """Return the name that an expression has in the platform's client, or None."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute) and _root(node) in self.modules:
            return node.attr
        return None


def _findings(file: Path, tree: ast.Module, lines: list[str], uses: _Uses) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_vendor(node.module):
            uses.names.update({alias.asname or alias.name: alias.name for alias in node.names})
            yield from _from_import(file, node, lines)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == _OURS:
            uses.names.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_vendor(alias.name):
                    uses.modules.add(alias.asname or _VENDOR)
                    name = "" if alias.name == _VENDOR else "; its submodules are not here"
                    yield Finding(file, node.lineno, f"import {_OURS} instead of {alias.name}{name}")
    if not uses.modules and not uses.names:
        return
    # After all imports, which may stand in functions further down.
    uses.objects.update(_objects(tree, uses))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield from _attribute(file, node, uses)
        elif isinstance(node, ast.Call):
            yield from _call(file, node, uses)
    yield from _unserved(file, tree, uses)


def _objects(tree: ast.Module, uses: _Uses) -> Iterator[str]:
    """Yield the variables that hold objects of the platform's client: by their annotation, or by what made them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None and uses.name_of(node.annotation):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and uses.name_of(node.annotation):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            value = node.value.value if isinstance(node.value, ast.Await) else node.value
            while isinstance(value, ast.Attribute | ast.Call) and uses.name_of(value) is None:
                value = value.func if isinstance(value, ast.Call) else value.value
            if uses.name_of(value):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _attribute(file: Path, node: ast.Attribute, uses: _Uses) -> Iterator[Finding]:
    line = node.end_lineno or node.lineno
    if isinstance(node.value, ast.Attribute):
        instead = MEMBERS_GONE.get((node.value.attr, node.attr))
        if instead is not None:
            yield Finding(file, line, f".{node.value.attr}.{node.attr} is not here: {instead}")
            return
    if isinstance(node.value, ast.Name) and node.value.id in uses.modules and node.attr in GONE:
        yield Finding(file, line, f"{node.attr} is not here: {GONE[node.attr]}")
    elif node.attr in METHODS_GONE:
        yield Finding(file, line, f".{node.attr} is not here: {METHODS_GONE[node.attr]}")
    elif node.attr in ATTRIBUTES_GONE:
        yield Finding(file, line, f".{node.attr} is not here: {ATTRIBUTES_GONE[node.attr]}")
    elif node.attr in MODEL_METHODS and _is_of_vendor(node.value, uses):
        yield Finding(file, line, f".{node.attr} is not here: {MODEL_METHODS[node.attr]}")


def _is_of_vendor(node: ast.expr, uses: _Uses) -> bool:
    return _root(node) in uses.objects or uses.name_of(node) is not None


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _call(file: Path, node: ast.Call, uses: _Uses) -> Iterator[Finding]:
    """Yield what a call passes in a form that is not taken here."""
    name = uses.name_of(node.func)
    if name in _DECORATORS:
        given = node.args[0] if node.args else None
        if isinstance(given, ast.Call) or (given is not None and _root(given) in uses.objects):
            yield Finding(file, node.lineno, f"pass configuration= to {name} by name")
        elif isinstance(given, ast.Name) and name == "on_task":
            yield Finding(file, node.lineno, f"decorating serves nothing here: end the program with {name}(...).run()")
    elif isinstance(node.func, ast.Attribute) and node.func.attr in {"create", "acreate"} and len(node.args) > 1:
        made = uses.name_of(node.func.value.func) if isinstance(node.func.value, ast.Call) else None
        if made == "Tasks" or _root(node.func.value) in uses.objects:
            yield Finding(file, node.lineno, f"pass what follows the agent's id to {node.func.attr} by name")


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


def _unserved(file: Path, tree: ast.Module, uses: _Uses) -> Iterator[Finding]:
    """Yield the handlers that the file never serves: there decorating starts them, here it does not."""
    served = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _SERVING
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in served:
            for decorator in node.decorator_list:
                if uses.name_of(decorator.func if isinstance(decorator, ast.Call) else decorator) == "on_task":
                    message = f"decorating serves nothing here: end the program with {node.name}.run()"
                    yield Finding(file, node.lineno, message)


_SERVING: Final = frozenset({"run", "arun", "serve_http", "aserve_http", "run_prompt", "arun_prompt"})
_COMMAND: Final = re.compile(r"^(\s*)[!%?].*")
# A cell may await at its top.
_NOTEBOOK: Final = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_DECORATORS: Final = frozenset({"on_task", "on_boot", "on_shutdown"})
_DEPENDENCIES: Final = re.compile(r"requirements.*\.(?:txt|in)|constraints.*\.txt|pyproject\.toml|setup\.cfg|Pipfile")
_DEPENDENCY: Final = re.compile(r"(?:^|[\s\"'\[,=])xpander[-_]sdk(?![-\w])", re.IGNORECASE)
