# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.approval_required import ApprovalRequired
from ...models.error_response import ErrorResponse
from ...models.operation_payload import OperationPayload
from ...types import UNSET, Response, Unset


def _get_kwargs(
    agent_id: str,
    tool_id: str,
    *,
    body: OperationPayload,
    x_agent_version: str | Unset = UNSET,
    x_execution_id: str | Unset = UNSET,
    x_tool_call_id: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_agent_version, Unset):
        headers["x-agent-version"] = x_agent_version

    if not isinstance(x_execution_id, Unset):
        headers["x-execution-id"] = x_execution_id

    if not isinstance(x_tool_call_id, Unset):
        headers["x-tool-call-id"] = x_tool_call_id

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/agents/{agent_id}/operations/{tool_id}".format(
            agent_id=quote(str(agent_id), safe=""),
            tool_id=quote(str(tool_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Any | ApprovalRequired | ErrorResponse | None:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> Any | ApprovalRequired:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = ApprovalRequired.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Any | ApprovalRequired, data)

        response_200 = _parse_response_200(response.json())

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
) -> Response[Any | ApprovalRequired | ErrorResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    agent_id: str,
    tool_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: OperationPayload,
    x_agent_version: str | Unset = UNSET,
    x_execution_id: str | Unset = UNSET,
    x_tool_call_id: str | Unset = UNSET,
) -> Response[Any | ApprovalRequired | ErrorResponse]:
    """Call a tool of an agent

     The platform calls the operation behind one of the agent's tools, with the credentials that are
    stored there, and
    answers with what the operation answered.

    The call can change things outside the platform. `x-tool-call-id` names one logical call and stays
    the same when
    the request is repeated, so that it is billed once; a request without one must not be repeated.

    An operation that waits for a person answers 200 with an ApprovalRequired instead of a result.
    Fields of the task's
    `payload_extension` are added to the payload by the platform, which finds the task by `x-execution-
    id`.

    Args:
        agent_id (str):
        tool_id (str):
        x_agent_version (str | Unset):
        x_execution_id (str | Unset):
        x_tool_call_id (str | Unset):
        body (OperationPayload): What an operation is given, in four parts. A part that is absent
            is empty.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ApprovalRequired | ErrorResponse]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        tool_id=tool_id,
        body=body,
        x_agent_version=x_agent_version,
        x_execution_id=x_execution_id,
        x_tool_call_id=x_tool_call_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    agent_id: str,
    tool_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: OperationPayload,
    x_agent_version: str | Unset = UNSET,
    x_execution_id: str | Unset = UNSET,
    x_tool_call_id: str | Unset = UNSET,
) -> Any | ApprovalRequired | ErrorResponse | None:
    """Call a tool of an agent

     The platform calls the operation behind one of the agent's tools, with the credentials that are
    stored there, and
    answers with what the operation answered.

    The call can change things outside the platform. `x-tool-call-id` names one logical call and stays
    the same when
    the request is repeated, so that it is billed once; a request without one must not be repeated.

    An operation that waits for a person answers 200 with an ApprovalRequired instead of a result.
    Fields of the task's
    `payload_extension` are added to the payload by the platform, which finds the task by `x-execution-
    id`.

    Args:
        agent_id (str):
        tool_id (str):
        x_agent_version (str | Unset):
        x_execution_id (str | Unset):
        x_tool_call_id (str | Unset):
        body (OperationPayload): What an operation is given, in four parts. A part that is absent
            is empty.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ApprovalRequired | ErrorResponse
    """

    return sync_detailed(
        agent_id=agent_id,
        tool_id=tool_id,
        client=client,
        body=body,
        x_agent_version=x_agent_version,
        x_execution_id=x_execution_id,
        x_tool_call_id=x_tool_call_id,
    ).parsed


async def asyncio_detailed(
    agent_id: str,
    tool_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: OperationPayload,
    x_agent_version: str | Unset = UNSET,
    x_execution_id: str | Unset = UNSET,
    x_tool_call_id: str | Unset = UNSET,
) -> Response[Any | ApprovalRequired | ErrorResponse]:
    """Call a tool of an agent

     The platform calls the operation behind one of the agent's tools, with the credentials that are
    stored there, and
    answers with what the operation answered.

    The call can change things outside the platform. `x-tool-call-id` names one logical call and stays
    the same when
    the request is repeated, so that it is billed once; a request without one must not be repeated.

    An operation that waits for a person answers 200 with an ApprovalRequired instead of a result.
    Fields of the task's
    `payload_extension` are added to the payload by the platform, which finds the task by `x-execution-
    id`.

    Args:
        agent_id (str):
        tool_id (str):
        x_agent_version (str | Unset):
        x_execution_id (str | Unset):
        x_tool_call_id (str | Unset):
        body (OperationPayload): What an operation is given, in four parts. A part that is absent
            is empty.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | ApprovalRequired | ErrorResponse]
    """

    kwargs = _get_kwargs(
        agent_id=agent_id,
        tool_id=tool_id,
        body=body,
        x_agent_version=x_agent_version,
        x_execution_id=x_execution_id,
        x_tool_call_id=x_tool_call_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    agent_id: str,
    tool_id: str,
    *,
    client: AuthenticatedClient | Client,
    body: OperationPayload,
    x_agent_version: str | Unset = UNSET,
    x_execution_id: str | Unset = UNSET,
    x_tool_call_id: str | Unset = UNSET,
) -> Any | ApprovalRequired | ErrorResponse | None:
    """Call a tool of an agent

     The platform calls the operation behind one of the agent's tools, with the credentials that are
    stored there, and
    answers with what the operation answered.

    The call can change things outside the platform. `x-tool-call-id` names one logical call and stays
    the same when
    the request is repeated, so that it is billed once; a request without one must not be repeated.

    An operation that waits for a person answers 200 with an ApprovalRequired instead of a result.
    Fields of the task's
    `payload_extension` are added to the payload by the platform, which finds the task by `x-execution-
    id`.

    Args:
        agent_id (str):
        tool_id (str):
        x_agent_version (str | Unset):
        x_execution_id (str | Unset):
        x_tool_call_id (str | Unset):
        body (OperationPayload): What an operation is given, in four parts. A part that is absent
            is empty.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | ApprovalRequired | ErrorResponse
    """

    return (
        await asyncio_detailed(
            agent_id=agent_id,
            tool_id=tool_id,
            client=client,
            body=body,
            x_agent_version=x_agent_version,
            x_execution_id=x_execution_id,
            x_tool_call_id=x_tool_call_id,
        )
    ).parsed
