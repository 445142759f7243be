"""What the viewer's answers and questions have in common: policies, small forms, errors."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import unescape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ethogram.api.view.pages import said_page
from ethogram.api.view.security import POLICY
from ethogram.errors import InputError

_META = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_LONGEST_BODY = 10_000  # bytes of a form


def with_own_policy(page: str) -> Response:
    """Answer with a report's page, under the policy that it carries: its scripts by their hash."""
    found = _META.search(page)
    policy = unescape(found[1]) if found else POLICY
    return HTMLResponse(
        page, headers={"content-security-policy": f"{policy}; frame-ancestors 'none'"}
    )


def static(content: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a text that is always the same."""

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


async def read_form(request: Request) -> dict[str, str]:
    """Read a small form.

    Raises
    ------
    InputError
        It is large, or has too many fields.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            raise InputError("the form is too long")
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        raise InputError("the form has too many fields") from None
    return {name: values[0] for name, values in fields.items()}


async def say_error(request: Request, error: Exception) -> Response:
    """Answer with what is wrong, in the program's words."""
    return HTMLResponse(said_page("This cannot be shown", str(error)), 404)
