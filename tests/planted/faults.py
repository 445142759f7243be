"""Everything a service can get wrong, by name: from an answer to the bytes that are sent.

A fault is *final* (decided by the request alone: asking again brings the same) or *passing*
(decided by the request and how often it was asked: asking again may help). Knows nothing of
sockets; a `Response` says how its bytes are to be delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from time import time as clock  # the server's own, whatever a test does to the client's
from typing import Any

import orjson
from tests.planted.answers import Answer, uniform

_REFUSED = "I cannot help with that."
_THOUGHT = "The user asks for something. Let me think about what would fit here."
_HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


@dataclass(frozen=True)
class Asked:
    """What a fault may want to know of the request."""

    chat: bool
    model: str
    digest: bytes
    prompt_chars: int
    key: str = ""


@dataclass(frozen=True)
class Response:
    """Bytes to send and how.

    `delivery` is "whole", "drop" (close before the headers), "reset" (TCP reset in mid-body),
    "short" (orderly close in mid-body), "drip" (in small pieces over `delay`) or "hang".
    `delay` is in seconds, on top of the latency.
    """

    kind: str
    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    retry_after: str = ""
    delivery: str = "whole"
    delay: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Sizes of the faults that have one."""

    retry_after: float = 1.0
    slow_s: float = 2.0
    drip_s: float = 2.0
    enormous_mb: float = 64.0


Message = Callable[[str], tuple[dict[str, Any], str]]

# 200 with a well-formed body: text -> (message, finish_reason).
_MESSAGES: dict[str, Message] = {
    "ok": lambda text: ({"content": text}, "stop"),
    "empty_content": lambda text: ({"content": ""}, "stop"),
    "null_content": lambda text: ({"content": None}, "stop"),
    "length": lambda text: ({"content": text[: len(text) // 2]}, "length"),
    "refusal": lambda text: ({"content": None, "refusal": _REFUSED}, "stop"),
    "content_filter": lambda text: ({"content": ""}, "content_filter"),
    "reasoning_only": lambda text: ({"content": "", "reasoning": _THOUGHT}, "stop"),
    "reasoning_length": lambda text: ({"content": None, "reasoning": _THOUGHT}, "length"),
    "reasoning": lambda text: ({"content": text, "reasoning_content": _THOUGHT}, "stop"),
    "think_block": lambda text: ({"content": f"<think>{_THOUGHT}</think>\n\n{text}"}, "stop"),
    "no_verdict": lambda text: ({"content": "Either word would do."}, "stop"),
}

# 200 with a good body that is then spoilt: (payload, limits) -> bytes.
_BODIES: dict[str, Callable[[dict[str, Any], Limits], bytes]] = {
    "malformed_json": lambda p, _: orjson.dumps(p).replace(b'":', b'"=', 3),
    "truncated_json": lambda p, _: (whole := orjson.dumps(p))[: len(whole) // 2],
    "invalid_utf8": lambda p, _: orjson.dumps(p).replace(b'"content":"', b'"content":"\xff\xfe', 1),
    "empty_body": lambda p, _: b"",
    "html": lambda p, _: _HTML,
    "empty_choices": lambda p, _: orjson.dumps(p | {"choices": []}),
    "error_in_200": lambda p, _: orjson.dumps(
        {"error": {"code": 502, "message": "Provider returned error"}}
    ),
    "enormous": lambda p, limits: (
        orjson.dumps(p)[:-1] + b',"pad":"' + b"x" * int(limits.enormous_mb * 2**20) + b'"}'
    ),
    "missing_usage": lambda p, _: orjson.dumps({k: v for k, v in p.items() if k != "usage"}),
    "wrong_model": lambda p, _: orjson.dumps(p | {"model": "another-model"}),
}

# The right answer, or a part of it, in the wrong way.
_DELIVERIES = {"dropped": "drop", "reset": "reset", "short_body": "short", "hang": "hang"}

_STATUSES = {
    "rate_limited": 429,
    "rate_limited_seconds": 429,
    "rate_limited_date": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "unauthorized": 401,
    "model_not_found": 404,
    "invalid_request": 400,
}

_FINAL_200 = frozenset(
    {"length", "refusal", "content_filter", "reasoning_length"}
    | {"reasoning", "think_block", "missing_usage", "wrong_model"}
)
_ARRIVES = frozenset({"ok", "slow", "drip"})
KINDS = (*_MESSAGES, *_BODIES, *_DELIVERIES, *_STATUSES, "slow", "drip", "http_NNN")


def status_of(kind: str) -> int:
    """HTTP status of a fault that is one, else 200; `http_NNN` is any status.

    Raises
    ------
    ValueError
        No such fault.
    """
    if kind in _STATUSES:
        return _STATUSES[kind]
    if kind.startswith("http_") and kind[5:].isdigit() and 400 <= int(kind[5:]) <= 599:
        return int(kind[5:])
    if kind not in KINDS or kind == "http_NNN":
        raise ValueError(f"no fault {kind!r}; expected one of {', '.join(KINDS)}")
    return 200


def is_final(kind: str) -> bool:
    """Whether asking again brings the same: an unmended request, a refusal, a cut reply."""
    status = status_of(kind)
    return kind in _FINAL_200 or (status < 500 and status not in {200, 408, 425, 429})


def settles(kind: str) -> bool:
    """Whether a client that got this has no reason to ask again."""
    return kind in _ARRIVES or is_final(kind)


class Mix:
    """Which share of the requests meets which fault.

    Parameters
    ----------
    shares : mapping of fault to share
        Shares of the final faults are of all requests; those of the passing faults are of
        all attempts that have no final one.

    Raises
    ------
    ValueError
        No such fault, or shares that are no shares.
    """

    def __init__(self, shares: Mapping[str, float]):
        self._final = {kind: share for kind, share in shares.items() if is_final(kind)}
        self._passing = {kind: share for kind, share in shares.items() if not is_final(kind)}
        for part in (self._final, self._passing):
            if any(share < 0 for share in part.values()) or sum(part.values()) > 1:
                raise ValueError(f"fault shares {part}: expected numbers from 0 that sum to 1")

    def pick(self, digest: bytes, attempt: int) -> str:
        """Return the fault of this attempt (0 is the first), or "ok"."""
        final = _walk(self._final, uniform(digest, b"final"))
        return final or _walk(self._passing, uniform(digest, b"pass%d" % attempt)) or "ok"


def _walk(shares: Mapping[str, float], at: float) -> str:
    for kind, share in shares.items():
        at -= share
        if at < 0:
            return kind
    return ""


def respond(kind: str, answer: Answer, asked: Asked, limits: Limits) -> Response:
    """What is sent when this answer meets this fault ("ok" is none)."""
    status = status_of(kind)
    if status != 200:
        return _failed(kind, status, asked, limits)
    payload = _payload(answer, asked, _MESSAGES.get(kind, _MESSAGES["ok"]))
    if kind in _BODIES:
        content_type = "text/html" if kind == "html" else "application/json"
        return Response(kind, _BODIES[kind](payload, limits), content_type=content_type)
    body = orjson.dumps(payload)
    if kind == "slow":
        return Response(kind, body, delay=limits.slow_s)
    if kind == "drip":
        return Response(kind, body, delivery="drip", delay=limits.drip_s)
    return Response(kind, body, delivery=_DELIVERIES.get(kind, "whole"))


def _payload(answer: Answer, asked: Asked, spoil: Message) -> dict[str, Any]:
    """A chat completion or a completion as OpenAI-compatible services give them."""
    message, finish = spoil(answer.text)
    choice = {"index": 0, "finish_reason": finish, "logprobs": answer.logprobs}
    if asked.chat:
        choice["message"] = {"role": "assistant", **message}
    else:
        choice["text"] = message["content"]
    prompt, said = asked.prompt_chars // 4 + 1, len(answer.text) // 4 + 1
    return {
        "id": f"planted-{asked.digest.hex()}",
        "object": "chat.completion" if asked.chat else "text_completion",
        "created": 0,
        "model": asked.model,
        "provider": "planted",
        "choices": [choice],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": said,
            "total_tokens": prompt + said,
        },
    }


def _failed(kind: str, status: int, asked: Asked, limits: Limits) -> Response:
    """An HTTP error as services word it; a 401 repeats the key, as careless ones do."""
    if status == 502:
        return Response(kind, _HTML, status, content_type="text/html")
    said = {
        400: "Unsupported value: 'temperature' does not support this value with this model.",
        401: f"Incorrect API key provided: {asked.key or '(none)'}.",
        404: f"The model {asked.model!r} does not exist or you do not have access to it.",
        429: "Rate limit reached for requests.",
    }.get(status, HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown error")
    error = {"message": said, "type": kind, "code": status}
    body = orjson.dumps({"error": error})
    return Response(kind, body, status, retry_after=_retry_after(kind, limits.retry_after))


def http_date(ahead: float = 0.0) -> str:
    """Return a date as HTTP has it, so many seconds ahead."""
    return formatdate(clock() + ahead, usegmt=True)


def _retry_after(kind: str, seconds: float) -> str:
    """Value of the Retry-After header, empty for none."""
    if kind == "rate_limited_seconds":
        return f"{seconds:g}"
    if kind == "rate_limited_date":
        return http_date(seconds)
    return ""
