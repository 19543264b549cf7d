"""A decorated function stays what it was. Nothing is sent: sending is disabled."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING, Any

import pytest
from recorded import BACKEND

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


def plain_function(a: int, /, b: str = "b", *c: int, d: bool, **e: float) -> str:
    """Say something."""
    return f"{a}{b}{c}{d}{e}"


async def coroutine_function(a: int) -> str:
    """Say something."""
    return str(a)


def generator_function(a: int) -> Generator[str, int, bool]:
    """Say something."""
    yield str(a)
    return True


async def async_generator_function(a: int) -> AsyncGenerator[str, int]:
    """Say something."""
    yield str(a)


FUNCTIONS = (plain_function, coroutine_function, generator_function, async_generator_function)
KINDS = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    asyncio.iscoroutinefunction if sys.version_info < (3, 14) else inspect.iscoroutinefunction,
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_decorated_function_looks_as_before(function: Any):
    recorded = BACKEND.external_task()(function)
    assert recorded is not function
    assert [is_kind(recorded) for is_kind in KINDS] == [is_kind(function) for is_kind in KINDS]
    assert inspect.signature(recorded) == inspect.signature(function)
    assert (recorded.__name__, recorded.__qualname__, recorded.__doc__, recorded.__module__) == (
        function.__name__,
        function.__qualname__,
        function.__doc__,
        function.__module__,
    )


def test_a_decorated_function_takes_and_gives_what_it_did():
    recorded = BACKEND.external_task()(plain_function)
    assert recorded(1, "x", 2, 3, d=True, e=1.5) == plain_function(1, "x", 2, 3, d=True, e=1.5)
    with pytest.raises(TypeError):
        recorded()


@pytest.mark.parametrize(
    "wrong", [int, print and 5, staticmethod(plain_function), classmethod(plain_function), object()]
)
def test_what_is_no_function_can_not_be_decorated(wrong: Any):
    with pytest.raises(TypeError, match="right above the function"):
        BACKEND.external_task()(wrong)


def test_a_decorator_without_its_parentheses_is_told_so():
    with pytest.raises(TypeError, match=r"@backend\.external_task\(\)"):
        BACKEND.external_task(plain_function)


def test_several_runs_can_not_share_an_id():
    with pytest.raises(ValueError, match="id of its own"):
        BACKEND.external_task(id="run-1")(plain_function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_wrong_arguments_are_an_error_as_ever(function: Any):
    recorded = BACKEND.external_task()(function)

    async def use() -> None:
        called = recorded(unknown=1)
        if inspect.isgenerator(called):
            next(called)
        await (called if inspect.iscoroutine(called) else anext(called))

    with pytest.raises(TypeError, match=r"unexpected keyword|missing"):
        asyncio.run(use())
