# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.knowledge_base_search_result import KnowledgeBaseSearchResult
from ...types import UNSET, Response, Unset


def _get_kwargs(
    knowledge_base_id: str,
    *,
    search_query: str,
    use_bubble: bool | Unset = UNSET,
    bubble_size: int | Unset = UNSET,
    top_k: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["search_query"] = search_query

    params["use_bubble"] = use_bubble

    params["bubble_size"] = bubble_size

    params["top_k"] = top_k

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/knowledge_bases/{knowledge_base_id}".format(
            knowledge_base_id=quote(str(knowledge_base_id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> ErrorResponse | list[KnowledgeBaseSearchResult] | None:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = KnowledgeBaseSearchResult.from_dict(response_200_item_data)

            response_200.append(response_200_item)

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
) -> Response[ErrorResponse | list[KnowledgeBaseSearchResult]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    knowledge_base_id: str,
    *,
    client: AuthenticatedClient | Client,
    search_query: str,
    use_bubble: bool | Unset = UNSET,
    bubble_size: int | Unset = UNSET,
    top_k: int | Unset = UNSET,
) -> Response[ErrorResponse | list[KnowledgeBaseSearchResult]]:
    """Search a knowledge base

     The pieces of the knowledge base's documents that fit a question, the best first.

    Args:
        knowledge_base_id (str):
        search_query (str):
        use_bubble (bool | Unset):
        bubble_size (int | Unset):
        top_k (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | list[KnowledgeBaseSearchResult]]
    """

    kwargs = _get_kwargs(
        knowledge_base_id=knowledge_base_id,
        search_query=search_query,
        use_bubble=use_bubble,
        bubble_size=bubble_size,
        top_k=top_k,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    knowledge_base_id: str,
    *,
    client: AuthenticatedClient | Client,
    search_query: str,
    use_bubble: bool | Unset = UNSET,
    bubble_size: int | Unset = UNSET,
    top_k: int | Unset = UNSET,
) -> ErrorResponse | list[KnowledgeBaseSearchResult] | None:
    """Search a knowledge base

     The pieces of the knowledge base's documents that fit a question, the best first.

    Args:
        knowledge_base_id (str):
        search_query (str):
        use_bubble (bool | Unset):
        bubble_size (int | Unset):
        top_k (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | list[KnowledgeBaseSearchResult]
    """

    return sync_detailed(
        knowledge_base_id=knowledge_base_id,
        client=client,
        search_query=search_query,
        use_bubble=use_bubble,
        bubble_size=bubble_size,
        top_k=top_k,
    ).parsed


async def asyncio_detailed(
    knowledge_base_id: str,
    *,
    client: AuthenticatedClient | Client,
    search_query: str,
    use_bubble: bool | Unset = UNSET,
    bubble_size: int | Unset = UNSET,
    top_k: int | Unset = UNSET,
) -> Response[ErrorResponse | list[KnowledgeBaseSearchResult]]:
    """Search a knowledge base

     The pieces of the knowledge base's documents that fit a question, the best first.

    Args:
        knowledge_base_id (str):
        search_query (str):
        use_bubble (bool | Unset):
        bubble_size (int | Unset):
        top_k (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorResponse | list[KnowledgeBaseSearchResult]]
    """

    kwargs = _get_kwargs(
        knowledge_base_id=knowledge_base_id,
        search_query=search_query,
        use_bubble=use_bubble,
        bubble_size=bubble_size,
        top_k=top_k,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    knowledge_base_id: str,
    *,
    client: AuthenticatedClient | Client,
    search_query: str,
    use_bubble: bool | Unset = UNSET,
    bubble_size: int | Unset = UNSET,
    top_k: int | Unset = UNSET,
) -> ErrorResponse | list[KnowledgeBaseSearchResult] | None:
    """Search a knowledge base

     The pieces of the knowledge base's documents that fit a question, the best first.

    Args:
        knowledge_base_id (str):
        search_query (str):
        use_bubble (bool | Unset):
        bubble_size (int | Unset):
        top_k (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorResponse | list[KnowledgeBaseSearchResult]
    """

    return (
        await asyncio_detailed(
            knowledge_base_id=knowledge_base_id,
            client=client,
            search_query=search_query,
            use_bubble=use_bubble,
            bubble_size=bubble_size,
            top_k=top_k,
        )
    ).parsed
