"""Calls of Google's client, recorded in a run, over a local platform. Needs `xpander-facade[google_genai,emulator]`.

python examples/model_clients/google_genai_calls.py

A server on this machine stands for the model. To ask the real one, leave `http_options=` out and give it your own key
(GEMINI_API_KEY).
"""

from google import genai
from local_model import serve

from xpander_facade import Backend, Configuration
from xpander_facade.integrations.google_genai import instrument

ANSWER = {
    "responseId": "response-7",
    "modelVersion": "gemini-2.5-flash",
    "candidates": [
        {"finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "the printer is on fire"}]}}
    ],
    "usageMetadata": {"promptTokenCount": 900, "candidatesTokenCount": 90, "totalTokenCount": 990},
}


def ask(client: genai.Client, question: str) -> str:
    """Ask the model, as a program does that knows nothing of runs."""
    return client.models.generate_content(model="gemini-2.5-flash", contents=question).text or ""


def main() -> None:
    """Record two calls in one run, and show what the platform has of it."""
    from xpander_facade.emulator import Emulator

    with (
        serve(ANSWER) as url,
        Emulator() as platform,
        Backend(Configuration("key", "org", platform.url, "helpdesk")) as backend,
    ):
        client = instrument(genai.Client(api_key="key", http_options={"base_url": url}))
        with backend.external_task(id="ticket-7", input="ticket 7") as run:
            ask(client, "What do the notes of ticket 7 say?")
            run.result = f"ticket 7: {ask(client, 'Sum ticket 7 up.')}"
        for task in platform.tasks():
            print(task["status"], task["result"], task["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
