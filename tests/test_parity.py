"""Every verb that does I/O exists twice, `x` and `ax`, and the two differ by `await` and by which I/O they name alone.

Read from the source, not from the running classes: signature, defaults, decorators, docstring and body must be equal
after `async` and `await` are taken away and the few known names are mapped.
"""

import ast
import re
from pathlib import Path

import pytest

FACADE = Path(__file__).parents[1] / "xpander_facade"
ADAPTERS = {"_client", "_downloads", "_transport", "emulator"}
"""Packages whose two drivers differ in more than await: each kind of I/O has its own library."""

OF_OTHERS = {
    "_agno/knowledge.py",
    "_agno/mcp.py",
    "_agno/tools.py",
    "integrations/_model_calls.py",
    "integrations/arq.py",
    "integrations/asgi.py",
    "integrations/prefect.py",
    "integrations/taskiq.py",
    "integrations/temporal.py",
}
"""Files whose functions stand for those of others, or are called by them: they say which of them are async."""

FILES = sorted(
    path
    for path in FACADE.rglob("*.py")
    if path.relative_to(FACADE).parts[0] not in ADAPTERS and path.relative_to(FACADE).as_posix() not in OF_OTHERS
)

MIN_PAIRS = 65
"""How many pairs there were when this was last looked at. A test that finds none would be green."""

IRREGULAR = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "await_delivery": "wait",
}
"""Pairs that are not `a` + name."""

NAMES = {
    "AsyncGenerator": "Generator",
    "AsyncIterable": "Iterable",
    "AsyncIterator": "Iterator",
    "aiter": "iter",
    "amake_toolkits": "make_toolkits",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
    "asyncio_detailed": "sync_detailed",
}
"""Names of others that come in pairs."""

DOTTED = {"asyncio.sleep": "time.sleep"}
PROGRAMS = {
    "outbox/__main__.py",
    "__main__.py",
    "cli/history.py",
    "cli/screen.py",
    "cli/task_list.py",
    "cli/top.py",
    "testing.py",
    "worker/_event_loop.py",
    "worker/_execution.py",
    "worker/_handlers.py",
    "worker/_heartbeat.py",
    "worker/_http_server.py",
    "worker/_session.py",
}
"""Files that users run or whose fixtures pytest calls: no method of theirs needs an async partner."""
THREADED = {
    "integrations/_celery_delivery.py",
    "integrations/_celery_requests.py",
    "integrations/_dask_gathering.py",
    "integrations/_jobs.py",
    "integrations/_partitions.py",
    "integrations/celery.py",
    "integrations/dask.py",
    "integrations/dramatiq.py",
    "integrations/rq.py",
    "_process/threads.py",
    "batches/_drivers.py",
    "batches/_sources.py",
    "outbox/_database.py",
    "outbox/_runtime.py",
    "outbox/_sender.py",
    "outbox/_threads.py",
    "recorder/_continuations.py",
    "recorder/_delivery.py",
    "recorder/_reporter.py",
    "outbox/_reconciliation.py",
}
"""Files that run on threads, also for async verbs, or stand for what others return: their pairs are not verbs."""

INHERENT = {
    ("outbox/_outbox.py", "_here"): "the one calls, the other lets a thread call",
    ("recorder/_external_task.py", "_wait"): "the one waits, the other lets a thread wait",
    ("recorder/_external_task.py", "_deliver_end"): "where the one may not wait, the other may",
    ("recorder/_reporter.py", "_report_start"): "the one is made on a thread of its own",
    ("recorder/_reporter.py", "_report_end"): "the one is made on a thread of its own",
    ("recorder/_reporter.py", "_send_start"): "only what this package raises can fail in a loop's own thread",
    ("recorder/_reporter.py", "_send_end"): "the async one lets a thread take a response apart",
    ("batches/_drivers.py", "_run_batch"): "the one has threads, the other tasks of the event loop",
    ("backend.py", "_keep"): "the one calls, the other lets a thread call",
    ("recorder/_recorded_stream.py", "_close_source"): "streams have aclose, or a close that is awaited or not",
    ("tasks/_summaries.py", "_summarized"): "the one calls a user's plain function, the other a plain or an async one",
    ("worker/_on_task.py", "_serve"): "the one brings the event loop in which the other runs",
    ("worker/_on_task.py", "_serve_http"): "the one brings the event loop in which the other runs",
    ("worker/_on_task.py", "_serve_prompt"): "the one brings the event loop in which the other runs",
}
"""Private pairs that can't be equal, with the reason. A public pair is never excused."""

IGNORED_PARAMETERS = {("aget_args", "is_async")}
"""What the async one of a pair takes besides, because the platform's documentation says so, and does nothing with."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def scopes(tree):
    """Yield the name and the functions of the module and of each of its classes."""
    yield "", {node.name: node for node in tree.body if isinstance(node, Function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, {item.name: item for item in node.body if isinstance(item, Function)}


def async_name(name):
    """Return the name of the async form of a sync name."""
    for asynchronous, synchronous in IRREGULAR.items():
        if name == synchronous:
            return asynchronous
    return f"_a{name[1:]}" if name.startswith("_") else f"a{name}"


def pairs_in(tree):
    """Yield (scope, sync function, async function) of all pairs."""
    for scope, functions in scopes(tree):
        for name, function in functions.items():
            partner = functions.get(async_name(name))
            if partner is not None:
                yield scope, function, partner


def network():
    """Return the functions below the verbs that do I/O and have an async partner, by the module that is named."""
    owners = {"_client": "_client", "fetch": "_downloads", "pool_registry": "_transport"}
    found = set()
    for owner, package in owners.items():
        tree = [node for path in (FACADE / package).glob("*.py") for node in ast.parse(path.read_text("utf-8")).body]
        names = {node.name for node in tree if isinstance(node, Function)}
        found |= {f"{owner}.{name}" for name in names if f"a{name}" in names and not name.startswith("_")}
    return found


NETWORK = network()
NAMED_FOR_ARGUMENTS = re.compile(r"Arguments as `(\w+\.\w+)`")
SOURCES = {path.relative_to(FACADE).as_posix(): path.read_text(encoding="utf-8").splitlines() for path in FILES}
TREES = {path.relative_to(FACADE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
PAIRS = [(name, *pair) for name, tree in TREES.items() for pair in pairs_in(tree)]
PAIRED = {function.name for _, _, function, _ in PAIRS}
FREE = {function.name for _, scope, function, _ in PAIRS if not scope}
MAPPED = {
    **NAMES,
    **{async_name(name): name for name in PAIRED if not name.startswith("__")},
    **{"a{1}".format(*name.split(".")): name.split(".")[1] for name in NETWORK},
}


class Stripped(ast.NodeTransformer):
    """Take async and await away, and give every known async name its sync name."""

    def visit_AsyncFunctionDef(self, node):
        fields = {name: getattr(node, name) for name in ast.FunctionDef._fields if hasattr(node, name)}
        for at, parameter in enumerate(node.args.args):
            if (node.name, parameter.arg) in IGNORED_PARAMETERS:
                del node.args.defaults[at - len(node.args.args)]
                del node.args.args[at]
                break
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

    def visit_Subscript(self, node):
        # What a caller hands in is awaited too: `Callable[[X], Awaitable[Y]]`.
        is_awaitable = isinstance(node.value, ast.Name) and node.value.id == "Awaitable"
        return self.visit(node.slice) if is_awaitable else self.generic_visit(node)

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
    """Return the source of a function without its docstring and what makes it sync or async."""
    copy = ast.parse(ast.unparse(function)).body[0]
    if ast.get_docstring(copy) is not None:
        copy.body[0] = ast.Expr(ast.Constant("its docstring"))
    return ast.unparse(ast.fix_missing_locations(Stripped().visit(copy)))


def is_class(name):
    """Whether a name is written as a class is: `Task`, not `data` and not the constant `NAMES`."""
    return name[:1].isupper() and not name.isupper()


def io_in(function):
    """Return the calls in a function that wait for something: the network, a nap, or a method with an async form."""
    found = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        target = ast.unparse(node.func)
        owner, _, name = target.rpartition(".")
        if target in NETWORK or target in DOTTED.values():
            found.append(target)
        elif name in PAIRED and (owner in {"self", "cls"} or is_class(owner) or (not owner and name in FREE)):
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


@pytest.mark.parametrize(("file", "scope", "function", "partner"), PAIRS, ids=label)
def test_a_pair_is_equal_but_for_await_and_the_io_it_names(file, scope, function, partner):
    if function.name.startswith("_") and (file, function.name) in INHERENT:
        assert bare(partner) != bare(function), "equal now: take it off the list"
        return
    assert bare(partner) == bare(function), f"{file} {scope}: {function.name} and {partner.name} differ"


@pytest.mark.parametrize(("file", "scope", "function", "partner"), PAIRS, ids=label)
def test_a_pair_has_one_docstring_or_the_second_names_the_first_for_its_arguments(file, scope, function, partner):
    if function.name.startswith("_") and (file, function.name) in INHERENT:
        return
    one, other = ast.get_docstring(function), ast.get_docstring(partner)
    short = f"{(one or '').partition(chr(10))[0]}\n\nArguments as `{scope}.{function.name}`."
    assert other in {one, short}, f"{file} {scope}: {partner.name} says something else than {function.name}"


def test_a_docstring_that_names_another_for_its_arguments_names_one_that_has_them():
    functions = {f"{scope}.{function.name}": function for _, scope, function in FUNCTIONS}
    named = [
        name
        for function in functions.values()
        for name in NAMED_FOR_ARGUMENTS.findall(ast.get_docstring(function) or "")
    ]
    assert named
    for name in named:
        assert "Args:" in (ast.get_docstring(functions[name]) or ""), name


CREATIONS = {"create", "acreate", "create_task", "acreate_task", "invoke_agent", "ainvoke_agent", "create_request"}


@pytest.mark.parametrize("argument", ["permission_mode", "llm_model_name", "test_run_node_id", "expected_output"])
def test_one_more_argument_of_a_creation_costs_at_most_16_lines(argument):
    lines = [
        f"{file}:{function.lineno + number}"
        for file, _, function in FUNCTIONS
        if function.name in CREATIONS
        for number, line in enumerate(SOURCES[file][function.lineno - 1 : function.end_lineno])
        if argument in line
    ]
    assert 7 <= len(lines) <= 16, lines


@pytest.mark.parametrize(("file", "scope", "function", "partner"), PAIRS, ids=label)
def test_the_first_of_a_pair_is_sync_and_the_second_async(file, scope, function, partner):
    assert not returns_async(function), f"{file} {scope}: {function.name}"
    assert returns_async(partner), f"{file} {scope}: {partner.name}"


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
    asynchronous = {"{}.a{}".format(*name.split(".")) for name in NETWORK} | DOTTED.keys()
    return [
        ast.unparse(node.func)
        for node in calls
        if ast.unparse(node.func) in asynchronous
        or (ast.unparse(node.func).rpartition(".")[2] in MAPPED and isinstance(node.func, ast.Attribute))
    ]


@pytest.mark.parametrize(("file", "scope", "function", "partner"), PAIRS, ids=label)
def test_an_async_verb_blocks_on_nothing_and_awaits_everything(file, scope, function, partner):
    assert not io_in(partner), f"{file} {scope}: {partner.name} blocks"
    if isinstance(partner, ast.AsyncFunctionDef):
        assert not unawaited(partner), f"{file} {scope}: {partner.name} forgets to await"


@pytest.mark.parametrize("file", sorted(TREES.keys() - PROGRAMS - THREADED))
def test_no_verb_lacks_its_async_form(file):
    lonely = [
        f"{scope}.{function.name} calls {', '.join(calls)}"
        for name, scope, function in FUNCTIONS
        if name == file and not returns_async(function) and function.name not in PAIRED and (calls := io_in(function))
    ]
    assert not lonely, f"{file}: {lonely}"


@pytest.mark.parametrize("file", sorted(TREES.keys() - PROGRAMS - THREADED))
def test_no_async_verb_lacks_its_sync_form(file):
    partners = {(name, scope, partner.name) for name, scope, _, partner in PAIRS}
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
        ("backend.py", "Backend", "enqueue_external_task"),
        ("backend.py", "Backend", "flush"),
        ("recorder/_external_task.py", "ExternalTask", "__enter__"),
        ("recorder/_external_task.py", "ExternalTask", "__exit__"),
        ("tasks/_task.py", "Task", "report_external_task"),
        ("tasks/_tasks.py", "Tasks", "create"),
        ("_resource.py", "ApiResource", "close"),
        ("_resource.py", "ApiResource", "__enter__"),
        ("_resource.py", "ApiResource", "__exit__"),
        ("tasks/_stream.py", "", "follow"),
        ("tasks/_waiting.py", "", "wait_for_end"),
        ("tasks/_task.py", "Task", "events"),
        ("tasks/_task.py", "Task", "load"),
        ("tasks/_task.py", "Task", "wait_until_done"),
        ("tasks/_task.py", "Task", "push_events"),
        ("tasks/_reporting.py", "", "send_report"),
        ("worker/_on_task.py", "TaskHandler", "run"),
        ("worker/_on_task.py", "TaskHandler", "run_prompt"),
        ("agents/_agent.py", "Agent", "load"),
        ("agents/_agent.py", "Agent", "create_task"),
        ("agents/_agents.py", "Agents", "list"),
        ("agents/_agents.py", "AgentsListItem", "load"),
        ("tasks/_tasks.py", "Tasks", "list"),
        ("tasks/_list_item.py", "TasksListItem", "load"),
    ],
)
def test_the_pairs_that_everyone_knows_are_seen(file, scope, name):
    assert (file, scope, name) in {(file, scope, function.name) for file, scope, function, _ in PAIRS}


def test_no_pair_is_lost():
    assert len(PAIRS) >= MIN_PAIRS, "fewer pairs than before: were files moved out of sight of this test?"
