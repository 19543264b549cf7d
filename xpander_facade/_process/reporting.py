"""Whether code runs within a report, in which nothing is recorded."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_reporting: contextvars.ContextVar[bool] = contextvars.ContextVar("xpander_reporting", default=False)


def mark_reporting() -> None:
    """Note that a report is made in this context, which has no other use.

    A handler of the log that records runs itself would report what it is told of its own reports, without end. What is
    recorded in such a context is not reported.
    """
    _reporting.set(True)


def in_own_context(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """Call a function in a context of its own. An exception from outside can't leave the mark in the caller's."""
    return contextvars.copy_context().run(function, *arguments, **keywords)


def is_reporting() -> bool:
    """Whether this code runs within a report."""
    return _reporting.get()
