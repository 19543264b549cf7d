"""Background tasks of Django 6 as users write them."""

from __future__ import annotations

from django.tasks import task

from xpander_facade import Tokens, current_run
from xpander_facade.integrations.django import get_backend, record


@task
def named(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return text.upper()


@task
def quiet(text: str) -> None:
    pass


@task
@record(input=lambda text: f"asked {text}", result=False)
def marked(text: str) -> str:
    return text


@task
def parts(text: str) -> None:
    with get_backend().external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    with get_backend().external_task(id="own", input="of its own") as own:
        own.result = "apart"


@task
@record
async def waiting(text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=7)
    return text


@task
@record
def failing(text: str) -> None:
    raise ValueError("no such invoice")
