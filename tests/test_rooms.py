"""Hold who may know whom: which file may import what and read the environment, and how long it may be."""

import ast
from pathlib import Path

import pytest

FACADE = Path(__file__).parents[1] / "xpander_facade"
FILES = {path.relative_to(FACADE).as_posix(): path for path in sorted(FACADE.rglob("*.py"))}
EMULATOR = [name for name in FILES if name.startswith("emulator/")]
FRONT = [name for name in FILES if not name.startswith("emulator/")]
HOUSE = [name for name in FRONT if not name.startswith("_http/")]

NETWORK = {"httpx", "httpx_sse", "httpcore", "h11", "anyio", "socket", "ssl", "requests", "urllib3", "aiohttp"}
HTTP_LIBRARIES = NETWORK - {"socket", "ssl"}
OPERATIONS = {
    "backend.py",
    "tasks.py",
    "task.py",
    "agents.py",
    "agent.py",
    "events.py",
    "activity.py",
    "_create.py",
    "_report.py",
    "_task_files.py",
    "_task_push.py",
    "_task_requests.py",
    "_worker_messages.py",
}
"""The files that may name an operation of the generated client."""

PURE = {
    "models.py",
    "enums.py",
    "errors.py",
    "prompts.py",
    "attachments.py",
    "_retry.py",
    "_codec.py",
    "_plain.py",
    "_checks.py",
}
NO_PURE_FILE_IMPORTS = {*NETWORK, "xpander_api", "http", "subprocess", "sqlite3", "asyncio", "urllib.request"}
MOST_LINES = 400


def tree_of(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_in(node, late=False):
    """Yield (module, names, whether it is late): late is inside a function or under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield alias.name, (), late
        elif isinstance(child, ast.ImportFrom):
            yield "." * child.level + (child.module or ""), tuple(alias.name for alias in child.names), late
        elif is_type_checking(child):
            for part in child.body:
                yield from imports_in(ast.Module([part], []), late=True)
            for part in child.orelse:
                yield from imports_in(ast.Module([part], []), late)
        else:
            yield from imports_in(child, late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def reaches(module, names, roots):
    """Whether an import gives one of the modules: `import a.b`, `from a import b`, `from a.b import c`."""
    given = {module, *(f"{module}.{name}" for name in names)}
    return any(one == root or one.startswith(f"{root}.") for one in given for root in roots)


def offences(name, roots, *, late_is_fine=False):
    return [
        f"{module} {names}"
        for module, names, late in imports_in(tree_of(name))
        if reaches(module, names, roots) and not (late and late_is_fine)
    ]


@pytest.mark.parametrize("name", HOUSE)
def test_only_the_network_room_knows_an_http_library(name):
    assert not offences(name, HTTP_LIBRARIES)


# The raw client is a subclass of the generated one; the file is itself imported late.
@pytest.mark.parametrize("name", [name for name in FRONT if name != "_http/_raw.py"])
def test_the_generated_client_is_imported_late(name):
    assert not offences(name, {"xpander_api"}, late_is_fine=True)


@pytest.mark.parametrize("name", [name for name in FRONT if name not in OPERATIONS])
def test_only_the_verbs_files_name_operations(name):
    assert not offences(name, {"xpander_api.api"})


@pytest.mark.parametrize("name", sorted(PURE & FILES.keys()))
def test_a_pure_file_knows_nothing_of_the_outside(name):
    assert not offences(name, NO_PURE_FILE_IMPORTS)
    assert not offences(name, {"xpander_facade._http"}, late_is_fine=True)


@pytest.mark.parametrize("name", [name for name in FRONT if name != "configuration.py"])
def test_only_the_configuration_reads_the_environment(name):
    known = {"environ", "environb", "getenv", "getenvb", "putenv"}
    used = [
        ast.unparse(node) for node in ast.walk(tree_of(name)) if isinstance(node, ast.Attribute) and node.attr in known
    ]
    imported = [names for module, names, _ in imports_in(tree_of(name)) if module == "os" and known & set(names)]
    assert not used
    assert not imported


@pytest.mark.parametrize("name", EMULATOR)
def test_the_emulator_is_an_independent_witness(name):
    others = [
        f"{module} {names}"
        for module, names, _ in imports_in(tree_of(name))
        if reaches(module, names, {"xpander_api"})
        or (reaches(module, names, {"xpander_facade"}) and not reaches(module, (), {"xpander_facade.emulator"}))
        or module.startswith("..")
    ]
    # `from xpander_facade import emulator` would run the front door of the facade, but know nothing of it.
    assert not [other for other in others if other != "xpander_facade ('emulator',)"]


@pytest.mark.parametrize("name", FRONT)
def test_the_facade_does_not_know_the_emulator(name):
    if name not in {"cli.py", "testing.py", "__main__.py"}:
        assert not offences(name, {"xpander_facade.emulator"})


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_at_most_400_lines(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", FILES)
def test_a_file_opens_with_a_docstring(name):
    assert ast.get_docstring(tree_of(name))


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_named_for_nothing(name):
    assert not {"utils", "core", "base", "manager", "helper", "helpers", "common"} & {
        part.strip("_") for part in Path(name).with_suffix("").parts
    }


@pytest.mark.parametrize("name", [name for name in HOUSE if not name.startswith("_")])
def test_no_public_signature_takes_any_keywords(name):
    tree = tree_of(name)
    public = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and node.args.kwarg is not None
    ]
    assert not public


def test_the_rooms_that_the_rules_name_exist():
    assert (OPERATIONS | {"configuration.py", "models.py", "errors.py", "_retry.py", "_codec.py"}) <= FILES.keys()
    assert EMULATOR
    assert any(name.startswith("_http/") for name in FILES)
