"""Every verb that does I/O has a twin, `x` and `ax`, and the two differ by `await` and by which I/O they name alone.

Read from the source, not from the running classes: signature, defaults, decorators, docstring and body must be equal
after `async` and `await` are taken away and the few known names are mapped.
"""

import ast
from pathlib import Path

import pytest

FACADE = Path(__file__).parents[1] / "xpander_facade"
FILES = sorted(FACADE.glob("*.py"))

IRREGULAR = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
"""Twins that are not `a` + name."""

NAMES = {
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
    "aiter": "iter",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
    "asyncio_detailed": "sync_detailed",
}
"""Names of others that come in pairs."""

DOTTED = {"asyncio.sleep": "time.sleep"}
PROGRAMS = {
    "cli.py",
    "__main__.py",
    "testing.py",
    "_worker_handler.py",
    "_worker_heartbeat.py",
    "_worker_life.py",
    "_worker_loop.py",
    "_worker_session.py",
}
"""Files that users run or whose fixtures pytest calls: no verbs of theirs need a twin."""
THREADED = {"_outbox_desk.py", "_outbox_drainer.py", "_outbox_file.py", "_outbox_threads.py"}
"""Files that run on threads, also for async verbs: nothing in them could await."""

INHERENT = {
    ("outbox.py", "_here"): "the one calls, the other lets a thread call",
    ("recorder.py", "_carry"): "the async one goes to its end when its task is cancelled",
    ("_backend_runs.py", "_keep"): "the one calls, the other lets a thread call",
    ("recorder.py", "_last_report"): "the async one lets a thread take a response apart",
    ("_task_files.py", "_summaries"): "the one calls a user's plain function, the other a plain or an async one",
    ("worker.py", "_serve"): "the one brings the event loop in which the other runs",
    ("worker.py", "_serve_prompt"): "the one brings the event loop in which the other runs",
}
"""Private pairs that can't be equal, with the reason. A public pair is never excused."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def scopes(tree):
    """Yield the name and the functions of the module and of each of its classes."""
    yield "", {node.name: node for node in tree.body if isinstance(node, Function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, {item.name: item for item in node.body if isinstance(item, Function)}


def twin_of(name):
    """Return the name of the async twin of a sync name."""
    for asynchronous, synchronous in IRREGULAR.items():
        if name == synchronous:
            return asynchronous
    return f"_a{name[1:]}" if name.startswith("_") else f"a{name}"


def pairs_in(tree):
    """Yield (scope, sync function, async function) of all pairs."""
    for scope, functions in scopes(tree):
        for name, function in functions.items():
            twin = functions.get(twin_of(name))
            if twin is not None:
                yield scope, function, twin


def network():
    """Return the functions of `_http` that do I/O: those that it exports with their `a` twin."""
    tree = ast.parse((FACADE / "_http" / "__init__.py").read_text(encoding="utf-8"))
    names = next(
        set(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return {name for name in names if f"a{name}" in names}


NETWORK = network()
TREES = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PAIRS = [(name, *pair) for name, tree in TREES.items() for pair in pairs_in(tree)]
PAIRED = {function.name for _, _, function, _ in PAIRS}
FREE = {function.name for _, scope, function, _ in PAIRS if not scope}
MAPPED = {
    **NAMES,
    **{twin_of(name): name for name in PAIRED if not name.startswith("__")},
    **{f"a{name}": name for name in NETWORK},
}


class Stripped(ast.NodeTransformer):
    """Take async and await away, and give every known async name its sync name."""

    def visit_AsyncFunctionDef(self, node):
        fields = {name: getattr(node, name) for name in ast.FunctionDef._fields if hasattr(node, name)}
        return self.visit(ast.copy_location(ast.FunctionDef(**fields), node))

    def visit_FunctionDef(self, node):
        node.name = IRREGULAR.get(node.name, MAPPED.get(node.name, node.name))
        return self.generic_visit(node)

    def visit_AsyncFor(self, node):
        fields = {name: getattr(node, name) for name in ast.For._fields if hasattr(node, name)}
        return self.generic_visit(ast.For(**fields))

    def visit_AsyncWith(self, node):
        fields = {name: getattr(node, name) for name in ast.With._fields if hasattr(node, name)}
        return self.generic_visit(ast.With(**fields))

    def visit_Await(self, node):
        return self.visit(node.value)

    def visit_comprehension(self, node):
        node.is_async = 0
        return self.generic_visit(node)

    def visit_Name(self, node):
        node.id = MAPPED.get(node.id, node.id)
        return node

    def visit_Attribute(self, node):
        whole = ast.unparse(node)
        if whole in DOTTED:
            return ast.parse(DOTTED[whole], mode="eval").body
        node.attr = IRREGULAR.get(node.attr, MAPPED.get(node.attr, node.attr))
        return self.generic_visit(node)

    def visit_alias(self, node):
        node.name = MAPPED.get(node.name, node.name)
        return node


def bare(function):
    """Return the source of a function without what makes it sync or async; its imports in one order."""
    copy = ast.parse(ast.unparse(function)).body[0]
    return ast.unparse(ast.fix_missing_locations(Stripped().visit(copy)))


def io_in(function):
    """Return the calls in a function that wait for something: the network, a nap, or a verb that has a twin."""
    found = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        target = ast.unparse(node.func)
        owner, _, name = target.rpartition(".")
        if (owner == "_http" and name in NETWORK) or target in DOTTED.values():
            found.append(target)
        elif name in PAIRED and (owner in {"self", "cls"} or owner[:1].isupper() or (not owner and name in FREE)):
            # `self.reload()`, `Task.load()`, `Tasks(...).create()`, `follow()`; not `data.get()` and not `list()`.
            found.append(target)
    return found


def returns_async(function):
    returned = "" if function.returns is None else ast.unparse(function.returns)
    return isinstance(function, ast.AsyncFunctionDef) or returned.startswith(("AsyncIterator", "AsyncGenerator"))


FUNCTIONS = [
    (file, scope, function) for file, tree in TREES.items() for scope, fs in scopes(tree) for function in fs.values()
]


def label(value):
    return getattr(value, "name", value) or "module"


@pytest.mark.parametrize(("file", "scope", "function", "twin"), PAIRS, ids=label)
def test_a_pair_is_equal_but_for_await_and_the_io_it_names(file, scope, function, twin):
    if function.name.startswith("_") and (file, function.name) in INHERENT:
        assert bare(twin) != bare(function), "equal now: take it off the list"
        return
    assert bare(twin) == bare(function), f"{file} {scope}: {function.name} and {twin.name} differ"


@pytest.mark.parametrize(("file", "scope", "function", "twin"), PAIRS, ids=label)
def test_the_first_of_a_pair_is_sync_and_the_second_async(file, scope, function, twin):
    assert not returns_async(function), f"{file} {scope}: {function.name}"
    assert returns_async(twin), f"{file} {scope}: {twin.name}"


def unawaited(function):
    """Return the calls of async names that an async function neither awaits nor hands to async for or async with."""
    awaited = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Await):
            awaited.add(id(node.value))
        elif isinstance(node, ast.AsyncFor | ast.comprehension):
            awaited.add(id(node.iter))
        elif isinstance(node, ast.AsyncWith):
            awaited.update(id(item.context_expr) for item in node.items)
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and id(node) not in awaited]
    asynchronous = {f"_http.a{name}" for name in NETWORK} | DOTTED.keys()
    return [
        ast.unparse(node.func)
        for node in calls
        if ast.unparse(node.func) in asynchronous
        or (ast.unparse(node.func).rpartition(".")[2] in MAPPED and isinstance(node.func, ast.Attribute))
    ]


@pytest.mark.parametrize(("file", "scope", "function", "twin"), PAIRS, ids=label)
def test_an_async_verb_blocks_on_nothing_and_awaits_everything(file, scope, function, twin):
    assert not io_in(twin), f"{file} {scope}: {twin.name} blocks"
    if isinstance(twin, ast.AsyncFunctionDef):
        assert not unawaited(twin), f"{file} {scope}: {twin.name} forgets to await"


@pytest.mark.parametrize("file", sorted(TREES.keys() - PROGRAMS - THREADED))
def test_no_verb_lacks_its_async_twin(file):
    lonely = [
        f"{scope}.{function.name} calls {', '.join(calls)}"
        for name, scope, function in FUNCTIONS
        if name == file and not returns_async(function) and function.name not in PAIRED and (calls := io_in(function))
    ]
    assert not lonely, f"{file}: {lonely}"


@pytest.mark.parametrize("file", sorted(TREES.keys() - PROGRAMS - THREADED))
def test_no_async_verb_lacks_its_sync_twin(file):
    partners = {(name, scope, twin.name) for name, scope, _, twin in PAIRS}
    lonely = [
        f"{scope}.{function.name}"
        for name, scope, function in FUNCTIONS
        if name == file and returns_async(function) and (name, scope, function.name) not in partners
    ]
    assert not lonely, f"{file}: {lonely}"


@pytest.mark.parametrize(
    ("file", "scope", "name"),
    [
        ("backend.py", "Backend", "report_external_task"),
        ("backend.py", "Backend", "invoke_agent"),
        ("_backend_runs.py", "Recording", "enqueue_external_task"),
        ("_backend_runs.py", "Recording", "flush"),
        ("recorder.py", "ExternalTask", "__enter__"),
        ("recorder.py", "ExternalTask", "__exit__"),
        ("_report.py", "Reportable", "report_external_task"),
        ("_create.py", "TaskCreation", "create"),
        ("_module.py", "Module", "close"),
        ("_module.py", "Module", "__enter__"),
        ("_module.py", "Module", "__exit__"),
        ("events.py", "", "follow"),
        ("_waiting.py", "", "wait_for_end"),
        ("task.py", "Task", "events"),
        ("task.py", "Task", "load"),
        ("task.py", "Task", "wait_until_done"),
        ("_task_push.py", "TaskPushes", "push_events"),
        ("worker.py", "TaskHandler", "run"),
        ("worker.py", "TaskHandler", "run_prompt"),
        ("agent.py", "Agent", "load"),
        ("agent.py", "Agent", "create_task"),
        ("agents.py", "Agents", "list"),
        ("agents.py", "AgentsListItem", "load"),
        ("tasks.py", "Tasks", "list"),
        ("tasks_list_item.py", "TasksListItem", "load"),
    ],
)
def test_the_pairs_that_everyone_knows_are_seen(file, scope, name):
    assert (file, scope, name) in {(file, scope, function.name) for file, scope, function, _ in PAIRS}
