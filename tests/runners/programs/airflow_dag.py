"""A DAG as users write it, whose tasks are recorded by the plugin."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations.airflow import record

backend = Backend()


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=False)
def invoices() -> None:
    @task
    def named(text: str) -> str:
        return text.upper()

    @task
    def quiet(text: str) -> None:
        pass

    @task
    @record(input=lambda text: f"asked {text}", result=False)
    def marked(text: str) -> str:
        return text

    @task
    def used(text: str) -> str:
        current_run().tokens = Tokens(prompt_tokens=5)
        return "used"

    @task
    def parts(text: str) -> None:
        with backend.external_task(input="part one") as one:
            one.tokens = Tokens(prompt_tokens=3)
        with backend.external_task(id="own", input="of its own") as own:
            own.result = "apart"

    @task(retries=2, retry_delay=timedelta(seconds=0.1))
    def flaky(text: str, ti: Any = None) -> str:
        current_run().tokens = Tokens(prompt_tokens=1000)
        if ti.try_number < 3:
            raise ValueError("not yet")
        return "done"

    @task
    def failing(text: str) -> None:
        raise ValueError("no such invoice")

    @task(execution_timeout=timedelta(seconds=1))
    def slow(text: str) -> None:
        time.sleep(60)

    @task
    def mapped(text: str) -> str:
        return text

    @task
    def skipped(text: str) -> None:
        raise AirflowSkipException("nothing to do")

    for one in (named, quiet, marked, used, parts, flaky, failing, slow, skipped):
        one("in")
    mapped.expand(text=["a", "b"])


made = invoices()
