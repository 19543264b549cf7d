"""Jobs of arq as users write them, recorded by the integration."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Any

import arq
from arq.connections import RedisSettings

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.arq import instrument, record

backend = Backend()
Context = dict[str, Any]


async def named(context: Context, text: str) -> str:
    return text.upper()


async def quiet(context: Context, text: str) -> None:
    pass


@record(input=lambda text: f"asked {text}", result=False)
async def marked(context: Context, text: str) -> str:
    return text


async def used(context: Context, text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=5)
    return "used"


async def parts(context: Context, text: str) -> None:
    async with backend.external_task(input="part one") as one:
        one.tokens = Tokens(prompt_tokens=3)
    async with backend.external_task(id="own", input="of its own") as own:
        own.result = "apart"


async def flaky(context: Context, text: str) -> str:
    current_run().tokens = Tokens(prompt_tokens=1000)
    if context["job_try"] < 3:
        raise arq.Retry(defer=timedelta(seconds=0.05))
    return "done"


async def failing(context: Context, text: str) -> None:
    raise ValueError("no such invoice")


async def slow(context: Context, text: str) -> None:
    await asyncio.sleep(30)


async def stopped(context: Context, text: str) -> None:
    current_run().tokens = Tokens(prompt_tokens=7)
    if context["job_try"] == 1:
        await asyncio.sleep(30)


async def say(context: Context) -> None:
    print("the user's own hook")


class WorkerSettings:
    functions = (named, quiet, marked, used, parts, flaky, failing, arq.func(slow, timeout=1), stopped)
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS"])
    on_startup = say
    poll_delay = 0.05
    handle_signals = True


instrument(WorkerSettings, backend, jobs=["named", "flaky", "failing", "slow", "stopped"])
