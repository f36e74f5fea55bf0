"""Who may ask: this machine, this browser, this page. Everything else is refused before anything is read.

A page of somebody else that runs in the same browser can send requests to this machine, and a name of somebody else
can be made to lead to it (DNS rebinding). So every request must carry the token, name this machine as its host, and
come from this page.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_QUERY = 2048
LONGEST_PATH = 256
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Lets a request pass to an application, or refuses it.

    Parameters
    ----------
    app
        The application.
    token
        What the address that was printed holds.
    port
        Of this machine.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._cookie = f"earthloom_{port}"  # cookies know no ports: two viewers would take each other's

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers: dict[str, str] = {}
        for key, value in scope["headers"]:
            name = key.decode("latin-1").lower()
            headers[name] = (
                f"{headers[name]}, {value.decode('latin-1')}" if name in headers else value.decode("latin-1")
            )
        asked = parse_qs(scope["query_string"].decode("latin-1")[: LONGEST_QUERY + 1]).get("token", [])
        fresh = scope["path"] == "/" and len(asked) == 1 and self._is_token(asked[0])
        refused = self._refusal(scope, headers, fresh)
        set_cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict" if fresh else None

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = dict(HEADERS) | ({"set-cookie": set_cookie} if set_cookie and not refused else {})
                message["headers"] = [*message.get("headers", []), *((k.encode(), v.encode()) for k, v in own.items())]
            await send(message)

        if refused is None:
            await self._app(scope, receive, guarded)
            return
        code, why = refused
        body = f"{why}\n".encode()
        plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        plain += [(b"cache-control", b"no-store"), (b"connection", b"close")]
        await guarded({"type": "http.response.start", "status": code, "headers": plain})
        await guarded({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _refusal(self, scope: Scope, headers: dict[str, str], fresh: bool) -> tuple[int, str] | None:
        """Code and reason, or nothing."""
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "this page is served for this machine alone"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "nothing can be changed here"
        if len(scope["query_string"]) > LONGEST_QUERY or len(scope.get("raw_path") or b"") > LONGEST_PATH:
            return 414, "the address is too long"
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return 413, "a request has no body here"
        if not self._same_page(headers, fresh):
            return 403, "the request comes from another page"
        if not (fresh or self._is_token(self._cookie_of(headers))):
            return 403, "open the address that `earthloom view` printed: it holds the token of this session"
        return None

    def _same_page(self, headers: dict[str, str], fresh: bool) -> bool:
        """Whether this page asks, as a browser says, or the user, who may click on the whole address anywhere."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return False
        opened = fresh and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site in ("same-origin", "none") or opened

    def _cookie_of(self, headers: dict[str, str]) -> str:
        """The token that the browser kept."""
        try:
            kept = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return kept[self._cookie].value if self._cookie in kept else ""

    def _is_token(self, text: str) -> bool:
        """Compared in the same time whatever is wrong with it."""
        return hmac.compare_digest(text.encode(), self._token.encode())
