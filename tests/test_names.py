"""Names are the field's terms: no package uses the words that its glossary replaced."""

import ast
import re
from pathlib import Path

import pytest

FACADE = Path(__file__).parents[1] / "xpander_facade"
NOWHERE = {
    "door",
    "desk",
    "keeper",
    "verdict",
    "fate",
    "farewell",
    "errand",
    "errands",
    "twins",
    "witness",
    "surroundings",
}
"""Words that are part of no name, whatever stands around them."""

REPLACED = {
    "": "Unlisted Reportable TaskFiles TaskPushes TaskCreation Recording _using _adopt",
    "_client": "Door door_to Stack Steps Wait Answer Where without blacked_out Trouble Repeat ALWAYS UNTAKEN "
    "RetryBucket next_wait refuse exchange PASSING_STATUSES",
    "_transport": "Door door_to Stack SyncStack AsyncStack Line _Line _AsyncLine _Wire take give Place place_of "
    "client_of aclient_of _give_back engine ENGINE_ERRORS untaken passing NO_SLOT OUT_OF_STEP Answer",
    "_downloads": "FileShare Journey",
    "_serialization": "plain plain_text Walk _Walk strangers _stranger _UNWILLING UNWILLING gate guarded Mismatch "
    "read_list bare fill",
    "tasks": "Following Pace silence drain remember _mark",
    "recorder": "Terms Way wrapped Pieces _offer carried abandoned hand_over settle _miss _note",
    "outbox": "Desk desk_of _desks _keep_house Drainer _Serving place _place Journal let_go strike_told Pace patience "
    "_Patience hurry Fate AGAIN DENIED UNABLE FileTakenError Background chance unsaid MOST_DENIALS",
    "worker": "Life life live _Charge let_go cut_short _moot _insist _sign _brisk _speak_for _tell _say look "
    "look_every Service service_of WorkerPace undisturbed _Heed grace",
    "usage": "Piece pieces_of either Shapes",
    "cli": "say complain give_streams _gist",
    "emulator": "Witness parcels deal _pour forgive",
}
"""The words that a package used before, as whole names; "" means every package."""

PREFIXES = re.compile(r"^_?(MOST|LONGEST|SHORTEST|LEAST)_")
"""Limits are MAX_ and MIN_."""


def names_in(path):
    """Yield every identifier of a file: what it defines, takes, calls and reads."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg is not None:
            yield node.arg
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def words_of(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


FILES = {path.relative_to(FACADE).as_posix(): path for path in sorted(FACADE.rglob("*.py"))}
NAMES = {file: set(names_in(path)) | set(Path(file).with_suffix("").parts) for file, path in FILES.items()}


@pytest.mark.parametrize("file", NAMES)
def test_no_name_holds_a_word_of_the_old_private_language(file):
    assert not {name for name in NAMES[file] if words_of(name) & NOWHERE}


@pytest.mark.parametrize("package", REPLACED)
def test_no_package_uses_a_name_that_was_replaced(package):
    replaced = {*REPLACED[package].split()}
    files = {file for file in NAMES if not package or file.startswith(f"{package}/")}
    assert files
    assert not {(file, name) for file in files for name in NAMES[file] & replaced}


@pytest.mark.parametrize("file", NAMES)
def test_a_limit_is_named_max_or_min(file):
    assert not {name for name in NAMES[file] if PREFIXES.match(name)}


@pytest.mark.parametrize("file", NAMES)
def test_a_module_says_what_it_is_and_not_what_it_owns(file):
    assert not (ast.get_docstring(ast.parse(FILES[file].read_text(encoding="utf-8"))) or "").startswith("Own ")


def test_a_word_is_seen_within_a_name():
    assert words_of("_OutboxDesk") & NOWHERE
    assert words_of("run_errand") & NOWHERE
    assert not words_of("desktop") & NOWHERE
