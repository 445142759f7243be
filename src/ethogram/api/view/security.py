"""Who may ask: a token in the link, this host's name only, and no page of another site.

A page of another site could send requests to 127.0.0.1 (cross-site request forgery), or be served
under a name that then points here (DNS rebinding). Neither has the token, the name or the origin.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # under no-referrer a form's own Origin is "null"
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets through what carries a token and comes from this host's own pages.

    Parameters
    ----------
    app : ASGI application
    tokens : mapping of str to str
        Each token and who has it: "" for a reader, else a labeller's name.
    hosts : set of str
        What the Host header may be, such as "127.0.0.1:8765".
    """

    def __init__(self, app: ASGIApp, *, tokens: Mapping[str, str], hosts: frozenset[str]) -> None:
        self.app, self.tokens, self.hosts = app, tokens, hosts
        self.origins = frozenset(f"http://{host}" for host in hosts)
        port = min(hosts).rpartition(":")[2]
        self.cookie = f"ethogram-{port}"  # cookies are per host, whatever the port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # there is none here
            return
        request = Request(scope)
        refused = self._refusal(request)
        if refused:
            await PlainTextResponse(refused, 403, headers=HEADERS)(scope, receive, send)
            return
        given = request.query_params.get("token")
        if given is not None and self._who(given) is not None and request.method == "GET":
            await self._welcome(request, given)(scope, receive, send)
            return
        who = self._who(request.cookies.get(self.cookie, ""))
        if who is None:
            words = "Open the link that `ethogram view` printed: it carries a token."
            await PlainTextResponse(words, 403, headers=HEADERS)(scope, receive, send)
            return
        scope["labeller"] = who
        await self.app(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> str:
        """Say why a request is not heard at all; "" where it is."""
        if {*request.headers.getlist("host")} - self.hosts or "host" not in request.headers:
            return "This host name is not served here."
        origins = request.headers.getlist("origin")
        if {*origins} - self.origins:
            return "Requests from other sites are refused."
        if request.method not in ("GET", "HEAD"):
            if request.method != "POST":
                return "Only GET and POST are served here."
            if not origins:
                return "A request that writes must say where it comes from (Origin)."
        return ""

    def _who(self, given: str) -> str | None:
        """Return whose token this is; None for no token of ours."""
        found = [who for token, who in self.tokens.items() if _same(token, given)]
        return found[0] if found else None

    def _welcome(self, request: Request, token: str) -> RedirectResponse:
        """Keep the token in a cookie, and show the same address without it."""
        rest = [(k, v) for k, v in parse_qsl(request.url.query) if k != "token"]
        path = "/" + request.url.path.lstrip("/\\")  # never the name of another host
        answer = RedirectResponse(path + ("?" + urlencode(rest) if rest else ""), 303, HEADERS)
        answer.set_cookie(self.cookie, token, httponly=True, samesite="strict", path="/")
        return answer


def _same(token: str, given: str) -> bool:
    return compare_digest(token.encode(), given.encode("utf-8", "replace"))


def _with_headers(send: Send) -> Send:
    """Add the headers that every answer has; a page with a policy of its own keeps it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            names = {name.lower() for name, _ in headers}
            wanted = {"content-security-policy": POLICY, **HEADERS}
            headers += [
                (name.encode(), value.encode())
                for name, value in wanted.items()
                if name.encode() not in names
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sending
