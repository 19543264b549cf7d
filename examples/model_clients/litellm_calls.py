"""Calls of a LiteLLM router, recorded in a run, over a local platform. Needs `xpander-facade[litellm,emulator]`.

python examples/model_clients/litellm_calls.py

A server on this machine stands for the model. To ask the real one, leave `"api_base"` out and give it your own key
(OPENAI_API_KEY).
"""

import litellm
from local_model import serve

from xpander_facade import Backend, Configuration
from xpander_facade.integrations.litellm import instrument

ANSWER = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "the printer is on fire"},
        }
    ],
    "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990},
}


def ask(client: litellm.Router, question: str) -> str:
    """Ask the model, as a program does that knows nothing of runs."""
    messages = [{"role": "user", "content": question}]
    return client.completion(model="helpdesk", messages=messages).choices[0].message.content or ""


def main() -> None:
    """Record two calls in one run, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with (
        serve(ANSWER) as url,
        Emulator() as platform,
        Backend(Configuration("key", "org", platform.url, "helpdesk")) as backend,
    ):
        client = instrument(
            litellm.Router(
                model_list=[
                    {
                        "model_name": "helpdesk",
                        "litellm_params": {"model": "openai/gpt-5-mini", "api_base": f"{url}/v1", "api_key": "key"},
                    }
                ]
            )
        )
        with backend.external_task(id="ticket-7", input="ticket 7") as run:
            ask(client, "What do the notes of ticket 7 say?")
            run.result = f"ticket 7: {ask(client, 'Sum ticket 7 up.')}"
        for task in platform.tasks():
            print(task["status"], task["result"], task["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
