"""How long services ask to wait: every place and spelling, and nothing where nothing is asked."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.engine.waits import stated_wait

NOW = 784111747.0  # ten to the date of RFC 9110's examples, Sun, 06 Nov 1994 08:49:37 GMT, is 767
DATE = NOW + 30  # 784111777, that date


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("Retry-After", "3", 3),
        ("retry-after", "0.5", 0.5),
        ("RETRY-AFTER", " 3 ", 3),
        ("Retry-After", "3s", 3),
        ("Retry-After", "1m30s", 90),
        ("Retry-After", "43200", 43200),
        ("Retry-After", "-3", 0),
        ("Retry-After", "0", 0),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT", 30),
        ("Retry-After", "Sunday, 06-Nov-94 08:49:37 GMT", 30),
        ("Retry-After", "Sun Nov  6 08:49:37 1994", 30),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:07 GMT", 0),
        ("Retry-After", "1994-11-06T08:49:37Z", 30),
        ("Retry-After", "soon", None),
        ("Retry-After", "", None),
        ("Retry-After", "nan", None),
        ("Retry-After", "inf", None),
        ("Retry-After", "1e9", None),
        ("Retry-After", "9" * 500, None),
        ("Retry-After", "9" * 20, None),
        ("Retry-After", "9" * 30, None),
        ("retry-after-ms", "9" * 30, None),
        ("Retry-After", str(int(DATE * 1e6)), 30),
        ("Retry-After", str(400_000_000), None),  # eleven years and more
        ("Retry-After", "9999-12-31T00:00:00Z", None),
        ("RateLimit", "limit=100, remaining=0, reset=" + "9" * 20, None),
        ("Retry-After", "5, 10", 10),
        ("Retry-After", "5, soon", None),
        ("Retry-After", "PT30S", 30),
        ("Retry-After", "P1DT1H1M0.5S", 90060.5),
        ("Retry-After", "PT", None),
        ("Retry-After", "00:00:30", 30),
        ("Retry-After", "01:02:03", 3723),
        ("retry-after-ms", "3000", 3),
        ("Retry-After-Ms", "20.5", 0.0205),
        ("X-RateLimit-Reset-After", "1.5", 1.5),
        ("x-ratelimit-reset-requests", "3s", 3),
        ("x-ratelimit-reset-requests", "1m30s", 90),
        ("x-ratelimit-reset-tokens", "6ms", 0.006),
        ("x-ratelimit-reset-tokens", "2m59.56s", 179.56),
        ("x-ratelimit-reset-tokens", "1h2m3s", 3723),
        ("x-ratelimit-reset-requests", "12", 12),
        ("X-RateLimit-Reset", str(int(DATE)), 30),
        ("X-RateLimit-Reset", str(int(DATE * 1000)), 30),
        ("X-RateLimit-Reset", "24", 24),
        ("X-RateLimit-Reset", str(int(NOW - 5)), 0),
        ("ratelimit-reset", "7", 7),
        ("RateLimit", "limit=100, remaining=0, reset=50", 50),
        ("RateLimit", '"default";r=0;t=30', 30),
        ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:37Z", 30),
        ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:49:37+00:00", 30),
        ("X-Unheard-Of", "5", None),
    ],
)
def test_every_header_that_says_how_long_is_read(name, value, seconds):
    """Seconds, milliseconds, durations, dates of every form, seconds since 1970."""
    assert stated_wait({name: value}, None, NOW, http=429) == (
        seconds if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize(
    ("headers", "http", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "0"}, 429, 3),
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "0"}, 200, 3),
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "9"}, 200, None),
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "9"}, 500, None),
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "9"}, None, None),
        ({"x-ratelimit-reset-requests": "3s", "x-ratelimit-remaining-requests": "9"}, 429, 3),
        ({"x-ratelimit-reset-requests": "3s"}, 429, 3),
        ({"x-ratelimit-reset-requests": "3s"}, None, 3),
        ({"x-ratelimit-reset-requests": "3s"}, 200, None),
        ({"x-ratelimit-reset": "60", "x-ratelimit-remaining": "19"}, 200, None),
        # The limit that is used up is the one to wait for, however soon another is full again.
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "5",
                "x-ratelimit-reset-tokens": "7s",
                "x-ratelimit-remaining-tokens": "0",
            },
            429,
            7,
        ),
        (
            {
                "x-ratelimit-reset-requests": "9s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "7s",
                "x-ratelimit-remaining-tokens": "0",
            },
            429,
            9,
        ),
        ({"Retry-After": "2", "x-ratelimit-reset-requests": "9s"}, 429, 2),
        ({"Retry-After": "soon", "x-ratelimit-reset-requests": "9s"}, 429, 9),
        ({"Retry-After": "3", "retry-after-ms": "2500"}, 429, 2.5),
        ({"RateLimit": "limit=100, remaining=50, reset=50"}, 200, None),
        ({"Retry-After": "3"}, 200, 3),
        ({}, 429, None),
    ],
)
def test_a_full_limit_is_waited_for_only_where_it_is_the_reason(headers, http, seconds):
    """Services send these headers with every answer: an answer alone is no reason to wait."""
    assert stated_wait(headers, None, NOW, http=http) == seconds


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo"}


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"details": [{**RETRY_INFO, "retryDelay": "27s"}]}}, 27),
        ([{"error": {"details": [{**RETRY_INFO, "retryDelay": "27.5s"}]}}], 27.5),
        ({"error": {"details": [{**RETRY_INFO, "retryDelay": {"seconds": 27}}]}}, 27),
        (
            {"error": {"details": [{**RETRY_INFO, "retryDelay": {"seconds": "2", "nanos": 5e8}}]}},
            2.5,
        ),
        (
            {
                "error": {
                    "details": [{**RETRY_INFO, "retryDelay": {"seconds": 2, "nanos": 500000000}}]
                }
            },
            2.5,
        ),
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": str(int(DATE * 1000))}}}}, 30),
        ({"error": {"metadata": {"headers": {"Retry-After": 4}}}}, 4),
        ({"error": {"metadata": {"retry_after_seconds": 12}}}, 12),
        ({"error": {"message": "Rate limit reached. Please try again in 6.4s. Visit x."}}, 6.4),
        ({"error": {"message": "Please try again in 1m2s."}}, 62),
        ({"error": {"message": "Please try again in 20ms."}}, 0.02),
        ({"error": {"message": "Please retry in 11.665902715s."}}, 11.665902715),
        ({"error": {"message": "Please retry after 20 seconds."}}, 20),
        ({"error": "Try again in 1 minute"}, 60),
        ({"detail": "Please wait 30 seconds before the next call."}, 30),
        ({"message": "Try again in 2 hours and 3 minutes."}, 7380),
        (b"Too many requests. Retry after 5 seconds.", 5),
        ({"error": {"message": "Please retry after 20"}}, 20),
        ({"error": {"message": "Retry after: 20."}}, 20),
        ({"error": {"message": "Retry after 20 attempts"}}, None),
        ({"error": {"message": "retry_after_ms=500"}}, 0.5),
        ({"error": {"message": "Try again in about 20 secs"}}, 20),
        ({"error": {"message": "Please wait a minute"}}, 60),
        ({"error": {"message": "Please try again in a few minutes"}}, None),
        ({"error": {"message": "Your limit resets at 1994-11-06T08:49:37Z."}}, 30),
        ({"error": {"message": "Try again after 1994-11-06 08:49:37 UTC"}}, 30),
        ({"error": {"message": "请在 20 秒后重试"}}, 20),
        ({"error": {"message": "请2分钟后再试"}}, 120),
        ({"error": {"message": "Try again in 900000000 hours"}}, None),
        ({"retry_after_ms": 500}, 0.5),
        ({"error": {"metadata": {"headers": {"Retry-After": ["20"]}}}}, 20),
        ({"error": {"message": "The limit is 20 requests per minute."}}, None),
        ({"error": {"message": "Try again later."}}, None),
        ({"error": {"retryDelay": "soon"}}, None),
        ({"error": {"retryDelay": True}}, None),
        ({"choices": [{"message": {"content": "Please try again in 20s."}}]}, None),
        (b"", None),
        (b"[" * 10000, None),
    ],
)
def test_a_wait_in_the_body_is_read(body, seconds):
    """Google's RetryInfo, a provider's headers behind OpenRouter, OpenAI's words."""
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    expected = None if seconds is None else pytest.approx(seconds)
    assert stated_wait({}, sent, NOW, http=429) == expected


def test_a_header_comes_before_the_body_and_an_answers_body_is_not_looked_into():
    """It may be long, and the model may have said anything in it."""
    sent = orjson.dumps({"error": {"message": "Please try again in 20s."}})
    assert stated_wait({"Retry-After": "3"}, sent, NOW, http=429) == 3
    assert stated_wait({}, sent, NOW, http=200) is None
    assert stated_wait({"x-ratelimit-reset-requests": "9s"}, sent, NOW, http=429) == 20


NAMES = st.sampled_from(
    ["Retry-After", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-remaining", "RateLimit"]
)
VALUES = st.one_of(
    st.text(max_size=12),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["1m", "s", "1s1", "0", "-1s", "Sun, 06 Nov 1994", "1994-13-99", "9999-12-31"]),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(NAMES, VALUES), st.binary(max_size=60), st.sampled_from([None, 200, 429]))
def test_whatever_is_sent_is_a_wait_or_none(headers, body, http):
    """Never negative, never endless, never an exception."""
    wait = stated_wait(headers, body, NOW, http=http)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
