"""Integrations with job runners, tracers and clients of models, one module each, imported only by who uses it.

`from xpander_facade.integrations import NAME` imports one. None of them imports its library before it is asked to
do something with it, and each has an extra of its name: `pip install 'xpander-facade[NAME]'`, or '.[NAME]' in the
checkout.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__all__: list[str] = [
    "airflow",
    "anthropic",
    "arq",
    "asgi",
    "celery",
    "dask",
    "django",
    "dramatiq",
    "google_genai",
    "huey",
    "lambda_",
    "litellm",
    "openai",
    "opentelemetry",
    "prefect",
    "ray",
    "rq",
    "spark",
    "taskiq",
    "temporal",
]

if TYPE_CHECKING:
    from xpander_facade.integrations import (
        airflow,
        anthropic,
        arq,
        asgi,
        celery,
        dask,
        django,
        dramatiq,
        google_genai,
        huey,
        lambda_,
        litellm,
        openai,
        opentelemetry,
        prefect,
        ray,
        rq,
        spark,
        taskiq,
        temporal,
    )
else:

    def __getattr__(name: str) -> object:
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
