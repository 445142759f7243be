"""The request kernel: what is asked of a model, and how what came back is classed.

Pure. A `Request` is addressed by its content; an `Attempt` is one try at it, with an explicit
status; a `Reading` is what a response says (`ethogram.engine.reading` reads it). Knows nothing of
HTTP clients or stores.
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
    EMPTY = "empty"  # no text (reasoning alone is not text)
    REFUSED = "refused"  # the service's own refusal field
    FILTERED = "filtered"  # stopped by a content filter
    UNPARSED = "unparsed"  # a judge's text that names neither or both traits
    MALFORMED = "malformed"  # a 200 whose body is unreadable or has no choices
    TRANSPORT = "transport"  # no connection, or it broke
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"  # a key that is missing or wrong
    NO_CREDIT = "no_credit"  # credit, billing or a quota: nothing will be answered until it is paid
    FORBIDDEN = "forbidden"  # a 403 that names neither key nor credit nor content
    NOT_FOUND = "not_found"  # no such model or address
    EXPIRED = "expired"  # a batch ended before this line of it was asked
    OTHER_FINISH = "other_finish"  # has text, and stopped for a reason that is not known here


USABLE = frozenset({Status.OK, Status.TRUNCATED, Status.OTHER_FINISH})
ANSWERED = frozenset(  # the endpoint did its work, whatever the model said
    {*USABLE, Status.EMPTY, Status.REFUSED, Status.FILTERED, Status.UNPARSED}
)
SERVED = frozenset({Status.EMPTY, Status.REFUSED, Status.UNPARSED})  # paid for, and not usable
STOPPING = frozenset({Status.UNAUTHORIZED, Status.NO_CREDIT})  # no further call can succeed
TURNED_AWAY = frozenset({Status.INVALID_REQUEST, Status.FORBIDDEN, Status.NOT_FOUND})
OUT_OF_ORDER = frozenset({Status.TRANSPORT, Status.TIMEOUT, Status.MALFORMED, Status.SERVER_ERROR})
ENDPOINT = STOPPING | TURNED_AWAY | OUT_OF_ORDER | {Status.RATE_LIMITED, Status.EXPIRED}
"""What may be the endpoint's fault and none of the request's."""
PASSING = frozenset(  # what can pass later, and so is asked again
    {
        Status.EMPTY,
        Status.UNPARSED,
        Status.MALFORMED,
        Status.TRANSPORT,
        Status.TIMEOUT,
        Status.RATE_LIMITED,
        Status.SERVER_ERROR,
        Status.EXPIRED,
    }
)
UNTRIED = frozenset({Status.RATE_LIMITED, Status.EXPIRED})  # not asked in earnest: asked again


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
    own: bool = False  # a refusal that is surely about this one request, not about the endpoint
    split: bool = False  # thoughts stood in the text and were parted from it
    declined: bool = False  # the model's own words decline what a protocol asked: a finding

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
    batch: int | None = None  # that it came in


class Earlier(NamedTuple):
    """What is kept of a request.

    Attributes
    ----------
    attempts : int
        Calls made.
    answered : int
        Of these, the ones that the model answered, usably or not: what was tried in earnest.
    answer : (attempt, http, body) or None
        A usable answer.
    """

    attempts: int
    answered: int
    answer: tuple[int, int, bytes] | None


def failure(status: Status, reason: str) -> Reading:
    """Return the reading of a call that gave no response to read."""
    return Reading(status=status, reason=reason[:500], retry=status in PASSING)
