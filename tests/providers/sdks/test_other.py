"""Libraries with a form of their own: replicate and voyageai."""

import replicate
import voyageai
from loopback import Call, Say, counts_of
from readings import check
from scenario import ANSWER

from xpander_facade import Tokens


def test_replicate(stub):
    client = replicate.Client(api_token="k", base_url=stub.url)
    stub.script(Say(ANSWER))
    prediction = client.predictions.create(version="v1", input={"prompt": "When?"})
    check("replicate", "Prediction", prediction, Tokens(counts_of(1).prompt, counts_of(1).completion), text=ANSWER)


async def test_replicate_asynchronously(stub):
    client = replicate.Client(api_token="k", base_url=stub.url)
    stub.script(Say(ANSWER))
    prediction = await client.predictions.async_create(version="v1", input={"prompt": "When?"})
    check(
        "replicate", "async Prediction", prediction, Tokens(counts_of(1).prompt, counts_of(1).completion), text=ANSWER
    )


def test_voyage(stub):
    client = voyageai.Client(api_key="k", base_url=f"{stub.url}/voyage/v1", max_retries=0)
    stub.script(Call("none"), Call("none"))
    check("voyageai", "embed()", client.embed(["x"], model="voyage-3"), Tokens(counts_of(1).prompt))
    check("voyageai", "rerank()", client.rerank("q", ["x"], model="rerank-2"), Tokens(counts_of(2).prompt))


async def test_voyage_asynchronously(stub):
    client = voyageai.AsyncClient(api_key="k", base_url=f"{stub.url}/voyage/v1", max_retries=0)
    stub.script(Call("none"))
    check("voyageai", "async embed()", await client.embed(["x"], model="voyage-3"), Tokens(counts_of(1).prompt))
