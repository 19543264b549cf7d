"""An exception by which a job runner steers, under the name that it has there."""

from __future__ import annotations


class Retry(Exception):
    """A job is to be tried again."""


Retry.__module__ = "celery.exceptions"
