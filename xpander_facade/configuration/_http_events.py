"""The events that `on_request` and `on_response` get."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class RequestEvent:
    """What an `on_request` hook is told before a request is sent. It may return headers to add.

        def tag(event: RequestEvent) -> dict[str, str]:
            return {"x-team": "billing"}

        configuration = Configuration(on_request=tag)

    Args:
        operation: The operation's name in the contract, such as "report_external_task"; empty for the fetch of a file.
        method: The HTTP method.
        url: The whole URL.
        headers: The headers, names in lower case, without the API key.
    """

    operation: str
    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)


@attrs.frozen
class ResponseEvent:
    """What an `on_response` hook is told after a request: of each attempt, with or without a response.

        def show(event: ResponseEvent) -> None:
            print(event.operation, event.status_code, event.elapsed)

        configuration = Configuration(on_response=show)

    Args:
        operation: The operation's name in the contract, such as "report_external_task"; empty for the fetch of a file.
        method: The HTTP method.
        url: The whole URL.
        status_code: The HTTP status, or None where there was no response.
        headers: The headers of the response, names in lower case; empty where there was none.
        failure: Why there was no response ("connect", "timeout", ...), or None.
        elapsed: Seconds that the attempt took; of an event stream, until it was open.
    """

    operation: str
    method: str
    url: str
    status_code: int | None
    headers: Mapping[str, str] = attrs.field(repr=False)
    failure: str | None
    elapsed: float
