"""The request kernel: what is asked of a model, and how what came back is classed.

Pure. A `Request` is addressed by its content; an `Attempt` is one try at it, with an explicit
status; a `Reading` is what a response says. Knows nothing of HTTP clients or stores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

CUT = "cut at the token limit"
Messages = tuple[dict[str, str], ...]


class Status(StrEnum):
    """How an attempt, and so a reply or a verdict, ended."""

    OK = "ok"
    TRUNCATED = "truncated"  # has text, was cut at the token limit
    EMPTY = "empty"  # no text (reasoning alone is no text)
    REFUSED = "refused"  # the service's own refusal field
    FILTERED = "filtered"  # stopped by a content filter
    UNPARSED = "unparsed"  # a judge's text that names neither or both traits
    MALFORMED = "malformed"  # a 200 whose body is unreadable or has no choices
    TRANSPORT = "transport"  # no connection, or it broke
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"  # a key that is missing, wrong or without credit
    NOT_FOUND = "not_found"  # no such model or address


USABLE = frozenset({Status.OK, Status.TRUNCATED})
PASSING = frozenset(  # what can pass later, and so is asked again
    {
        Status.EMPTY,
        Status.UNPARSED,
        Status.MALFORMED,
        Status.TRANSPORT,
        Status.TIMEOUT,
        Status.RATE_LIMITED,
        Status.SERVER_ERROR,
    }
)
FATAL = frozenset({Status.UNAUTHORIZED, Status.NOT_FOUND})  # every further call would fail alike


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model.

    Attributes
    ----------
    service : str
        The service's name or its address; part of what a request is.
    model : str
    messages : tuple of {"role", "content"}
    params : mapping
        Sampling parameters, as sent.
    sample : int
        0, or more where the same question is asked again on purpose.
    """

    service: str
    model: str
    messages: Messages
    params: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0
    path: str = "chat/completions"

    def canonical(self) -> bytes:
        """Return the request's canonical JSON: sorted keys, no spaces, UTF-8."""
        content = {
            "service": self.service,
            "model": self.model,
            "messages": self.messages,
            "params": self.params,
            "sample": self.sample,
        }
        if self.path != "chat/completions":
            content["path"] = self.path
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)

    def body(self) -> bytes:
        """Return what is sent over the wire."""
        if self.path == "completions":
            return orjson.dumps(
                {"model": self.model, "prompt": self.messages[0]["content"], **self.params}
            )
        return orjson.dumps({"model": self.model, "messages": self.messages, **self.params})


def request_id(canonical: bytes) -> str:
    """Tagged hash of a request's canonical JSON (BLAKE2b, 128 bits)."""
    return "b2:" + hashlib.blake2b(canonical, digest_size=16).hexdigest()


class Usage(NamedTuple):
    """Tokens and cost that the service reported; None where it said nothing."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None  # US dollars


class Reading(NamedTuple):
    """What one response says; `choice` is the word that a protocol took from its text."""

    status: Status
    reason: str = ""
    text: str = ""
    reasoning: str = ""
    usage: Usage = Usage()
    provider: str = ""
    model_said: str = ""
    retry: bool = False
    logprobs: Any = None
    choice: str | None = None
    cut: bool = False  # at the token limit

    def as_status(self, status: Status, reason: str, *, retry: bool | None = None) -> Reading:
        """Return the same response classed otherwise, as by a protocol that could not read it."""
        return self._replace(
            status=status, reason=reason, retry=status in PASSING if retry is None else retry
        )


Read = Callable[[Reading], Reading]
"""What a protocol makes of a usable response: the same reading, its status or choice set."""


def read_as_it_is(reading: Reading) -> Reading:
    """Read a text: whatever there is, is the answer."""
    return reading


class Attempt(NamedTuple):
    """One try at a request, as it is kept."""

    request_id: str
    number: int
    reading: Reading
    http_status: int | None
    response: bytes | None
    started: float  # seconds since 1970
    seconds: float


class Earlier(NamedTuple):
    """What is kept of a request: attempts made, and (attempt, http, body) of a usable answer."""

    attempts: int
    answer: tuple[int, int, bytes] | None


def failure(status: Status, reason: str) -> Reading:
    """Return the reading of a call that gave no response to read."""
    return Reading(status=status, reason=reason[:500], retry=status in PASSING)


def read_response(http_status: int, body: bytes) -> Reading:
    """Class a service's response.

    Parameters
    ----------
    http_status : int
    body : bytes
        As received; a chat completion, a text completion or an error in JSON.

    Returns
    -------
    Reading
        Never raises: what cannot be read is `malformed`.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    if http_status != 200:
        return _read_error(http_status, data, body)
    if not isinstance(data, dict):
        return failure(Status.MALFORMED, f"not JSON: {_excerpt(body)}")
    error = data.get("error")
    if error and not data.get("choices"):
        code = error.get("code") if isinstance(error, dict) else None
        http = code if isinstance(code, int) and 400 <= code < 600 else 500
        return _read_error(http, data, body)
    return _read_completion(data)


def _read_completion(data: dict[str, Any]) -> Reading:
    """Read a 200 response that is JSON."""
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return failure(Status.MALFORMED, "no choices")._replace(usage=_usage(data))
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    text, reasoning = split_reasoning(_text(message.get("content")))
    found = Reading(
        status=Status.OK,
        text=text,
        reasoning="\n".join(filter(None, [_thoughts(message), reasoning])),
        usage=_usage(data),
        provider=str(data.get("provider") or ""),
        model_said=str(data.get("model") or ""),
        logprobs=choice.get("logprobs"),
    )
    return _class_completion(found, choice, message)


def _class_completion(found: Reading, choice: dict[str, Any], message: dict[str, Any]) -> Reading:
    """Give a completion its status, by why it stopped and what text it has."""
    stop = str(choice.get("finish_reason") or "")
    if message.get("refusal"):
        return found.as_status(Status.REFUSED, str(message["refusal"])[:500])
    if stop == "content_filter":
        return found.as_status(Status.FILTERED, "stopped by the service's content filter")
    if stop == "error":
        return found.as_status(Status.SERVER_ERROR, f"finish_reason error: {choice.get('error')}")
    if not found.text.strip() and not (found.logprobs and stop == "length"):
        why = "only reasoning" if found.reasoning else "no text"
        if stop == "length":
            empty = found.as_status(Status.EMPTY, f"{why}, {CUT}", retry=False)
            return empty._replace(cut=True)
        return found.as_status(Status.EMPTY, f"{why}, finish_reason {stop or 'missing'}")
    if stop == "length":
        return found.as_status(Status.TRUNCATED, CUT)._replace(cut=True)
    return found


def _read_error(http: int, data: Any, body: bytes) -> Reading:
    """Class an error by its HTTP status; the reason is the service's own words."""
    reason = f"HTTP {http}: {_error_text(data) or _excerpt(body)}"
    if _is_moderation(http, data):
        return failure(Status.FILTERED, reason)
    return failure(_error_status(http), reason)


def _error_status(http: int) -> Status:
    """Return the status that an HTTP error code stands for."""
    if http in (401, 402, 403):
        return Status.UNAUTHORIZED
    if http in (404, 405, 410):
        return Status.NOT_FOUND
    if http == 408:
        return Status.TIMEOUT
    if http in (425, 429):
        return Status.RATE_LIMITED
    if http >= 500:
        return Status.SERVER_ERROR
    if http < 400:
        return Status.MALFORMED
    return Status.INVALID_REQUEST


def _is_moderation(http: int, data: Any) -> bool:
    """Whether the input was refused by a moderation step (OpenRouter 403, Azure 400)."""
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return False
    metadata = error.get("metadata")
    flagged = isinstance(metadata, dict) and "reasons" in metadata
    return (http == 403 and flagged) or error.get("code") == "content_filter"


def _error_text(data: Any) -> str:
    """Return the message inside an error object, whichever of the usual shapes it has."""
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return ""
    error = data.get("error", data)
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or ""
    return str(error)[:400]


def _excerpt(body: bytes) -> str:
    """Return the first words of a body, on one line."""
    return " ".join(body[:300].decode("utf-8", "replace").split())[:200] or "empty body"


def _text(content: Any) -> str:
    """Return the text of a message: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (p.get("text") for p in content if isinstance(p, dict))
        return "".join(p for p in parts if isinstance(p, str))
    return ""


def _thoughts(message: dict[str, Any]) -> str:
    """Return reasoning that came in a field of its own."""
    for key in ("reasoning_content", "reasoning"):
        if isinstance(message.get(key), str):
            return str(message[key])
    return ""


def split_reasoning(text: str) -> tuple[str, str]:
    """Part a reply from an inline `<think>` block at its start.

    Returns
    -------
    reply, reasoning : str
        A block that was never closed is all reasoning, and the reply is empty. So is all that
        stands before a lone `</think>` (some chat templates write the opening tag themselves).
    """
    if "think" not in text:
        return text, ""
    head = text.lstrip()
    for tag in ("think", "thinking"):
        opening, closing = f"<{tag}>", f"</{tag}>"
        if head.startswith(opening):
            thought, closed, reply = head[len(opening) :].partition(closing)
            return (reply.lstrip() if closed else ""), thought.strip()
        if closing in head and opening not in head:
            thought, _, reply = head.partition(closing)
            return reply.lstrip(), thought.strip()
    return text, ""


def _usage(data: dict[str, Any]) -> Usage:
    """Return the usage block, with None for what is missing or no number."""
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(reasoning),
        cost=_dollars(usage.get("cost")),
    )


def _count(value: Any) -> int | None:
    """Return a token count, or None for what is none."""
    return value if type(value) is int and 0 <= value < 2**40 else None


def _dollars(value: Any) -> float | None:
    """Return a cost, or None for what is none."""
    return float(value) if type(value) in (int, float) and 0 <= value < 1e6 else None
