# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.task_event_frame import TaskEventFrame
from ...types import UNSET, Response, Unset


def _get_kwargs(
    task_id: str,
    *,
    last_event_id: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["last-event-id"] = last_event_id

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/agent-execution/{task_id}/events".format(
            task_id=quote(str(task_id), safe=""),
        ),
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | TaskEventFrame | None:
    if response.status_code == 200:
        response_200 = TaskEventFrame.from_dict(response.json())

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

    if response.status_code == 409:
        response_409 = ErrorResponse.from_dict(response.json())

        return response_409

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
) -> Response[ErrorResponse | TaskEventFrame]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id: str | Unset = UNSET,
) -> Response[ErrorResponse | TaskEventFrame]:
    """Follow a task's events as they happen

     A stream of server-sent events that stays open until the task ends. Each frame carries one event as
    JSON text in its
    `data`. Only a task created with `events_streaming` has a stream; any other answers 409.

    Lines that begin with a colon are comments that keep the connection alive. Assumption: where frames
    have an `id`, a
    client that was cut off sends the last one as `Last-Event-ID` and gets what it missed.

    Args:
        task_id (str):
        last_event_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | TaskEventFrame]
    """

    kwargs = _get_kwargs(
        task_id=task_id,
        last_event_id=last_event_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id: str | Unset = UNSET,
) -> ErrorResponse | TaskEventFrame | None:
    """Follow a task's events as they happen

     A stream of server-sent events that stays open until the task ends. Each frame carries one event as
    JSON text in its
    `data`. Only a task created with `events_streaming` has a stream; any other answers 409.

    Lines that begin with a colon are comments that keep the connection alive. Assumption: where frames
    have an `id`, a
    client that was cut off sends the last one as `Last-Event-ID` and gets what it missed.

    Args:
        task_id (str):
        last_event_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | TaskEventFrame
    """

    return sync_detailed(
        task_id=task_id,
        client=client,
        last_event_id=last_event_id,
    ).parsed


async def asyncio_detailed(
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id: str | Unset = UNSET,
) -> Response[ErrorResponse | TaskEventFrame]:
    """Follow a task's events as they happen

     A stream of server-sent events that stays open until the task ends. Each frame carries one event as
    JSON text in its
    `data`. Only a task created with `events_streaming` has a stream; any other answers 409.

    Lines that begin with a colon are comments that keep the connection alive. Assumption: where frames
    have an `id`, a
    client that was cut off sends the last one as `Last-Event-ID` and gets what it missed.

    Args:
        task_id (str):
        last_event_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | TaskEventFrame]
    """

    kwargs = _get_kwargs(
        task_id=task_id,
        last_event_id=last_event_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    task_id: str,
    *,
    client: AuthenticatedClient | Client,
    last_event_id: str | Unset = UNSET,
) -> ErrorResponse | TaskEventFrame | None:
    """Follow a task's events as they happen

     A stream of server-sent events that stays open until the task ends. Each frame carries one event as
    JSON text in its
    `data`. Only a task created with `events_streaming` has a stream; any other answers 409.

    Lines that begin with a colon are comments that keep the connection alive. Assumption: where frames
    have an `id`, a
    client that was cut off sends the last one as `Last-Event-ID` and gets what it missed.

    Args:
        task_id (str):
        last_event_id (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | TaskEventFrame
    """

    return (
        await asyncio_detailed(
            task_id=task_id,
            client=client,
            last_event_id=last_event_id,
        )
    ).parsed
