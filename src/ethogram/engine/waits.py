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
_FIELDS = (  # of an error's body, with the seconds of a unit
    *((name, 1.0) for name in ("retryDelay", "retry_after", "retry_after_seconds", "retryAfter")),
    *((name, 1e-3) for name in ("retry_after_ms", "retryAfterMs", "retry_after_milliseconds")),
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
_ASKED = (
    r"(?:try again|try your request again|retry|wait|available|reset)\w*"
    r"(?:\s+(?:it|again|your request|at least|about|for))*"
)
_SAID = re.compile(
    rf"{_ASKED}\s*(?:in|after|for)?:?\s*(?:(?:about|around|approximately|at least)\s+|~\s*)?"
    rf"({_DURATION}|(?:an?|one)\s+(?:second|minute|hour|day)\b)",
    re.IGNORECASE,
)
_BARE = re.compile(  # "Retry after: 20", in seconds unless it says ms
    r"(?:try again|retry)[ _-]?after([ _-]?(?:ms|seconds))?[\"']?\s*[:=]?\s*(\d+(?:\.\d+)?)"
    r"(?=\s*(?:$|[.,;!)\]}\"'](?!\d)))",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    rf"{_ASKED}(?:\s+\w+){{0,2}}?\s*(?:at|on|after|until|:)\s*:?\s*"
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_CHINESE = re.compile(r"(\d+(?:\.\d+)?)\s*(毫秒|秒钟|秒|分钟|小时|天)(?:钟)?(?:之|以)?后")
_CHINESE_UNITS = {"毫秒": 1e-3, "秒": 1.0, "秒钟": 1.0, "分钟": 60.0, "小时": 3600.0, "天": 86400.0}
_ISO = re.compile(  # RFC 3339, appendix A
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d+)?)S)?)?", re.IGNORECASE
)
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d(?:\.\d+)?)")
_STRUCTURED = re.compile(r"\b(?:reset|t)\s*=\s*(\d+(?:\.\d+)?)")
_LEFT = re.compile(r"\b(?:remaining|r)\s*=\s*(\d+(?:\.\d+)?)")
SECONDS_SINCE_1970 = 5e8  # a number from here on is a date: nobody is asked to wait for 16 years
SINCE_1970 = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (SECONDS_SINCE_1970, 1.0))  # finest first
LONGEST = 10 * 365.25 * 86400  # seconds: what is more is no wait that anyone means
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
        Never negative, nor longer than ten years. A wait that is asked for outright comes before
        one until a limit is full; of several limits with nothing left, the last to be full counts.
    """
    plain = {str(key).lower(): _header(value) for key, value in headers.items()}
    now = _date(plain.get("date", "")) or now  # its own clock is the one that its dates go by
    asked = _asked(plain, now)
    if asked is not None:
        return asked
    data = load_body(body) if body and len(body) <= SMALL and http != 200 else None
    for wait in _body_waits(data, now):
        return wait
    if isinstance(data, str) or (body and not isinstance(data, (dict, list)) and http != 200):
        wait_in_words = _in_words(body[:2000].decode("utf-8", "replace") if body else "", now)
        if wait_in_words is not None:
            return wait_in_words
    return _until_full(plain, now, http)


def _header(value: Any) -> str:
    """Return a header's value, one of several in a list too."""
    return ", ".join(map(str, value[:5])) if isinstance(value, list) else str(value)


def _bounded(wait: float | None) -> float | None:
    """Return a wait that anyone can mean: finite, not negative and of ten years at most."""
    if wait is None or not math.isfinite(wait) or wait > LONGEST:
        return None
    return max(0.0, wait)


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
    until = _bounded(float(when[1])) if when else None
    if until is not None:
        if left_there is not None and float(left_there[1]) == 0:
            empty.append(until)
        elif left_there is None or http == 429:
            unsaid.append(until)
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
    for name, unit in _FIELDS:
        wait = _delay(data.get(name), now, unit)
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
        wait = _in_words(data[key], now) if isinstance(data.get(key), str) else None
        if wait is not None:
            yield wait


def _delay(value: Any, now: float, unit: float = 1.0) -> float | None:
    """Read a duration: "27s", 27, or Google's {"seconds": 27, "nanos": 0}."""
    if isinstance(value, dict):
        parts = (_number(value.get("seconds", 0)), _number(value.get("nanos", 0)))
        if None in parts or not value:
            return None
        return _bounded((parts[0] or 0.0) + (parts[1] or 0.0) * 1e-9)
    if isinstance(value, bool) or value is None:
        return None
    return _seconds(str(value), now, unit)


def _in_words(text: str, now: float) -> float | None:
    """Read "Please try again in 1m2.5s." from a message."""
    text = text[:2000]
    match = _SAID.search(text)
    if match:
        return _bounded(_duration(re.sub(r"\A(?:an?|one)\b", "1", match[1], flags=re.IGNORECASE)))
    match = _UNTIL.search(text)
    if match:
        until = _date(f"{match[1]}T{match[2]}{match[3] or 'Z'}")
        return None if until is None else _bounded(until - now)
    match = _BARE.search(text)
    if match:
        in_ms = (match[1] or "").lower().endswith("ms")
        return _bounded(float(match[2]) * (1e-3 if in_ms else 1.0))
    match = _CHINESE.search(text)
    return _bounded(float(match[1]) * _CHINESE_UNITS[match[2]]) if match else None


def _duration(text: str) -> float | None:
    """Add up "1m30s", "6ms", "2 hours and 3 minutes"."""
    parts = _PART.findall(text)
    total = sum(float(count) * _UNITS[unit.lower()] for count, unit in parts)
    return total if parts and math.isfinite(total) else None


def _seconds(text: str, now: float, unit: float = 1.0) -> float | None:
    """Read a header: a number (a large one is a date), a duration with units, or a date."""
    text = text.strip().strip('"')
    if "," in text and len(text) < 200:  # a header that came twice
        numbers = [_number(part) for part in text.split(",")]
        several = [number for number in numbers if number is not None]
        if len(several) == len(numbers):
            return _bounded(max(several) * unit)
    number = _number(text)
    if number is not None:
        for least, scale in SINCE_1970 if unit == 1.0 else ():
            if number >= least:
                return _bounded(number * scale - now)
        return _bounded(number * unit)
    if re.fullmatch(_DURATION, text, re.IGNORECASE):
        return _bounded(_duration(text))
    timed = _timed(text)
    if timed is not None:
        return _bounded(timed)
    until = _date(text)
    return None if until is None else _bounded(until - now)


def _timed(text: str) -> float | None:
    """Read PT30S and 00:00:30."""
    if len(text) > 40:
        return None
    clock = _CLOCK.fullmatch(text)
    if clock:
        return float(clock[1]) * 3600 + float(clock[2]) * 60 + float(clock[3])
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


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
