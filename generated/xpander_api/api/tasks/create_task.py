# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.create_task_request import CreateTaskRequest
from ...models.error_response import ErrorResponse
from ...models.task import Task
from ...types import UNSET, Response, Unset


def _get_kwargs(
    agent_or_task_id: str,
    *,
    body: CreateTaskRequest,
    x_agent_version: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_agent_version, Unset):
        headers["x-agent-version"] = x_agent_version

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/agent-execution/{agent_or_task_id}".format(
            agent_or_task_id=quote(str(agent_or_task_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorResponse | Task | None:
    if response.status_code == 200:
        response_200 = Task.from_dict(response.json())

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


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[ErrorResponse | Task]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    agent_or_task_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: CreateTaskRequest,
    x_agent_version: str | Unset = UNSET,
) -> Response[ErrorResponse | Task]:
    """Create a task for an agent

     The path names an **agent** here. The agent begins to work on the input; the answer does not wait
    for it to end.
    An `id` in the body continues that existing task with new input.

    Args:
        agent_or_task_id (str):
        x_agent_version (str | Unset):
        body (CreateTaskRequest): A task to be made, or an existing one to be continued.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | Task]
    """

    kwargs = _get_kwargs(
        agent_or_task_id=agent_or_task_id,
        body=body,
        x_agent_version=x_agent_version,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    agent_or_task_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: CreateTaskRequest,
    x_agent_version: str | Unset = UNSET,
) -> ErrorResponse | Task | None:
    """Create a task for an agent

     The path names an **agent** here. The agent begins to work on the input; the answer does not wait
    for it to end.
    An `id` in the body continues that existing task with new input.

    Args:
        agent_or_task_id (str):
        x_agent_version (str | Unset):
        body (CreateTaskRequest): A task to be made, or an existing one to be continued.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | Task
    """

    return sync_detailed(
        agent_or_task_id=agent_or_task_id,
        client=client,
        body=body,
        x_agent_version=x_agent_version,
    ).parsed


async def asyncio_detailed(
    agent_or_task_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: CreateTaskRequest,
    x_agent_version: str | Unset = UNSET,
) -> Response[ErrorResponse | Task]:
    """Create a task for an agent

     The path names an **agent** here. The agent begins to work on the input; the answer does not wait
    for it to end.
    An `id` in the body continues that existing task with new input.

    Args:
        agent_or_task_id (str):
        x_agent_version (str | Unset):
        body (CreateTaskRequest): A task to be made, or an existing one to be continued.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | Task]
    """

    kwargs = _get_kwargs(
        agent_or_task_id=agent_or_task_id,
        body=body,
        x_agent_version=x_agent_version,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    agent_or_task_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: CreateTaskRequest,
    x_agent_version: str | Unset = UNSET,
) -> ErrorResponse | Task | None:
    """Create a task for an agent

     The path names an **agent** here. The agent begins to work on the input; the answer does not wait
    for it to end.
    An `id` in the body continues that existing task with new input.

    Args:
        agent_or_task_id (str):
        x_agent_version (str | Unset):
        body (CreateTaskRequest): A task to be made, or an existing one to be continued.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | Task
    """

    return (
        await asyncio_detailed(
            agent_or_task_id=agent_or_task_id,
            client=client,
            body=body,
            x_agent_version=x_agent_version,
        )
    ).parsed
