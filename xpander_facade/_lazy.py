"""Names of a package that load when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # as in the package itself, which imports this first
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType


def _missing(package: str, name: str, homes: Iterable[str], caller: FrameType) -> AttributeError | ImportError:
    """Return the error about a name that a package does not have, with what was probably meant.

    `from package import name` takes an AttributeError for itself, and says nothing of its text: it gets an ImportError.
    """
    # `from package import module` asks for the name first, and then looks for a module: nobody reads this text.
    if caller.f_code.co_name == "_handle_fromlist":
        return AttributeError(name)
    from opcode import opmap

    from xpander_facade._hints import ROOT, unknown_name

    hint = "" if name.startswith("_") else unknown_name(name, homes, ROOT if "." not in package else {})
    # `from package import name` makes a message of its own of an AttributeError, without the hint in it.
    code, at = caller.f_code.co_code, caller.f_lasti
    if 0 <= at < len(code) and code[at] == opmap["IMPORT_FROM"]:
        return ImportError(f"cannot import name {name!r} from {package!r}{hint}", name=package)
    return AttributeError(f"module {package!r} has no attribute {name!r}{hint}", name=name, obj=sys.modules[package])


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__`.

    Args:
        package: The package's `__name__`.
        homes: For each name, the module that defines it, seen from the package: `{"Task": "_task"}`.
    """
    module = sys.modules[package]

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise _missing(package, name, homes, sys._getframe(1))
        value: object = getattr(importlib.import_module(f"{package}.{home}"), name)
        # The module has it from now on, and Python asks here no more.
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(module), *homes})

    return load, names
