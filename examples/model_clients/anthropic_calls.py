"""Calls of Anthropic's client, recorded in a run, over a local platform. Needs `xpander-facade[anthropic,emulator]`.

python examples/model_clients/anthropic_calls.py

A server on this machine stands for the model. To ask the real one, leave `base_url=` out and give it your own key
(ANTHROPIC_API_KEY).
"""

import anthropic
from local_model import serve

from xpander_facade import Backend, Configuration
from xpander_facade.integrations.anthropic import instrument

ANSWER = {
    "id": "msg_7",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "the printer is on fire"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 900, "output_tokens": 90},
}


def ask(client: anthropic.Anthropic, question: str) -> str:
    """Ask the model, as a program does that knows nothing of runs."""
    messages = [{"role": "user", "content": question}]
    answer = client.messages.create(model="claude-sonnet-4-5", max_tokens=500, messages=messages)
    return "".join(block.text for block in answer.content if block.type == "text")


def main() -> None:
    """Record two calls in one run, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with (
        serve(ANSWER) as url,
        Emulator() as platform,
        Backend(Configuration("key", "org", platform.url, "helpdesk")) as backend,
    ):
        client = instrument(anthropic.Anthropic(base_url=url, api_key="key"))
        with backend.external_task(id="ticket-7", input="ticket 7") as run:
            ask(client, "What do the notes of ticket 7 say?")
            run.result = f"ticket 7: {ask(client, 'Sum ticket 7 up.')}"
        for task in platform.tasks():
            print(task["status"], task["result"], task["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
