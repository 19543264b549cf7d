"""An app whose workers deliver reports."""

from __future__ import annotations

import os

from celery import Celery

from xpander_facade.integrations.celery import delivery_task, instrument

# Celery looks for what a lost host had as it starts, and else each 100 s: too early, and too late for a test.
LOOKING = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1} if "TAKES_OVER" in os.environ else {}
app = Celery("celery_delivery_app", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 3, **LOOKING},
)
instrument(app, all=True)
report_external_task = delivery_task(app)
limited = delivery_task(app, name="limited", max_retries=1)
