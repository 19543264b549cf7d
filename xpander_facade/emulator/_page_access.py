"""Access to the page: a session in a cookie, a token in each form, and the headers that keep other pages out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Access:
    """Who may see and change what the page shows.

    A session is a random text and a signature of it, so that nothing of it is stored here. Its secret lasts as long as
    this object; with a key, only who gave it has a session that counts.

    Args:
        api_key: The emulator's key; None lets everybody in who reaches it.
        port: The emulator's port. Browsers send cookies to all ports of a host, so its name has it.
    """

    def __init__(self, api_key: str | None, port: int) -> None:
        self._api_key = api_key
        self._secret = secrets.token_bytes(32)
        # Browsers share cookies among the ports of a host: two emulators would take each other's sessions.
        self._cookie = f"xpander_emulator_{port}"

    def is_allowed(self, request: Request) -> bool:
        """Tell whether a request has a session that may see tasks."""
        return self._api_key is None or self._session(request) is not None

    def has_key(self, key: str) -> bool:
        """Tell whether a key is the emulator's."""
        return self._api_key is None or hmac.compare_digest(key.encode(), self._api_key.encode())

    def session(self, request: Request) -> tuple[str, bool]:
        """Return the session of a request, and whether it is new and so has to be given to the browser."""
        found = self._session(request)
        if found is not None:
            return found, False
        # Without a key everybody gets one; with a key it is the login that makes it.
        nonce = secrets.token_urlsafe(18)
        return f"{nonce}.{self._sign('session', nonce)}", True

    def give(self, response: Response, session: str) -> None:
        """Let the browser keep a session."""
        # "lax" lets a link from elsewhere open a task; forms are guarded by their token.
        response.set_cookie(self._cookie, session, httponly=True, samesite="lax", path="/")

    def token(self, session: str) -> str:
        """Return the token that forms of a session carry."""
        return self._sign("form", session)

    def refusal(self, request: Request, token: str) -> str | None:
        """Return why a form is refused, or None: it must come from a page of this server, and of this session."""
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return "this form was sent by a page of another origin"
        # Older browsers do not send it; the token is what counts for them.
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "this form was sent by a page of another site"
        session = self._session(request)
        if session is None or not hmac.compare_digest(token.encode(), self.token(session).encode()):
            return "this form is out of date: reload the page and send it again"
        return None

    def _session(self, request: Request) -> str | None:
        session = request.cookies.get(self._cookie, "")
        nonce, _, signature = session.partition(".")
        good = hmac.compare_digest(signature.encode(), self._sign("session", nonce).encode())
        return session if nonce and good else None

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
