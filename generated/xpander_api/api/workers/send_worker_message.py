# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.known_worker_message_type import (
    KnownWorkerMessageType,
)
from ...models.worker_message import WorkerMessage
from ...types import UNSET, Response


def _get_kwargs(
    worker_id: str,
    *,
    body: WorkerMessage,
    type_: KnownWorkerMessageType | str,
    agent_id: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    params: dict[str, Any] = {}

    json_type_: str
    if isinstance(type_, str):
        json_type_ = type_
    else:
        json_type_ = type_
    params["type"] = json_type_

    params["agent_id"] = agent_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/events/{worker_id}".format(
            worker_id=quote(str(worker_id), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = response.json()
        return response_200

    if response.status_code == 400:
        response_400 = ErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 405:
        response_405 = ErrorResponse.from_dict(response.json())

        return response_405

    if response.status_code == 413:
        response_413 = ErrorResponse.from_dict(response.json())

        return response_413

    if response.status_code == 422:
        response_422 = ErrorResponse.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = ErrorResponse.from_dict(response.json())

        return response_429

    if 500 <= response.status_code <= 599:
        response_5xx = ErrorResponse.from_dict(response.json())

        return response_5xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    worker_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: WorkerMessage,
    type_: KnownWorkerMessageType | str,
    agent_id: str,
) -> Response[Any | ErrorResponse]:
    """Tell the platform how a worker is

     A heartbeat every 2 seconds, its capacity when that changes, and a word on the way out.

    Args:
        worker_id (str):
        type_ (KnownWorkerMessageType | str): What kind of sender a message has.
        agent_id (str):
        body (WorkerMessage): One message of a worker.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse]
    """

    kwargs = _get_kwargs(
        worker_id=worker_id,
        body=body,
        type_=type_,
        agent_id=agent_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    worker_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: WorkerMessage,
    type_: KnownWorkerMessageType | str,
    agent_id: str,
) -> Any | ErrorResponse | None:
    """Tell the platform how a worker is

     A heartbeat every 2 seconds, its capacity when that changes, and a word on the way out.

    Args:
        worker_id (str):
        type_ (KnownWorkerMessageType | str): What kind of sender a message has.
        agent_id (str):
        body (WorkerMessage): One message of a worker.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse
    """

    return sync_detailed(
        worker_id=worker_id,
        client=client,
        body=body,
        type_=type_,
        agent_id=agent_id,
    ).parsed


async def asyncio_detailed(
    worker_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: WorkerMessage,
    type_: KnownWorkerMessageType | str,
    agent_id: str,
) -> Response[Any | ErrorResponse]:
    """Tell the platform how a worker is

     A heartbeat every 2 seconds, its capacity when that changes, and a word on the way out.

    Args:
        worker_id (str):
        type_ (KnownWorkerMessageType | str): What kind of sender a message has.
        agent_id (str):
        body (WorkerMessage): One message of a worker.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ErrorResponse]
    """

    kwargs = _get_kwargs(
        worker_id=worker_id,
        body=body,
        type_=type_,
        agent_id=agent_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    worker_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: WorkerMessage,
    type_: KnownWorkerMessageType | str,
    agent_id: str,
) -> Any | ErrorResponse | None:
    """Tell the platform how a worker is

     A heartbeat every 2 seconds, its capacity when that changes, and a word on the way out.

    Args:
        worker_id (str):
        type_ (KnownWorkerMessageType | str): What kind of sender a message has.
        agent_id (str):
        body (WorkerMessage): One message of a worker.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ErrorResponse
    """

    return (
        await asyncio_detailed(
            worker_id=worker_id,
            client=client,
            body=body,
            type_=type_,
            agent_id=agent_id,
        )
    ).parsed
