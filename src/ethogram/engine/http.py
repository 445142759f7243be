"""The HTTP transport: one POST per request, and what came back, whatever it was.

Knows nothing of statuses that are worth a retry, of limits or of money: that is the caller's.
"""

from __future__ import annotations

import aiohttp

from ethogram.engine.address import proxy_for
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request, Status, failure
from ethogram.engine.transport import Response

__all__ = ["HttpTransport", "make_session", "proxy_for", "read_body"]

MAX_BODY = 16 * 2**20  # bytes; a longer response is not a chat completion
# What aiohttp raises before anything is on its way to the service.
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.InvalidURL)


class HttpTransport:
    """Sends requests to one endpoint over a shared session."""

    at_once = False

    def __init__(self, endpoint: Endpoint, session: aiohttp.ClientSession) -> None:
        table = endpoint.table
        self._endpoint = endpoint
        self._session = session
        self._headers = endpoint.headers()
        self._seconds = table.timeout
        self._timeout = aiohttp.ClientTimeout(
            total=table.timeout, sock_connect=min(30.0, table.timeout)
        )
        self._proxy = proxy_for(endpoint.base_url)

    async def send(self, request: Request) -> Response:
        """Send a request; whatever happens comes back as a response."""
        try:
            async with self._session.post(
                self._endpoint.url(request.path),
                data=request.body(),
                headers=self._headers,
                timeout=self._timeout,
                proxy=self._proxy,
                allow_redirects=False,
            ) as answer:
                body = await read_body(answer)
                http, headers = answer.status, answer.headers
        except TimeoutError as error:
            reason = str(error) or f"no answer within {self._seconds:g} s"
            return Response(failure=failure(Status.TIMEOUT, reason))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = self._endpoint.hide(f"{type(error).__name__}: {error}")
            sent = not isinstance(error, NOT_SENT)
            return Response(failure=failure(Status.TRANSPORT, reason), sent=sent)
        if body is None:
            reason = f"a body of more than {MAX_BODY >> 20} MB"
            return Response(http, None, headers, failure(Status.MALFORMED, reason))
        return Response(http, self._endpoint.hide_in(body), headers)

    def expect_no_more(self) -> None:
        """Do nothing: each request goes out as it comes."""

    def shut(self) -> None:
        """Do nothing: calls under way get some time to finish."""


async def read_body(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read a response's body, or None where it is longer than any completion."""
    packed = "Content-Encoding" in answer.headers  # what it unpacks to may be of any length
    if not packed and (answer.content_length or MAX_BODY + 1) <= MAX_BODY:
        return await answer.read()
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            answer.close()
            return None
    return b"".join(parts)


def make_session() -> aiohttp.ClientSession:
    """Return an HTTP session for any number of connections; limits are the endpoints' own.

    It keeps no cookies, and reads no proxy from the environment: aiohttp would do so anew for
    every request, in a thread, and take keys from ~/.netrc as well. See `proxy_for`.
    """
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
