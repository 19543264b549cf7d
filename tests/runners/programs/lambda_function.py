"""Handlers of Lambda."""

import time

from xpander_facade import Backend
from xpander_facade.integrations import lambda_

backend = Backend()


@lambda_.handler(backend, input=lambda event: event["text"])
def handle(event, context):
    time.sleep(event.get("seconds", 0))
    if event["text"] == "fail":
        raise LookupError("no invoice")
    return event["text"].upper()


@lambda_.sqs_handler(backend)
def handle_messages(record, context):
    if record["body"] == "fail":
        raise LookupError("no invoice")
    return record["body"].upper()
