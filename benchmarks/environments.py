"""The environments of the benchmarks: made when missing, made anew when what belongs in them changes."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OTHERS = ("httpx", "httpx-sse", "requests", "aiohttp", "uvloop; sys_platform != 'win32'")
VENDOR = "xpander-sdk[agno]==2.0.537"
TRACERS = ("langsmith", "langfuse")
RUNNERS = ("celery[redis]", "rq", "dramatiq[redis]", "huey", "taskiq", "taskiq-redis", "langfuse")
SHOWN = ("httpx", "httpcore", "attrs", "python-dateutil", "anyio", "sniffio", "httptools", "h11")
SHOWN_OF_OTHERS = ("httpx", "httpcore", "httpx-sse", "aiohttp", "requests", "uvloop", "sniffio")
SHOWN_OF_TRACERS = ("langsmith", "langfuse", "opentelemetry-sdk")
SHOWN_OF_RUNNERS = ("celery", "rq", "dramatiq", "huey", "taskiq", "langfuse")
SHOWN_OF_VENDOR = ("xpander-sdk", "agno", "httpx", "pydantic")
NEWER = ("3.14", "3.13", "3.12")


def newer_python() -> str | None:
    """Return the newest Python of this machine beyond this one: on the PATH, or among those of pyenv; None for none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in NEWER:
        if tuple(map(int, version.split("."))) <= sys.version_info[:2]:
            return None
        for candidate in (shutil.which(f"python{version}"), *map(str, root.glob(f"versions/{version}.*/bin/python3"))):
            command = [candidate or "", "-c", "import ensurepip, venv"]
            if candidate and not subprocess.run(command, capture_output=True, check=False).returncode:
                return candidate
    return None


@functools.cache
def version_of(python: str) -> tuple[str, str]:
    """Return what a Python says of itself: its version, as "3.13.0", and all of it."""
    code = "import platform, sys; print(platform.python_version()); print(sys.version)"
    version, whole = subprocess.check_output([python, "-c", code], text=True).split("\n", 1)
    return version, whole


def facade_environment(python: str = sys.executable) -> Path:
    """Return the Python that has the facade and its own dependencies, nothing else."""
    return _environment(
        ".venv-bench", "constraints.txt", tuple(_project()["dependencies"]), with_facade=True, python=python
    )


def base_environment(revision: str, python: str = sys.executable) -> Path:
    """Return the Python that has the facade of another revision, with the dependencies that it declares."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        archive = subprocess.run(["git", "archive", revision], capture_output=True, cwd=ROOT, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        wanted = tuple(_project(tree)["dependencies"])
        return _environment(".venv-bench-base", "constraints.txt", wanted, with_facade=True, tree=tree, python=python)


def has_revision(revision: str) -> bool:
    """Whether git knows a revision here; it does not where only the sources are."""
    known = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    return shutil.which("git") is not None and not subprocess.run(known, capture_output=True, cwd=ROOT).returncode


def others_environment(python: str = sys.executable) -> Path:
    """Return the Python that has the other clients, each as its users get it, and the sink's event loop."""
    return _environment(".venv-bench-others", "constraints.txt", OTHERS, with_facade=False, python=python)


def tracers_environment(python: str = sys.executable) -> Path:
    """Return the Python that has the clients of other services that take runs."""
    return _environment(".venv-bench-tracers", "constraints-tracers.txt", TRACERS, with_facade=False, python=python)


def runners_environment() -> Path:
    """Return the Python that has the facade, job runners, and the decorator that it stands beside."""
    wanted = (*_project()["dependencies"], *RUNNERS)
    return _environment(
        ".venv-bench-runners", "constraints-runners.txt", wanted, with_facade=True, python=sys.executable
    )


def vendor_environment(python: str = sys.executable) -> Path:
    """Return the Python that has the vendor's client."""
    return _environment(".venv-bench-vendor", "constraints-vendor.txt", (VENDOR,), with_facade=False, python=python)


def versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions that are installed, of these names."""
    code = (
        "import importlib.metadata as m, json, sys; names = sys.argv[1:]; "
        "have = {d.metadata['Name'].lower(): d.version for d in m.distributions()}; "
        "print(json.dumps({n: have[n] for n in names if n in have}))"
    )
    found: dict[str, str] = json.loads(subprocess.check_output([python, "-c", code, *names]))
    return found


def _project(tree: Path = ROOT) -> dict[str, Any]:
    with (tree / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def _environment(
    name: str,
    constraints: str,
    wanted: tuple[str, ...],
    *,
    with_facade: bool,
    python: str,
    tree: Path = ROOT,
) -> Path:
    version, whole = version_of(python)
    folder = ROOT / f"{name}-{version.rpartition('.')[0]}"
    interpreter = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    recipe = "\n".join((whole.strip(), *wanted, (HERE / constraints).read_text()))
    stamp = folder / "made-from"
    mark = hashlib.sha256(recipe.encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == mark):
        print(f"making {folder.name} ...", file=sys.stderr, flush=True)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [interpreter, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "-c", HERE / constraints, *wanted], check=True)
        stamp.write_text(mark)
    if with_facade:
        # As if installed, from this checkout as it is now: an edit in mid-run must not change what is measured.
        find = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = Path(subprocess.check_output([interpreter, "-c", find], text=True).strip())
        for package in (tree / "xpander_facade", tree / "generated" / "xpander_api"):
            copy = site / package.name
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            subprocess.run([interpreter, "-m", "compileall", "-q", copy], check=True)
    return interpreter
