"""Test who may know whom: which file may import what and read the environment, and how long it may be."""

import ast
import re
from pathlib import Path

import pytest

FACADE = Path(__file__).parents[1] / "xpander_facade"
FILES = {path.relative_to(FACADE).as_posix(): path for path in sorted(FACADE.rglob("*.py"))}
EMULATOR = [name for name in FILES if name.startswith("emulator/")]
FRONT = [name for name in FILES if not name.startswith("emulator/")]
ABOVE_THE_WIRE = [name for name in FRONT if name.split("/")[0] not in {"_client", "_downloads", "_transport"}]

NETWORK = {"httpx", "httpx_sse", "httpcore", "h11", "anyio", "socket", "ssl", "requests", "urllib3", "aiohttp"}
HTTP_LIBRARIES = NETWORK - {"socket", "ssl"}
PURE = {
    *(name for name in FRONT if name.split("/")[0] in {"types", "usage", "_serialization", "_requests"}),
    "_validation.py",
    "errors.py",
    "tasks/_prompts.py",
    "tasks/_attachments.py",
}
NO_PURE_FILE_IMPORTS = {*NETWORK, "http", "subprocess", "sqlite3", "asyncio", "urllib.request"}
KNOW_THE_GENERATED_CLIENT = {
    *(name for name in FRONT if name.split("/")[0] == "_requests"),
    "_client/raw_client.py",
}
PLUMBING = {
    "integrations/_model_calls.py",
    "integrations/_stainless.py",
    "integrations/arq.py",
    "integrations/_celery_requests.py",
    "integrations/prefect.py",
    "integrations/rq.py",
    "recorder/_decorators.py",
    "worker/_event_loop.py",
}
"""Files whose functions pass the arguments of a function on that is the user's, or a library's that they override."""

MAX_LINES_OF_CODE = 400
MAX_LINES_OF_A_TEST = 800


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


@pytest.mark.parametrize("name", ABOVE_THE_WIRE)
def test_only_the_packages_of_the_wire_know_an_http_library(name):
    # A configuration may name a client of httpx, and says so to type checkers.
    only_names_it = name.startswith("configuration/")
    assert not offences(name, HTTP_LIBRARIES, late_is_fine=only_names_it)


@pytest.mark.parametrize("name", [name for name in FRONT if name not in KNOW_THE_GENERATED_CLIENT])
def test_only_requests_and_the_raw_client_know_the_generated_client(name):
    assert not offences(name, {"xpander_api"})


@pytest.mark.parametrize("name", sorted(PURE & FILES.keys()))
def test_a_pure_file_knows_nothing_of_the_outside(name):
    assert not offences(name, NO_PURE_FILE_IMPORTS)
    known = offences(name, {"xpander_facade._client"}, late_is_fine=True)
    # The value that a request is does no I/O either.
    assert not [offence for offence in known if not offence.startswith("xpander_facade._client.request ")]


@pytest.mark.parametrize("name", [name for name in FRONT if not name.startswith("configuration/")])
def test_only_the_configuration_reads_the_environment(name):
    known = {"environ", "environb", "getenv", "getenvb", "putenv"}
    used = [
        ast.unparse(node) for node in ast.walk(tree_of(name)) if isinstance(node, ast.Attribute) and node.attr in known
    ]
    imported = [names for module, names, _ in imports_in(tree_of(name)) if module == "os" and known & set(names)]
    assert not used
    assert not imported


@pytest.mark.parametrize("name", EMULATOR)
def test_the_emulator_imports_nothing_else_of_ours(name):
    others = [
        f"{module} {names}"
        for module, names, _ in imports_in(tree_of(name))
        if reaches(module, names, {"xpander_api"})
        or (reaches(module, names, {"xpander_facade"}) and not reaches(module, (), {"xpander_facade.emulator"}))
        or module.startswith("..")
    ]
    # `from xpander_facade import emulator` would run the package itself, but know nothing of it.
    assert not [other for other in others if other != "xpander_facade ('emulator',)"]


def code_lines(text):
    """Count the lines of code: no docstrings, comments, blank lines or parameter lists."""
    left_out = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            left_out.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            left_out.update(range(node.lineno + 1, node.body[0].lineno))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if number not in left_out and line.strip() and line.strip()[0] != "#")


def test_lines_of_code_are_counted_without_docstrings_comments_and_parameters():
    assert code_lines('"""Doc."""\n\n# why\ndef f(\n    a,\n    b,\n):\n    """Doc."""\n    return a\n') == 2


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_at_most_400_lines_of_code(name):
    assert code_lines(FILES[name].read_text(encoding="utf-8")) <= MAX_LINES_OF_CODE


TESTS = sorted(Path(__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_a_file_of_tests_has_at_most_800_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES_OF_A_TEST


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_no_test_file_exports_helpers_to_another(path):
    names = [module for module, _, _ in imports_in(ast.parse(path.read_text(encoding="utf-8")))]
    assert not [name for name in names if name.rpartition(".")[2].startswith("test_")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_opens_with_a_docstring(name):
    assert ast.get_docstring(tree_of(name))


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_named_for_nothing(name):
    assert not {"utils", "core", "base", "manager", "helper", "helpers", "common"} & {
        part.strip("_") for part in Path(name).with_suffix("").parts
    }


@pytest.mark.parametrize("name", [name for name in ABOVE_THE_WIRE if not name.startswith("_") and name not in PLUMBING])
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


def test_the_files_that_the_rules_name_exist():
    assert FILES.keys() >= PURE | {"_client/raw_client.py", "configuration/_environment.py"}
    assert EMULATOR


@pytest.mark.parametrize("path", [path for path in TESTS if path.parent.name != "typing"], ids=lambda path: path.name)
def test_no_test_silences_a_type_checker_that_does_not_read_it(path):
    mark = re.compile(r"#\s*(type|pyright)" + r":\s*ignore")
    assert not mark.search(path.read_text(encoding="utf-8"))
