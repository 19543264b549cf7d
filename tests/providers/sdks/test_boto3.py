"""boto3: Bedrock's Converse and InvokeModel, with their event streams."""

import json

import boto3
import pytest
from botocore.config import Config
from loopback import Say, counts_of
from readings import beside, check
from scenario import ANSWER, LOOK_UP

LIBRARY = "boto3"
ASKED = {"modelId": "stub-model", "messages": [{"role": "user", "content": [{"text": "When?"}]}]}


@pytest.fixture
def client(stub):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=stub.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 0}),
    )


def call(number):
    return beside(counts_of(number))


def test_converse(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    said = client.converse(**ASKED)
    check(LIBRARY, "converse()", said, call(1), text=ANSWER)
    called = client.converse(**ASKED)
    check(LIBRARY, "two converse()", [said, called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)


def test_converse_stream(stub, client):
    stub.script(Say(ANSWER), LOOK_UP, Say(ANSWER))
    said = list(client.converse_stream(**ASKED)["stream"])
    check(LIBRARY, "converse_stream() events", said, call(1), text=ANSWER)
    called = list(client.converse_stream(**ASKED)["stream"])
    check(LIBRARY, "events of two", [*said, *called], call(1) + call(2), tools=["find_invoice"], text=ANSWER)
    unread = client.converse_stream(**ASKED)
    check(LIBRARY, "converse_stream(), unread", unread, None, reason="a stream is not read: that would take it")


def test_invoke_model(stub, client):
    stub.script(Say(ANSWER), Say(ANSWER))
    response = client.invoke_model(modelId="stub-model", body=b"{}")
    check(LIBRARY, "invoke_model(), unread", response, call(1), reason="of the headers; the body is a stream")
    body = json.loads(client.invoke_model(modelId="stub-model", body=b"{}")["body"].read())
    check(LIBRARY, "invoke_model(), the body", body, call(2), text=ANSWER)


def test_invoke_model_with_response_stream(stub, client):
    stub.script(Say(ANSWER), LOOK_UP)
    raw = list(client.invoke_model_with_response_stream(modelId="stub-model", body=b"{}")["body"])
    check(LIBRARY, "invoke stream, raw", raw, call(1), text=ANSWER)
    raw = list(client.invoke_model_with_response_stream(modelId="stub-model", body=b"{}")["body"])
    parsed = [json.loads(event["chunk"]["bytes"]) for event in raw]
    check(LIBRARY, "invoke stream, parsed", parsed, call(2), tools=["find_invoice"])
