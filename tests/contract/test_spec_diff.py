"""`make spec-diff`: the command and its report, and the rules that the table of a newer platform does not reach."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from spec_rating import rate  # noqa: E402 (a tool, not a package)
from spec_rules import Level  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


def document() -> dict[str, Any]:
    """A small contract in which `Thing` is sent and read, `Sent` only sent, `Got` only read."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "security": [{"key": []}],
        "servers": [{"url": "https://host"}],
        "paths": {
            "/things/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "post": {
                    "operationId": "make",
                    "parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "maxLength": 9}}],
                    "requestBody": {"required": False, "content": json_of({"$ref": "#/components/schemas/Sent"})},
                    "responses": {
                        "200": {"description": "d", "content": json_of({"$ref": "#/components/schemas/Got"})},
                        "404": {"description": "d"},
                    },
                },
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-key", "description": "d"}},
            "schemas": {
                "Words": {"type": "object", "additionalProperties": {"type": "string"}},
                "Moment": {"type": "string", "format": "date-time"},
                "Frame": {
                    "type": "object",
                    "properties": {
                        "data": {
                            "type": "string",
                            "contentSchema": {
                                "allOf": [
                                    {"$ref": "#/components/schemas/Thing"},
                                    {
                                        "if": {"properties": {"name": {"const": "chunk"}}},
                                        "then": {"properties": {"any": {"type": "string"}}},
                                    },
                                ]
                            },
                        }
                    },
                },
                "Kind": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "string"}]},
                "Thing": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "kind": {"$ref": "#/components/schemas/Kind"},
                        "tags": {"type": ["array", "null"], "items": {"type": "string"}},
                        "any": {},
                    },
                },
                "Sent": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Thing"},
                        {"type": "object", "properties": {"size": {"type": ["integer", "null"], "minimum": 0}}},
                    ]
                },
                "Got": {
                    "type": "object",
                    "required": ["thing"],
                    "properties": {
                        "thing": {"$ref": "#/components/schemas/Thing"},
                        "words": {"$ref": "#/components/schemas/Words"},
                        "at": {"anyOf": [{"$ref": "#/components/schemas/Moment"}, {"type": "null"}]},
                        "frame": {"$ref": "#/components/schemas/Frame"},
                        "entry": {"anyOf": [{"$ref": "#/components/schemas/Kind"}, {"type": "null"}]},
                        "part": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Thing", "Kind")]},
                    },
                },
            }
        },
    }  # fmt: skip


def json_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def schemas(d: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = d["components"]["schemas"]
    return found


def make(d: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = d["paths"]["/things/{id}"]["post"]
    return found


def size(d: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas(d)["Sent"]["allOf"][1]["properties"]["size"]
    return found


def content(d: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schemas(d)["Frame"]["properties"]["data"]["contentSchema"]["allOf"]
    return found


def rename_path_parameter(d: dict[str, Any]) -> None:
    item = d["paths"].pop("/things/{id}")
    item["parameters"][0]["name"] = "thing_id"
    d["paths"]["/things/{thing_id}"] = item


UNRATED = "changed in a way that this tool does not rate"
BREAKS, NOTICE, FINE = Level.BREAKS, Level.NOTICE, Level.FINE
CHANGES: list[tuple[Callable[[dict[str, Any]], object], Level, str]] = [
    (lambda d: d.update(security=[]), BREAKS, "`security` the way to authenticate changed"),
    (lambda d: make(d).update(security=[]), BREAKS, "`make` the way to authenticate changed"),
    (lambda d: d.update(servers=[]), NOTICE, "`servers` changed: check the URL rules of Configuration"),
    (lambda d: make(d).update(operationId="build"), NOTICE, "`build` was make: Backend.api has it under another name"),
    (lambda d: d["paths"].pop("/things/{id}"), BREAKS, "`make` POST /things/{id} is gone"),
    (lambda d: make(d)["parameters"].pop(), BREAKS, "`make query q` is gone: who gives it is not heard"),
    (lambda d: make(d)["parameters"][0].update(required=True), BREAKS, "`make query q` is required now"),
    (lambda d: make(d)["parameters"][0]["schema"].update(maxLength=5), BREAKS, "`make query q` maxLength is 5, was 9"),
    (lambda d: make(d)["parameters"][0]["schema"].update(maxLength=99), FINE, "maxLength is 99, was 9"),
    (lambda d: make(d)["parameters"][0]["schema"].pop("maxLength"), FINE, "maxLength is None, was 9"),
    (lambda d: make(d)["requestBody"].update(required=True), BREAKS, "`make body` is required now"),
    (lambda d: make(d).pop("requestBody"), BREAKS, "`make body` is gone: what is given is not read"),
    (
        lambda d: make(d)["requestBody"].update(content={"text/plain": {}}),
        BREAKS,
        "`make body` is no application/json any more",
    ),
    (lambda d: make(d)["responses"].pop("200"), BREAKS, "`make 200` is no answer any more"),
    (lambda d: make(d)["responses"].pop("404"), FINE, "`make 404` is no answer any more"),
    (lambda d: make(d)["responses"].update({"202": {}}), NOTICE, "`make 202` is a new answer"),
    (lambda d: schemas(d)["Kind"]["anyOf"].pop(), BREAKS, "`Kind` takes only a, b"),
    (lambda d: schemas(d)["Kind"]["anyOf"][0]["enum"].pop(), NOTICE, "`Kind` has lost values: b"),
    (lambda d: schemas(d)["Thing"]["required"].append("kind"), BREAKS, "`Thing.kind` is required now"),
    (lambda d: schemas(d)["Thing"]["required"].pop(), BREAKS, "`Thing.name` can be absent, and was always there"),
    (
        lambda d: schemas(d)["Thing"]["properties"]["tags"].update(type="array"),
        BREAKS,
        "`Thing.tags` takes no null any more",
    ),
    (
        lambda d: schemas(d)["Thing"]["properties"]["tags"]["items"].update(type="object"),
        BREAKS,
        "`Thing.tags[]` can be object: an answer with it can't be read",
    ),
    (
        lambda d: schemas(d)["Thing"]["properties"]["any"].update(type="string"),
        BREAKS,
        "`Thing.any` took any JSON, takes only string",
    ),
    (lambda d: schemas(d)["Thing"]["properties"]["name"].pop("type"), BREAKS, "`Thing.name` can be any JSON"),
    (lambda d: schemas(d)["Thing"]["properties"].pop("any"), BREAKS, "`Thing.any` is gone: what is sent is not read"),
    (lambda d: schemas(d)["Got"]["properties"].pop("entry"), NOTICE, "`Got.entry` is gone; the attribute keeps"),
    (lambda d: schemas(d)["Got"]["properties"].pop("thing"), BREAKS, "`Got.thing` is gone, and was always there"),
    (
        lambda d: schemas(d)["Got"]["properties"].update(thing={"$ref": "#/components/schemas/Kind"}),
        BREAKS,
        "`Got.thing` can be string",
    ),
    (
        lambda d: schemas(d)["Got"]["properties"]["part"]["oneOf"].append({"$ref": "#/components/schemas/Sent"}),
        NOTICE,
        "`Got.part` may be a Sent too",
    ),
    (
        lambda d: schemas(d)["Sent"]["allOf"][1]["properties"]["size"].update(minimum=1),
        BREAKS,
        "`Sent.size` minimum is 1, was 0",
    ),
    (
        lambda d: schemas(d)["Sent"]["allOf"][1]["properties"]["size"].update(type=["number", "null"]),
        FINE,
        "`Sent.size` takes number too",
    ),
    (
        lambda d: d["components"]["securitySchemes"]["key"].update(name="authorization"),
        BREAKS,
        "`security` the way to authenticate changed",
    ),
    (lambda d: schemas(d)["Sent"].update(unevaluatedProperties=False), BREAKS, "`Sent` takes no other members"),
    (
        lambda d: schemas(d)["Sent"]["allOf"][1].update(additionalProperties=False),
        BREAKS,
        "`Sent` takes no other members",
    ),
    (lambda d: schemas(d)["Sent"]["allOf"][1].update(required=["kind"]), BREAKS, "`Sent.kind` is required now"),
    (
        lambda d: schemas(d)["Words"]["additionalProperties"].update(type="object"),
        BREAKS,
        "`Words{}` can be object: an answer with it can't be read",
    ),
    (lambda d: schemas(d)["Words"].pop("additionalProperties"), BREAKS, "`Words{}` can be any JSON, was string"),
    (
        lambda d: schemas(d)["Thing"]["properties"]["tags"].pop("items"),
        BREAKS,
        "`Thing.tags[]` can be any JSON, was string",
    ),
    (
        lambda d: content(d)[1]["then"]["properties"]["any"].update(type="array"),
        BREAKS,
        '`Frame.data as JSON where "chunk".any` can be array',
    ),
    (lambda d: content(d).pop(), BREAKS, '`Frame.data as JSON where "chunk"` has no rule any more'),
    (
        lambda d: schemas(d)["Frame"]["properties"]["data"].update(contentSchema={"type": "array"}),
        BREAKS,
        "`Frame.data as JSON` can be array",
    ),
    (lambda d: size(d).update(exclusiveMinimum=0), BREAKS, "`Sent.size` exclusiveMinimum is 0, was None"),
    (lambda d: size(d).update({"not": {"const": 7}}), BREAKS, "`Sent.size` not is {'const': 7}, was None"),
    (lambda d: size(d).update(default=3), NOTICE, f"`Sent.size` {UNRATED}"),
    (
        lambda d: schemas(d)["Got"]["properties"]["part"]["oneOf"].append({"type": "object", "minProperties": 1}),
        NOTICE,
        f"`Got.part` {UNRATED}",
    ),
    (lambda d: make(d)["parameters"][0].update(explode=False), NOTICE, f"`make query q` {UNRATED}"),
    (
        lambda d: schemas(d)["Moment"].update(type=["string", "number"]),
        BREAKS,
        "`Moment` can be number: an answer with it can't be read",
    ),
    (
        lambda d: schemas(d)["Got"]["properties"].update(at={"type": ["string", "null"]}),
        BREAKS,
        "`Got.at` can be any text: one that is no time can't be read",
    ),
    (
        lambda d: schemas(d)["Got"]["properties"].update(at={"type": ["number", "null"]}),
        BREAKS,
        "`Got.at` can be number: an answer with it can't be read",
    ),
    (rename_path_parameter, FINE, "`make` /things/{thing_id} was /things/{id}: the same on the wire"),
    (
        lambda d: schemas(d)["Sent"]["allOf"][1]["properties"].update(colour={}),
        FINE,
        "`Sent.colour` is new; it can be left out",
    ),
    (
        lambda d: schemas(d)["Got"]["properties"].update(colour={}),
        FINE,
        "`Got.colour` is new; it is read into `extra`",
    ),
]


@pytest.mark.parametrize(("change", "level", "told"), CHANGES, ids=[told for *_, told in CHANGES])
def test_a_change_is_rated_and_named(change: Callable[[dict[str, Any]], object], level: Level, told: str):
    newer = document()
    change(newer)
    found = rate(document(), newer)
    assert [told in f"`{c.where}` {c.what}" for c in found].count(True) == 1, found
    assert found[0].level == level, found


def test_words_alone_are_no_change():
    newer = document()
    schemas(newer)["Thing"]["description"] = "new words"
    schemas(newer)["Got"]["required"] = list(reversed(schemas(newer)["Got"]["required"]))
    newer["components"]["securitySchemes"]["key"]["description"] = "new words"
    make(newer)["parameters"][0]["description"] = "new words"
    make(newer)["summary"] = "new words"
    assert rate(document(), newer) == []


def test_members_may_be_called_like_the_words_of_a_schema():
    newer = document()
    schemas(newer)["Thing"]["properties"]["name"]["properties"] = {"title": {"default": 1}}
    other = copy.deepcopy(newer)
    schemas(other)["Thing"]["properties"]["name"]["properties"]["title"]["default"] = 2
    assert [change.where for change in rate(newer, other)] == ["Thing.name.title"]


def test_a_change_of_a_shared_component_is_told_once():
    newer = document()
    schemas(newer)["Thing"]["properties"]["more"] = {"type": "string"}
    assert [(c.where, c.level) for c in rate(document(), newer)] == [("Thing.more", FINE)]


# --- the command ---


def spec_diff(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "spec_diff"), "--without-redocly", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, dict[str, Any]]:
    base, newer = tmp_path / "base.yaml", tmp_path / "newer.yaml"
    base.write_text(yaml.safe_dump(document()))
    return base, newer, copy.deepcopy(document())


def test_the_command_fails_when_something_breaks_and_reports_in_markdown(files: tuple[Path, Path, dict[str, Any]]):
    base, newer, changed = files
    schemas(changed)["Sent"]["allOf"][1]["required"] = ["size"]
    schemas(changed)["Kind"]["anyOf"][0]["enum"].append("c")
    newer.write_text(yaml.safe_dump(changed))
    out = newer.with_suffix(".md")
    done = spec_diff(str(base), str(newer), "--out", str(out))
    assert (done.returncode, done.stderr) == (1, "")
    assert out.read_text() in done.stdout
    assert done.stdout.splitlines()[:9] == [
        "### The contract since base.yaml",
        "",
        "**Breaks installed clients**",
        "",
        "- `Sent.size` is required now",
        "",
        "**Goes on working; users may want to know**",
        "",
        "- `Kind` has new values: c; who reads one gets it without a name of its own",
    ]


def test_the_command_passes_when_nothing_breaks(files: tuple[Path, Path, dict[str, Any]]):
    base, newer, changed = files
    schemas(changed)["Thing"]["properties"]["more"] = {"type": "string"}
    newer.write_text(yaml.safe_dump(changed))
    assert spec_diff(str(base), str(newer)).returncode == 0
    same = spec_diff(str(base), str(base))
    assert (same.returncode, "Nothing changed" in same.stdout) == (0, True)


DANGLING = "paths: {/a: {get: {operationId: a, parameters: [{$ref: '#/nowhere'}], responses: {}}}}"
CIRCLE = "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}"


@pytest.mark.parametrize(
    "text", [b"{", b"[]", b"a: 1", b"paths: []", b"paths: {/a: 3}", b"\xff", DANGLING.encode(), CIRCLE.encode(), None]
)
def test_the_command_says_what_it_can_not_compare(files: tuple[Path, Path, dict[str, Any]], text: bytes | None):
    base, newer, _ = files
    if text is not None:
        newer.write_bytes(text)
    done = spec_diff(str(base), str(newer))
    assert (done.returncode, done.stdout) == (2, "")
    assert str(newer) in done.stderr


def test_the_projects_own_contract_can_be_compared_with_itself():
    assert spec_diff(str(ROOT / "openapi.yaml")).returncode == 0


# --- what redocly says, and what users were told ---


@pytest.fixture
def tool() -> Any:
    """The command as a module."""
    loader = SourceFileLoader("spec_diff", str(ROOT / "tools" / "spec_diff"))
    spec = spec_from_loader("spec_diff", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_redoclys_ratings_are_told_once_the_worst_first(tool: Any):
    first = {"impact": "minor", "message": "a field is new", "location": {"pointer": "#/paths/~1a"}}
    second = {"impact": "major", "message": "a field is gone"}
    report = {
        "changes": [{"path": "b", "verdicts": [first, first]}, {"path": "c", "verdicts": [second]}, {"path": "d"}]
    }
    assert tool.redocly_ratings(json.dumps(report)) == [
        "major: c: a field is gone", "minor: paths/~1a: a field is new"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", '{"differences": []}', '{"changes": [{"verdicts": [{}]}]}'])
def test_a_report_of_redocly_in_another_form_is_no_break(tool: Any, text: str):
    with pytest.raises(tool.NotComparable, match="another form"):
        tool.redocly_ratings(text)


def test_a_break_that_the_changelogs_newest_section_tells_of_is_accepted(
    tool: Any, files: tuple[Path, Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    base, newer, changed = files
    schemas(changed)["Sent"]["allOf"][1]["required"] = ["size"]
    newer.write_text(yaml.safe_dump(changed))
    monkeypatch.setattr(tool, "CHANGELOG", newer.with_suffix(".md"))
    monkeypatch.setattr(sys, "argv", ["spec_diff", "--without-redocly", str(base), str(newer)])
    assert tool.main() == 1
    told = "- `Sent.size` is\n  required now\n"
    tool.CHANGELOG.write_text(f"# Changelog\n\n## Unreleased\n\n- news\n\n## 0.9\n\n{told}")
    assert tool.main() == 1
    tool.CHANGELOG.write_text(f"# Changelog\n\n## Unreleased\n\n{told}\n## 0.9\n")
    assert tool.main() == 0
