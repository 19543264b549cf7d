"""A handler for AWS Lambda whose invocations are recorded as runs, called here as Lambda would call it.

python examples/lambda_handler.py

It needs `xpander-facade[emulator]`. In Lambda the handler is `lambda_handler.handle`, or, for the messages of a queue,
`lambda_handler.handle_message`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from xpander_facade import Backend, Tokens, current_run
from xpander_facade.integrations import lambda_

backend = Backend()


def answer(ticket: str) -> str:
    """Stand in for an agent."""
    run = current_run()
    if run is not None:
        run.tokens = Tokens(prompt_tokens=900, completion_tokens=90)
    if not ticket:
        raise ValueError("the ticket has no text")
    return f"{ticket}: the printer is on fire"


@lambda_.handler(backend, input=lambda event: event["ticket"])
def handle(event: dict[str, str], context: Any) -> str:
    """Answer one ticket."""
    return answer(event["ticket"])


@lambda_.sqs_handler(backend)
def handle_message(record: dict[str, str], context: Any) -> str:
    """Answer a ticket out of a queue; what fails is delivered again by itself."""
    return answer(record["body"])


class Context:
    """What Lambda passes, as far as it is used."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that the function may still run."""
        return 30_000


def invoke() -> None:
    """Do what Lambda does: call the handlers."""
    print(handle({"ticket": "ticket 7"}, Context()))
    messages = [{"messageId": "message-8", "body": "ticket 8"}, {"messageId": "message-9", "body": ""}]
    print(handle_message({"Records": messages}, Context()))


def main() -> None:
    """Let a process with a local platform's settings invoke the handlers, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with Emulator() as platform:
        environment = {
            **os.environ,
            "XPANDER_BASE_URL": platform.url,
            "XPANDER_API_KEY": "key",
            "XPANDER_ORGANIZATION_ID": "org",
            "XPANDER_AGENT_ID": "helpdesk",
        }
        program = "import lambda_handler; lambda_handler.invoke()"
        subprocess.run([sys.executable, "-c", program], env=environment, cwd=Path(__file__).parent, check=True)
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
