"""An app whose workers deliver reports."""

from __future__ import annotations

import os

from celery import Celery

from xpander_facade.integrations.celery import delivery_task, instrument

app = Celery("celery_delivery_app", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 3},
)
instrument(app, all=True)
report_external_task = delivery_task(app)
limited = delivery_task(app, name="limited", max_retries=1)
