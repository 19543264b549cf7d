"""Libraries of providers that speak OpenAI's chat completions in classes of their own.

Each of them says something, calls a tool and streams; the asynchronous client does the same where there is one.
"""

import inspect

import pytest
from loopback import Say, counts_of
from readings import check, inside
from scenario import ANSWER, LOOK_UP

MODEL = "stub-model"
USER = [{"role": "user", "content": "When?"}]
ASKED = {"model": MODEL, "messages": USER}


def groq(url):
    import groq

    options = {"base_url": url, "api_key": "k", "max_retries": 0}
    return groq.Groq(**options).chat.completions.create, groq.AsyncGroq(**options).chat.completions.create


def cerebras(url):
    from cerebras.cloud.sdk import AsyncCerebras, Cerebras

    options = {"base_url": url, "api_key": "k", "max_retries": 0, "warm_tcp_connection": False}
    return Cerebras(**options).chat.completions.create, AsyncCerebras(**options).chat.completions.create


def together(url):
    from together import AsyncTogether, Together

    options = {"base_url": f"{url}/v1", "api_key": "k", "max_retries": 0}
    return Together(**options).chat.completions.create, AsyncTogether(**options).chat.completions.create


def writer(url):
    from writerai import AsyncWriter, Writer

    options = {"base_url": f"{url}/writer/v1", "api_key": "k", "max_retries": 0}
    return Writer(**options).chat.chat, AsyncWriter(**options).chat.chat


def sambanova(url):
    from sambanova import AsyncSambaNova, SambaNova

    options = {"base_url": f"{url}/v1", "api_key": "k", "max_retries": 0}
    return SambaNova(**options).chat.completions.create, AsyncSambaNova(**options).chat.completions.create


def fireworks(url):
    from fireworks import AsyncFireworks, Fireworks

    options = {"base_url": f"{url}/inference", "api_key": "k", "max_retries": 0}
    return Fireworks(**options).chat.completions.create, AsyncFireworks(**options).chat.completions.create


def openrouter(url):
    from openrouter import OpenRouter

    client = OpenRouter(api_key="k", server_url=f"{url}/api/v1")

    return client.chat.send, client.chat.send_async


def huggingface(url):
    from huggingface_hub import AsyncInferenceClient, InferenceClient

    options = {"base_url": f"{url}/v1", "api_key": "k"}
    return InferenceClient(**options).chat_completion, AsyncInferenceClient(**options).chat_completion


def azure(url):
    from azure.ai.inference import ChatCompletionsClient
    from azure.ai.inference.aio import ChatCompletionsClient as AsyncClient
    from azure.core.credentials import AzureKeyCredential

    key = AzureKeyCredential("k")
    return ChatCompletionsClient(url, key).complete, AsyncClient(url, key).complete


def zai(url):
    from zai import ZaiClient

    return ZaiClient(base_url=url, api_key="k", max_retries=0).chat.completions.create, None


def ai21(url):
    from ai21 import AI21Client
    from ai21.models.chat import UserMessage

    client = AI21Client(api_key="k", api_host=url, num_retries=0)

    def ask(messages, **options):
        return client.chat.completions.create(messages=[UserMessage(content="When?")], **options)

    return ask, None


def gigachat(url):
    from gigachat import GigaChat

    client = GigaChat(base_url=f"{url}/gigachat", access_token="k", verify_ssl_certs=False)

    def ask(stream=False, **asked):
        return client.stream(asked) if stream else client.chat(asked)

    return ask, None


LIBRARIES = {
    "groq": groq,
    "cerebras_cloud_sdk": cerebras,
    "together": together,
    "writer-sdk": writer,
    "sambanova": sambanova,
    "fireworks-ai": fireworks,
    "openrouter": openrouter,
    "huggingface-hub": huggingface,
    "azure-ai-inference": azure,
    "zai-sdk": zai,
    "ai21": ai21,
    "gigachat": gigachat,
}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture
def clients(stub, library):
    stub.usage_unasked = True
    return LIBRARIES[library](stub.url)


def test_chats(stub, library, clients):
    ask, _ = clients
    stub.script(Say(ANSWER), LOOK_UP)
    said = ask(**ASKED)
    check(library, "chat", said, told(library, 1), text=ANSWER, model=MODEL)
    called = ask(**ASKED)
    check(
        library, "two chats", [said, called], told(library, 1) + told(library, 2), tools=["find_invoice"], text=ANSWER
    )


def test_streamed_chats(stub, library, clients):
    ask, _ = clients
    stub.script(Say(ANSWER), LOOK_UP)
    said = list(ask(**ASKED, stream=True))
    check(library, "chunks", said, told(library, 1), text=ANSWER, model=MODEL)
    called = list(ask(**ASKED, stream=True))
    check(library, "chunks of two", [*said, *called], told(library, 1) + told(library, 2), tools=["find_invoice"],
          text=ANSWER)  # fmt: skip


async def test_asynchronous_chats(stub, library, clients):
    _, ask = clients
    if ask is None:
        pytest.skip("this library has no client of this kind, or one that is the same")
    stub.script(Say(ANSWER), LOOK_UP)
    check(library, "async chat", await ask(**ASKED), told(library, 1), text=ANSWER, model=MODEL)
    stream = ask(**ASKED, stream=True)
    if inspect.isawaitable(stream):
        stream = await stream
    check(library, "async chunks", [chunk async for chunk in stream], told(library, 2), tools=["find_invoice"])


def told(library, number):
    """Return what the call of this number cost, as far as the library's own class keeps it."""
    return inside(counts_of(number))
