# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.custom_llm_endpoint import CustomLLMEndpoint
from ...models.error_response import ErrorResponse
from ...types import Response


def _get_kwargs(
    agent_id: str,
    task_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/agents/{agent_id}/custom-llm-endpoint/{task_id}".format(
            agent_id=quote(str(agent_id), safe=""),
            task_id=quote(str(task_id), safe=""),
        ),
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> CustomLLMEndpoint | ErrorResponse | None:
    if response.status_code == 200:
        response_200 = CustomLLMEndpoint.from_dict(response.json())

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
) -> Response[CustomLLMEndpoint | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    agent_id: str,
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[CustomLLMEndpoint | ErrorResponse]:
    """Get access to the organisation's own provider of models, for one task

     For a task whose `payload_extension` has `llm_custom_provider`. The platform calls the provider with
    a key that it
    keeps: the model's API is at `{base URL}/llm-proxy/{provider}`, the token is its key, and each
    request names
    the task in the header `x-xpander-execution-id`.

    Args:
        agent_id (str):
        task_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CustomLLMEndpoint | ErrorResponse]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        task_id=task_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    agent_id: str,
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> CustomLLMEndpoint | ErrorResponse | None:
    """Get access to the organisation's own provider of models, for one task

     For a task whose `payload_extension` has `llm_custom_provider`. The platform calls the provider with
    a key that it
    keeps: the model's API is at `{base URL}/llm-proxy/{provider}`, the token is its key, and each
    request names
    the task in the header `x-xpander-execution-id`.

    Args:
        agent_id (str):
        task_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CustomLLMEndpoint | ErrorResponse
    """

    return sync_detailed(
        agent_id=agent_id,
        task_id=task_id,
        client=client,
    ).parsed


async def asyncio_detailed(
    agent_id: str,
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> Response[CustomLLMEndpoint | ErrorResponse]:
    """Get access to the organisation's own provider of models, for one task

     For a task whose `payload_extension` has `llm_custom_provider`. The platform calls the provider with
    a key that it
    keeps: the model's API is at `{base URL}/llm-proxy/{provider}`, the token is its key, and each
    request names
    the task in the header `x-xpander-execution-id`.

    Args:
        agent_id (str):
        task_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CustomLLMEndpoint | ErrorResponse]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        task_id=task_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    agent_id: str,
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
) -> CustomLLMEndpoint | ErrorResponse | None:
    """Get access to the organisation's own provider of models, for one task

     For a task whose `payload_extension` has `llm_custom_provider`. The platform calls the provider with
    a key that it
    keeps: the model's API is at `{base URL}/llm-proxy/{provider}`, the token is its key, and each
    request names
    the task in the header `x-xpander-execution-id`.

    Args:
        agent_id (str):
        task_id (str):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CustomLLMEndpoint | ErrorResponse
    """

    return (
        await asyncio_detailed(
            agent_id=agent_id,
            task_id=task_id,
            client=client,
        )
    ).parsed
