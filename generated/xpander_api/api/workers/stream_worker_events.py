# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.known_worker_environment import (
    KnownWorkerEnvironment,
)
from ...models.worker_event_frame import WorkerEventFrame
from ...types import UNSET, Response, Unset


def _get_kwargs(
    agent_id: str,
    *,
    environment: KnownWorkerEnvironment | str,
    supports_llm_gateway: bool | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_environment: str
    if isinstance(environment, str):
        json_environment = environment
    else:
        json_environment = environment
    params["environment"] = json_environment

    params["supports_llm_gateway"] = supports_llm_gateway

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/events/{agent_id}/".format(
            agent_id=quote(str(agent_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | WorkerEventFrame | None:
    if response.status_code == 200:
        response_200 = WorkerEventFrame.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorResponse | WorkerEventFrame]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    agent_id: str,
    *,
    client: AuthenticatedClient | Client,
    environment: KnownWorkerEnvironment | str,
    supports_llm_gateway: bool | Unset = UNSET,
) -> Response[ErrorResponse | WorkerEventFrame]:
    """Register as a worker and wait for tasks

     A stream of named server-sent events that never ends by itself. Mind the slash at the end of the
    path.

    The first frame is `worker-registration` with the worker, or `worker-environment-conflict`, after
    which the client
    stops. Then each `agent-execution` frame carries a task to run. A lost stream is opened again after
    1, 2, then 3
    seconds.

    Args:
        agent_id (str):
        environment (KnownWorkerEnvironment | str): Where a worker runs: on a machine of the
            user's, or in the platform's own cloud.
        supports_llm_gateway (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | WorkerEventFrame]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        environment=environment,
        supports_llm_gateway=supports_llm_gateway,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    agent_id: str,
    *,
    client: AuthenticatedClient | Client,
    environment: KnownWorkerEnvironment | str,
    supports_llm_gateway: bool | Unset = UNSET,
) -> ErrorResponse | WorkerEventFrame | None:
    """Register as a worker and wait for tasks

     A stream of named server-sent events that never ends by itself. Mind the slash at the end of the
    path.

    The first frame is `worker-registration` with the worker, or `worker-environment-conflict`, after
    which the client
    stops. Then each `agent-execution` frame carries a task to run. A lost stream is opened again after
    1, 2, then 3
    seconds.

    Args:
        agent_id (str):
        environment (KnownWorkerEnvironment | str): Where a worker runs: on a machine of the
            user's, or in the platform's own cloud.
        supports_llm_gateway (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | WorkerEventFrame
    """

    return sync_detailed(
        agent_id=agent_id,
        client=client,
        environment=environment,
        supports_llm_gateway=supports_llm_gateway,
    ).parsed


async def asyncio_detailed(
    agent_id: str,
    *,
    client: AuthenticatedClient | Client,
    environment: KnownWorkerEnvironment | str,
    supports_llm_gateway: bool | Unset = UNSET,
) -> Response[ErrorResponse | WorkerEventFrame]:
    """Register as a worker and wait for tasks

     A stream of named server-sent events that never ends by itself. Mind the slash at the end of the
    path.

    The first frame is `worker-registration` with the worker, or `worker-environment-conflict`, after
    which the client
    stops. Then each `agent-execution` frame carries a task to run. A lost stream is opened again after
    1, 2, then 3
    seconds.

    Args:
        agent_id (str):
        environment (KnownWorkerEnvironment | str): Where a worker runs: on a machine of the
            user's, or in the platform's own cloud.
        supports_llm_gateway (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | WorkerEventFrame]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        environment=environment,
        supports_llm_gateway=supports_llm_gateway,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    agent_id: str,
    *,
    client: AuthenticatedClient | Client,
    environment: KnownWorkerEnvironment | str,
    supports_llm_gateway: bool | Unset = UNSET,
) -> ErrorResponse | WorkerEventFrame | None:
    """Register as a worker and wait for tasks

     A stream of named server-sent events that never ends by itself. Mind the slash at the end of the
    path.

    The first frame is `worker-registration` with the worker, or `worker-environment-conflict`, after
    which the client
    stops. Then each `agent-execution` frame carries a task to run. A lost stream is opened again after
    1, 2, then 3
    seconds.

    Args:
        agent_id (str):
        environment (KnownWorkerEnvironment | str): Where a worker runs: on a machine of the
            user's, or in the platform's own cloud.
        supports_llm_gateway (bool | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | WorkerEventFrame
    """

    return (
        await asyncio_detailed(
            agent_id=agent_id,
            client=client,
            environment=environment,
            supports_llm_gateway=supports_llm_gateway,
        )
    ).parsed
