"""How long a service asks to wait before the next call, in whichever place it says so.

Pure. What it asks is reported as it stands; how long one is willing to wait is the caller's matter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ethogram.engine.bodies import load_body

_AFTER: tuple[tuple[str, float, str], ...] = (  # a wait in so many seconds a unit, or until a date
    ("retry-after-ms", 1e-3, "Azure OpenAI; OpenAI SDK source"),
    ("x-ms-retry-after-ms", 1e-3, "Azure docs, retries"),
    ("retry-after", 1.0, "RFC 9110, section 10.2.3"),
    ("x-retry-after", 1.0, "gateways"),
    ("x-ratelimit-retry-after", 1.0, "MailerLite docs and others of its kind"),
    ("x-ratelimit-reset-after", 1.0, "Discord docs; LiteLLM's proxies"),
)
_RESETS: tuple[tuple[str, str, str], ...] = (  # when a limit is full again, and what is left of it
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests", "OpenAI docs; Groq docs"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "OpenAI docs; Groq docs"),
    ("x-ratelimit-reset", "x-ratelimit-remaining", "OpenRouter docs; Moonshot docs"),
    ("x-rate-limit-reset", "x-rate-limit-remaining", "services that spell it so"),
    ("ratelimit-reset", "ratelimit-remaining", "IETF draft, RateLimit header fields"),
    (
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-requests-remaining",
        "Anthropic docs",
    ),
    ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining", "Anthropic docs"),
    (
        "anthropic-ratelimit-input-tokens-reset",
        "anthropic-ratelimit-input-tokens-remaining",
        "Anthropic docs",
    ),
    (
        "anthropic-ratelimit-output-tokens-reset",
        "anthropic-ratelimit-output-tokens-remaining",
        "Anthropic docs",
    ),
)
_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("us", "µs"), 1e-6),
    "ns": 1e-9,
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![a-zµ])", re.IGNORECASE)
_DURATION = rf"(?:\d+(?:\.\d+)?\s*(?:{_UNIT})(?![a-zµ])[\s,]*(?:and\s+)?)+"
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_SAID = re.compile(
    rf"(?:try again|try your request again|retry|wait|available|reset)\w*"
    rf"(?:\s+(?:it|again|your request|at least|about|for))*\s*(?:in|after|for)?\s*({_DURATION})",
    re.IGNORECASE,
)
_STRUCTURED = re.compile(r"\b(?:reset|t)\s*=\s*(\d+(?:\.\d+)?)")
_LEFT = re.compile(r"\b(?:remaining|r)\s*=\s*(\d+(?:\.\d+)?)")
SECONDS_SINCE_1970 = 5e8  # a number from here on is a date: nobody is asked to wait for 16 years
MILLISECONDS_SINCE_1970 = 1e11
SMALL = 65536  # bytes: an error is no longer


def stated_wait(
    headers: Mapping[str, str], body: bytes | None, now: float, *, http: int | None = None
) -> float | None:
    """Return the seconds that a service asks to wait, None where it asks nothing.

    Parameters
    ----------
    headers : mapping of str
        In any case.
    body : bytes or None
        Looked into only where the response is an error.
    now : float
        Seconds since 1970; the service's own `Date` goes before it.
    http : int or None
        The status. A header that says when a limit is full again counts where nothing is left of
        that limit; where the status is 429; and, on an error, where nothing is said of what is
        left. On an answer it would hold up a run that has no reason to wait.

    Returns
    -------
    float or None
        Never negative. A wait that is asked for outright comes before one until a limit is full;
        of several limits with nothing left, the last to be full counts.
    """
    plain = {str(key).lower(): str(value) for key, value in headers.items()}
    now = _date(plain.get("date", "")) or now  # its own clock is the one that its dates go by
    asked = _asked(plain, now)
    if asked is not None:
        return asked
    data = load_body(body) if body and len(body) <= SMALL and http != 200 else None
    for wait in _body_waits(data, now):
        return wait
    if isinstance(data, str) or (body and not isinstance(data, (dict, list)) and http != 200):
        wait_in_words = _in_words(body[:2000].decode("utf-8", "replace") if body else "")
        if wait_in_words is not None:
            return wait_in_words
    return _until_full(plain, now, http)


def _asked(headers: Mapping[str, str], now: float) -> float | None:
    """Return a wait that a header asks for outright."""
    for name, unit, _ in _AFTER:
        if name in headers:
            wait = _seconds(headers[name], now, unit)
            if wait is not None:
                return wait
    return None


def _until_full(headers: Mapping[str, str], now: float, http: int | None) -> float | None:
    """Return the time until a limit is full again."""
    empty: list[float] = []
    unsaid: list[float] = []
    for reset, remaining, _ in _RESETS:
        wait = _seconds(headers[reset], now) if reset in headers else None
        if wait is not None:
            left = _number(headers.get(remaining))
            (empty if left is not None and left <= 0 else unsaid).append(wait)
            if left is not None and left > 0 and http != 429:
                unsaid.pop()
    field = headers.get("ratelimit", "")  # the IETF draft's one header
    when, left_there = _STRUCTURED.search(field), _LEFT.search(field)
    if when:
        if left_there is not None and float(left_there[1]) == 0:
            empty.append(float(when[1]))
        elif left_there is None or http == 429:
            unsaid.append(float(when[1]))
    if empty:
        return max(empty)
    if unsaid and (http is None or http >= 400):
        return min(unsaid)
    return None


def _body_waits(data: Any, now: float, depth: int = 0) -> Iterator[float]:
    """Yield the waits that an error's body asks for, those in fields of their own first."""
    if depth > 6:
        return
    if isinstance(data, list):
        for part in data[:10]:
            yield from _body_waits(part, now, depth + 1)
    if not isinstance(data, dict):
        return
    for key in ("retryDelay", "retry_after", "retry_after_seconds", "retryAfter"):
        wait = _delay(data.get(key), now)
        if wait is not None:
            yield wait
    sent = data.get("headers")
    if isinstance(sent, dict):  # OpenRouter: those of the provider, in error.metadata
        wait = stated_wait(sent, None, now, http=429)
        if wait is not None:
            yield wait
    for key in ("error", "errors", "details", "metadata", "detail", "base_resp"):
        yield from _body_waits(data.get(key), now, depth + 1)
    for key in ("message", "msg", "detail", "error", "raw"):
        wait = _in_words(data[key]) if isinstance(data.get(key), str) else None
        if wait is not None:
            yield wait


def _delay(value: Any, now: float) -> float | None:
    """Read a duration: "27s", 27, or Google's {"seconds": 27, "nanos": 0}."""
    if isinstance(value, dict):
        parts = (_number(value.get("seconds", 0)), _number(value.get("nanos", 0)))
        if None in parts or not value:
            return None
        return max(0.0, (parts[0] or 0.0) + (parts[1] or 0.0) * 1e-9)
    if isinstance(value, bool) or value is None:
        return None
    return _seconds(str(value), now)


def _in_words(text: str) -> float | None:
    """Read "Please try again in 1m2.5s." from a message."""
    match = _SAID.search(text[:2000])
    return _duration(match[1]) if match else None


def _duration(text: str) -> float | None:
    """Add up "1m30s", "6ms", "2 hours and 3 minutes"."""
    parts = _PART.findall(text)
    total = sum(float(count) * _UNITS[unit.lower()] for count, unit in parts)
    return total if parts and math.isfinite(total) else None


def _seconds(text: str, now: float, unit: float = 1.0) -> float | None:
    """Read a header: a number (a large one is a date), a duration with units, or a date."""
    text = text.strip().strip('"')
    number = _number(text)
    if number is not None:
        if unit == 1.0 and number >= MILLISECONDS_SINCE_1970:
            return max(0.0, number / 1000 - now)
        if unit == 1.0 and number >= SECONDS_SINCE_1970:
            return max(0.0, number - now)
        return max(0.0, number * unit)
    if re.fullmatch(_DURATION, text, re.IGNORECASE):
        return _duration(text)
    until = _date(text)
    return None if until is None else max(0.0, until - now)


def _number(value: Any) -> float | None:
    """Read a plain number."""
    text = str(value).strip() if value is not None and not isinstance(value, bool) else ""
    if not text.isascii() or not _NUMBER.fullmatch(text) or len(text) > 40:
        return None
    return float(text)


def _date(text: str) -> float | None:
    """Read an HTTP date, in its obsolete forms too, or a date of RFC 3339; seconds since 1970."""
    if len(text) > 60:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
