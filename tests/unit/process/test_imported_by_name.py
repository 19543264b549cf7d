"""Hold what PyInstaller is told: where the hook is, and which modules are imported by name alone."""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from pathlib import Path

from xpander_facade._process.imports import module_names

ROOT = Path(__file__).resolve().parents[3]


def test_the_package_names_the_folder_of_its_hook():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["entry-points"]["pyinstaller40"]["hook-dirs"].partition(":")
    (folder,) = getattr(importlib.import_module(module), function)()
    hook = Path(folder, "hook-xpander_facade.py").read_text(encoding="utf-8")
    assert 'collect_data_files("xpander_facade")' in hook


def test_every_module_that_is_imported_by_name_is_there():
    names = module_names()
    assert {"xpander_facade._client.sending", "anyio", "sqlite3"} <= set(names)
    assert not [name for name in names if importlib.util.find_spec(name) is None]
