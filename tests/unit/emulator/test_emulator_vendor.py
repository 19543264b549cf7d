"""The browser files of other projects are those that npm serves, with their licences, and reach the wheel."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
VENDOR = ROOT / "xpander_facade" / "emulator" / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))["packages"]
ENTRIES = [entry for package in PACKAGES for entry in (package["license_file"], *package["files"])]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_a_file_is_the_one_that_was_fetched(entry: dict[str, str]):
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_no_other_file_stands_beside_them():
    assert {path.name for path in VENDOR.iterdir()} == {entry["file"] for entry in ENTRIES} | {"manifest.json"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_a_package_says_its_version_and_its_licence(package: dict[str, str]):
    assert package["version"].count(".") == 2
    assert package["license"] in ("MIT", "0BSD", "ISC", "Apache-2.0", "BSD-3-Clause")


def test_the_pages_load_nothing_from_elsewhere():
    for path in [*(ROOT / "xpander_facade/emulator/templates").iterdir(), *VENDOR.parent.glob("app.*")]:
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "").replace("http://127", "")
        assert "https://" not in text
        for inline in ("<script>", "<style>", " style=", "onclick=", "onload=", "hx-on"):
            assert inline not in text, path.name
