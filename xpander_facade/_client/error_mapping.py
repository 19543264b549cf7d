"""Errors of calls: responses and failures become errors that name their cause and the remedy. Pure."""

from __future__ import annotations

import codecs
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, cast

from xpander_facade._client import retry
from xpander_facade._process.imports import STATUSES, load, on_preload
from xpander_facade.errors import (
    APIConnectionError,
    APIResponseParseError,
    APITimeoutError,
    ModuleException,
    RedirectError,
    status_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xpander_facade._transport.response import Failure, Response


class RequestInfo(TypedDict):
    """The call that every error names: its HTTP method, and its URL without the query."""

    method: str
    url: str


_SNIPPET = 500
_MAX_REQUEST_ID = 200
_UNENCRYPTED = "WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|record layer failure|HTTP_REQUEST"
"""How OpenSSL calls an answer that is not TLS."""
# A proxy or a gateway may quote a URL with a user and a password.
_CREDENTIALS = r"://[^/\s@]*@"
on_preload(lambda: re.compile(_CREDENTIALS))

_REMEDIES: Mapping[int, str] = {
    401: "check api_key= or XPANDER_API_KEY",
    403: "the API key may not do this: use a key of the right organisation, or ask for the permission",
    404: "check the id, and that base_url and organization_id are those it belongs to",
    405: "check base_url or XPANDER_BASE_URL: it does not seem to be the platform's API",
    413: "send less: shorten the result or leave out llm_response",
    429: "send more slowly, or raise max_retries",
}


_SERVER_REMEDY = "the platform or a gateway in front of it failed: try again later"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def decode(content: bytes) -> Any:
    """Return the JSON of a body; None for an empty one.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return _decoder.decode(_text(content)) if content.strip() else None


def parse_error(response: Response, problem: str, where: RequestInfo) -> APIResponseParseError:
    """Return the error for a success whose body can't be read."""
    return APIResponseParseError(
        one_line(problem, 2 * _SNIPPET),
        status_code=response.status_code,
        details=_details(response),
        request_id=request_id_of(response),
        **where,
    )


def response_error(response: Response, where: RequestInfo) -> ModuleException:
    """Return the error for a response that is not a success."""
    status = response.status_code
    cls = status_error(status)
    details = _details(response)
    if issubclass(cls, RedirectError):
        # A login's redirect can carry tokens in its query.
        target = one_line(response.headers.get("location", "nowhere").partition("?")[0], _SNIPPET)
        text = (
            f"the response is a redirect ({status}) to {target}, which is not followed: set base_url to the right URL"
        )
    else:
        said = one_line(_message(details), 5 * _SNIPPET)
        remedy = _REMEDIES.get(status, _SERVER_REMEDY if status >= 500 else "")
        text = (
            f"{status} {_phrase(status)}".rstrip() + (f": {said}" if said else "") + (f" ({remedy})" if remedy else "")
        )
    error = cls(text, status_code=status, details=details, request_id=request_id_of(response), **where)
    error.retry_after = retry.read_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
    return error


def failure_error(failure: Failure, where: RequestInfo) -> ModuleException:
    """Return the error of a call without a response."""
    match failure.kind:
        case "timeout":
            return APITimeoutError(f"{failure.text}: pass timeout= and deadline= to wait longer, or try again", **where)
        case "busy":
            return APITimeoutError(
                f"{failure.text}: start fewer calls at once, or pass timeout= to wait longer", **where
            )
        case "certificate":
            text = f"{failure.text}: pass verify= or set SSL_CERT_FILE to the authority's certificate"
            return APIConnectionError(text, **where)
        case "proxy":
            return APIConnectionError(f"{failure.text}: check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY", **where)
        case "connect" if re.search(_UNENCRYPTED, failure.text):
            text = f"{failure.text}: what answers there speaks http, not https; write base_url with http://"
            return APIConnectionError(text, **where)
        case "connect":
            return APIConnectionError(f"{failure.text}: check base_url or XPANDER_BASE_URL, and the network", **where)
        case "unreadable":
            return APIResponseParseError(failure.text, **where)
        case _:
            return APIConnectionError(failure.text, **where)


def _text(content: bytes) -> str:
    # The codec "utf-8-sig" is written in Python and slow.
    return (content[3:] if content.startswith(codecs.BOM_UTF8) else content).decode("utf-8")


def _details(response: Response) -> Any:
    try:
        data = _decoder.decode(_text(response.content))
    except (ValueError, RecursionError):
        return _snippet(response) or None
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data)
        # The form that FastAPI gives to errors.
        return fields.get("detail", fields)
    return data


def one_line(text: str, limit: int) -> str:
    """Return what a server said as it can stand in an error or a log.

    It is cut, the user and password of URLs are left out, and what can't be printed is escaped: a terminal or a reader
    of logs would take it for something else.

    Args:
        text: What it said.
        limit: How many characters of it are kept.
    """
    text = re.sub(_CREDENTIALS, "://", text[:limit])
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def request_id_of(response: Response) -> str | None:
    """Return the platform's id of the request, fit for a line of text, or None."""
    request_id = response.request_id
    return None if request_id is None else one_line(request_id, _MAX_REQUEST_ID)


def _message(details: Any) -> str:
    if isinstance(details, str):
        # The markup of a gateway's page would fill the message, and what it says comes after it.
        text = details if "<" not in details else "an HTML page" if "html" in details.lower() else details
        return " ".join(text.split())[:_SNIPPET]
    if isinstance(details, list):
        items = cast("list[Any]", details)
        return "; ".join(_problem(item) for item in items[:5])
    return "" if details is None else json.dumps(details)[:_SNIPPET]


def _problem(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)[:_SNIPPET]
    entry = cast("dict[str, Any]", item)
    location: Any = entry.get("loc")
    loc = cast("list[Any]", location) if isinstance(location, list) else []
    steps = ".".join(str(step) for step in loc)
    return f"{steps}: {entry.get('msg', 'invalid')}"[:_SNIPPET] if steps else str(entry.get("msg", entry))[:_SNIPPET]


def _snippet(response: Response) -> str:
    return response.content[:_SNIPPET].decode("utf-8", "replace")


def _phrase(status: int) -> str:
    load(STATUSES)
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
