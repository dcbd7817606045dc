"""Who may ask, and what may the answer do in a browser? Checked before any page is reached.

``docs/decisions/server-security.md`` says what each rule is for, and which test holds it.
"""

from __future__ import annotations

import hmac
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isoloss.ui.settings import Settings

SAFE_METHODS = ("GET", "HEAD")
# Plotly's own rules are served as a file, so that no style element is needed; the attributes that
# it sets on what it draws are.
CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
LONGEST_QUERY = 16_000


class Guard:
    """Lets a request through to the pages, or refuses it.

    Args:
        app: the pages.
        settings: who may ask.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.cookie = f"isoloss_token_{settings.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._answer(scope)
            await (answer or self.app)(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> Response | None:
        """What is said instead of the page; None lets the request through."""
        headers = Headers(scope=scope)
        if not self.settings.knows(_name(headers.get("host", ""))):
            return _refuse(
                421, "This server answers to its own address only; the Host header names another."
            )
        if len(scope["query_string"]) > LONGEST_QUERY:
            return _refuse(414, "The address is too long.")
        if scope["method"] not in (*SAFE_METHODS, "POST"):
            return _refuse(405, "Only GET, HEAD and POST are understood.")
        if not _is_own(scope, headers):
            return _refuse(403, "Another site may not ask in your name.")
        return self._check_token(scope, headers)

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        token = self.settings.token
        if token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = dict(query).get("token")
        if shown is not None and _same(shown, token) and scope["method"] in SAFE_METHODS:
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            # From the second request on the cookie says it: the address can be shared.
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            response.set_cookie(self.cookie, token, httponly=True, samesite="strict")
            return response
        known = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if _same(known, token) or _same(bearer, token):
            return None
        return _refuse(
            401, "This server asks for its token: open the address that isoloss ui printed."
        )


def _is_own(scope: Scope, headers: Headers) -> bool:
    """Whether a request comes from these pages, from a typed address, or from no browser.

    Requests that change something need a sign that they come from these pages.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if scope["method"] in SAFE_METHODS:
        # A link from elsewhere may open a page; it may not load parts of one.
        return site in (None, "same-origin", "none") or (
            headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return site == "same-origin"


def _name(host: str) -> str:
    """The name in a ``Host`` header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode(), expected.encode())


def _refuse(status: int, sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", status)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=_raw(message))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _raw(message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    message["headers"] = list(message.get("headers", []))
    return message["headers"]
