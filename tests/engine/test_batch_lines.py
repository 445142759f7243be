"""Lines of batches: what each service is sent, and every shape in which answers come."""

from __future__ import annotations

import orjson
import pytest

from ethogram.engine.batch.lines import (
    anthropic_line,
    custom_id,
    google_line,
    openai_line,
    read_line,
    request_of,
)
from ethogram.engine.reading import read_response
from ethogram.engine.requests import Request, request_id

BODY = {"model": "m", "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
ASKED = Request(
    "openai",
    "m",
    ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}),
    {"max_tokens": 9, "temperature": 0.5, "seed": 3, "stop": ["."]},
)
NAME = request_id(ASKED.canonical())


def read(line):
    """Read a line as a caller would; returns its status and text."""
    response = read_line(orjson.dumps(line)).response
    if response.failure is not None:
        return str(response.failure.status), response.failure.reason
    reading = read_response(response.http, response.body)
    return str(reading.status), reading.text or reading.reason


def test_a_name_fits_every_service():
    """Letters, digits, "-" and "_", at most 64 (Anthropic's pattern), and back."""
    assert custom_id(NAME).replace("-", "").isalnum()
    assert len(custom_id(NAME)) <= 64
    assert request_of(custom_id(NAME)) == NAME


def test_a_line_of_openai():
    """As its guide has it."""
    line = openai_line(NAME, ASKED)
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"] == orjson.loads(ASKED.body())


def test_a_line_of_anthropic():
    """The system text apart, stop sequences by their name, and nothing that it refuses."""
    assert anthropic_line(NAME, ASKED)["params"] == {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        "temperature": 0.5,
        "stop_sequences": ["."],
    }


def test_a_line_of_gemini():
    """Contents, a system instruction, and sampling within generationConfig."""
    assert google_line(NAME, ASKED)["request"] == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {
            "maxOutputTokens": 9,
            "temperature": 0.5,
            "seed": 3,
            "stopSequences": ["."],
        },
    }


# What a line is, and where its shape was seen.
ANSWERS = {
    "OpenAI, an answer": (
        {"response": {"status_code": 200, "body": BODY}, "error": None},
        "ok",
    ),
    "Together, no error key": ({"response": {"status_code": 200, "body": BODY}}, "ok"),
    "Mistral, no status": ({"response": {"body": BODY}, "error": None}, "ok"),
    "a body as text": (
        {"response": {"status_code": 200, "body": orjson.dumps(BODY).decode()}, "error": None},
        "ok",
    ),
    "OpenAI, refused: the error is in the body (openai-openapi/issues/302)": (
        {
            "response": {"status_code": 400, "body": {"error": {"message": "bad", "code": "x"}}},
            "error": None,
        },
        "invalid_request",
    ),
    "OpenAI, never asked": (
        {"response": None, "error": {"code": "batch_expired", "message": "not in time"}},
        "expired",
    ),
    "OpenAI, cancelled": (
        {"response": None, "error": {"code": "batch_cancelled", "message": "cancelled"}},
        "expired",
    ),
    "OpenAI, status 0 (tidyverse/ellmer/issues/830)": (
        {"response": {"status_code": 0, "request_id": "", "body": {}}, "error": None},
        "server_error",
    ),
    "OpenAI, 200 and nothing (BerriAI/litellm/pull/37457)": (
        {"response": {"status_code": 200, "body": {}}, "error": None},
        "malformed",
    ),
    "vLLM, an error object beside a response": (
        {
            "response": {"status_code": 400, "request_id": "v", "body": None},
            "error": {"error": {"message": "too long", "type": "BadRequestError", "code": 400}},
        },
        "invalid_request",
    ),
    "vLLM, an error in words": (
        {"response": {"status_code": 400, "body": None}, "error": "not in stream mode"},
        "invalid_request",
    ),
    "Together, an error with a code of its own": (
        {"error": {"message": "Invalid model specified", "code": "invalid_model"}},
        "not_found",
    ),
    "OpenRouter, an error_type": (
        {
            "response": None,
            "error": {"type": "e", "message": "slow", "error_type": "rate_limit_exceeded"},
        },
        "rate_limited",
    ),
    "Anthropic, an answer": (
        {
            "result": {
                "type": "succeeded",
                "message": {
                    "content": [
                        {"type": "thinking", "thinking": "hm"},
                        {"type": "text", "text": "yes"},
                    ],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 4, "output_tokens": 2},
                },
            }
        },
        "ok",
    ),
    "Anthropic, cut": (
        {
            "result": {
                "type": "succeeded",
                "message": {
                    "content": [{"type": "text", "text": "yes"}],
                    "stop_reason": "max_tokens",
                },
            }
        },
        "truncated",
    ),
    "Anthropic, an error": (
        {
            "result": {
                "type": "errored",
                "error": {
                    "type": "error",
                    "error": {"type": "invalid_request_error", "message": "no"},
                },
            }
        },
        "invalid_request",
    ),
    "Anthropic, overloaded": (
        {
            "result": {
                "type": "errored",
                "error": {"type": "error", "error": {"type": "overloaded_error", "message": "o"}},
            }
        },
        "server_error",
    ),
    "Anthropic, expired": ({"result": {"type": "expired"}}, "expired"),
    "Anthropic, canceled": ({"result": {"type": "canceled"}}, "expired"),
    "Gemini, an answer": (
        {
            "response": {
                "candidates": [
                    {
                        "content": {
                            "parts": [{"text": "hm", "thought": True}, {"text": "yes"}],
                            "role": "model",
                        },
                        "finishReason": "STOP",
                    }
                ]
            }
        },
        "ok",
    ),
    "Gemini, cut": (
        {
            "response": {
                "candidates": [
                    {"content": {"parts": [{"text": "yes"}]}, "finishReason": "MAX_TOKENS"}
                ]
            }
        },
        "truncated",
    ),
    "Gemini, blocked": (
        {"response": {"candidates": [], "promptFeedback": {"blockReason": "SAFETY"}}},
        "filtered",
    ),
    "Gemini, an error by number (google.rpc.Code)": (
        {"error": {"code": 3, "message": "bad"}},
        "invalid_request",
    ),
    "Gemini, exhausted": ({"error": {"code": 8, "message": "quota"}}, "rate_limited"),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_every_shape_of_a_line_has_a_live_calls_status(shape):
    """Whoever wrote the line, it is classed as a live answer is."""
    line, status = ANSWERS[shape]
    found, text = read({"custom_id": custom_id(NAME), **line})
    assert (found, text if status in ("ok", "truncated") else "") == (
        status,
        "yes" if status in ("ok", "truncated") else "",
    )


def test_tokens_of_other_words_are_counted():
    """Anthropic's and Gemini's usage, thoughts included."""
    line = {
        "key": custom_id(NAME),
        "response": {
            "candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": 7,
                "candidatesTokenCount": 2,
                "thoughtsTokenCount": 5,
            },
        },
    }
    response = read_line(orjson.dumps(line)).response
    usage = read_response(200, response.body).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens) == (7, 7, 5)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'{"custom_id": 3}', b'{"response": {}}', b'"text"']
)
def test_what_is_no_line_is_passed_over(raw):
    """No name, no JSON: nobody's answer."""
    assert read_line(raw) is None
