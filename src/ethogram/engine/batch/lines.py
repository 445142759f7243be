"""One line of a batch: a request as each service wants it, and an answer as each gives it.

Pure. Answers of services with words of their own are put into the shape of a chat completion, with
all that they said beside it, so that they are read as live ones are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from ethogram.engine.bodies import UNREADABLE, load_body
from ethogram.engine.requests import Request, Status, failure
from ethogram.engine.transport import Response

Body = dict[str, Any]

EXPIRED = ("expired", "batch_expired", "batch_cancelled", "cancelled", "canceled", "batch_canceled")
"""Codes and types of lines that were never asked, and so cost nothing."""

# What Anthropic's and Google's own APIs refuse, and their chat completions pass over.
_NOT_ANTHROPIC = frozenset(
    {"seed", "presence_penalty", "frequency_penalty", "repetition_penalty", "min_p", "logprobs"}
    | {"top_logprobs", "response_format", "logit_bias", "usage"}
)
_GOOGLE = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_GOOGLE_BUDGET = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}


def custom_id(request: str) -> str:
    """Return a request's hash as batch services take it: letters, digits, "-" and "_" only."""
    return request.replace(":", "-")


def request_of(custom: str) -> str:
    """Return the hash that a custom id stands for, in whichever case it comes back."""
    return custom.strip().lower().replace("-", ":", 1)


# -- requests ---------------------------------------------------------------------------------


def openai_line(name: str, request: Request) -> Body:
    """Return a line of OpenAI's batch file."""
    return {
        "custom_id": custom_id(name),
        "method": "POST",
        "url": f"/v1/{request.path}",
        "body": orjson.loads(request.body()),
    }


def bare_line(name: str, request: Request) -> Body:
    """Return a line that has its address elsewhere: Mistral's and OpenRouter's."""
    return {"custom_id": custom_id(name), "body": orjson.loads(request.body())}


def anthropic_line(name: str, request: Request) -> Body:
    """Return a request of Anthropic's Message Batches."""
    system = [m["content"] for m in request.messages if m["role"] in ("system", "developer")]
    turns = [m for m in request.messages if m["role"] not in ("system", "developer")]
    params = {k: v for k, v in request.params.items() if k not in _NOT_ANTHROPIC}
    if (stop := params.pop("stop", None)) is not None:
        params["stop_sequences"] = stop
    if (most := params.pop("max_completion_tokens", None)) is not None:
        params["max_tokens"] = most
    body = {"model": request.model, "messages": turns, **params}
    if system:
        body["system"] = "\n\n".join(system)
    return {"custom_id": custom_id(name), "params": body}


def google_line(name: str, request: Request) -> Body:
    """Return a line of the Gemini API's batch file."""
    system = [m["content"] for m in request.messages if m["role"] in ("system", "developer")]
    contents = [
        {
            "role": "model" if m["role"] == "assistant" else "user",
            "parts": [{"text": m["content"]}],
        }
        for m in request.messages
        if m["role"] not in ("system", "developer")
    ]
    params = dict(request.params)
    config = {_GOOGLE[k]: params.pop(k) for k in list(params) if k in _GOOGLE}
    if (effort := params.pop("reasoning_effort", None)) is not None:
        config["thinkingConfig"] = {"thinkingBudget": _GOOGLE_BUDGET.get(effort, -1)}
    body: Body = {"contents": contents, **params}
    if config:
        body["generationConfig"] = config
    if system:
        body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
    return {"key": custom_id(name), "request": body}


# -- answers ----------------------------------------------------------------------------------


class Line(NamedTuple):
    """An answer of a batch: to which request, and what a live call would have brought."""

    request: str
    response: Response


def read_line(line: bytes) -> Line | None:
    """Read a line of results, whichever service wrote it.

    Returns
    -------
    Line or None
        None for a line that names no request of ours, or that is not JSON.
    """
    data = load_body(line)
    if data is UNREADABLE or not isinstance(data, dict):
        return None
    name = data.get("custom_id") or data.get("key") or _named(data.get("metadata"))
    if not isinstance(name, str):
        return None
    return Line(request_of(name), _response(data))


def _named(metadata: Any) -> Any:
    """Return the key in the metadata of an inline answer of Gemini's."""
    return metadata.get("key") if isinstance(metadata, dict) else None


def _response(data: Body) -> Response:
    """Return what a live call would have brought."""
    result = data.get("result")
    if isinstance(result, dict) and isinstance(result.get("type"), str):
        return _anthropic(result)
    response, error = data.get("response"), data.get("error")
    if isinstance(response, dict) and "body" in response:
        return _of_body(response.get("body"), response.get("status_code"), error)
    if isinstance(response, dict) and "candidates" in response:
        return _answer(google_completion(response))
    if isinstance(response, dict) and "choices" in response:
        return _answer(response)
    if "body" in data and not error:
        return _of_body(data["body"], data.get("status_code"), None)
    return _fault(error if error is not None else response)


def _of_body(body: Any, code: Any, error: Any) -> Response:
    """Return a response with a body of its own; an error beside it is told where it has none."""
    code = code if isinstance(code, int) and 100 <= code <= 599 else None
    if isinstance(body, str):
        loaded = load_body(body.encode())
        body = body if loaded is UNREADABLE else loaded
    if not body and not error and code == 200:
        return Response(code, b"{}")
    if not body or (isinstance(body, dict) and "choices" not in body and error):
        return _fault(error or body or "a line with no body", code)
    if code is None:
        code = 200 if isinstance(body, dict) and "choices" in body else 500
    return Response(code, orjson.dumps(body))


def _answer(body: Body) -> Response:
    return Response(200, orjson.dumps(body))


def _fault(error: Any, code: int | None = None) -> Response:
    """Return the response to a line that failed, or that was never asked."""
    words = error if isinstance(error, dict) else {"message": str(error or "no answer")}
    kind = str(words.get("code") or words.get("type") or "").lower()
    if kind in EXPIRED:
        return unasked(str(words.get("message") or kind))
    if code is None or code == 200:
        code = _status_code(words, kind)
    return Response(code, orjson.dumps({"error": words}))


def unasked(reason: str) -> Response:
    """Return the response to a line that a batch ended without asking: it costs nothing."""
    return Response(failure=failure(Status.EXPIRED, reason), sent=False)


def missing(reason: str) -> Response:
    """Return the response to a line that was asked, for all that is known, and never came."""
    return Response(failure=failure(Status.MALFORMED, reason))


_CODES = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "bad_request": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
}


def _status_code(words: Mapping[str, Any], kind: str) -> int:
    """Return the HTTP status that an error without one would have come with."""
    for value in (words.get("status_code"), words.get("code"), words.get("status")):
        text = str(value)
        if text.isdigit() and 400 <= int(text) <= 599:
            return int(text)
    if isinstance(number := words.get("code"), int) and number in _GRPC:
        return _GRPC[number]
    return _CODES.get(kind, 500)


_GRPC = {3: 400, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401}  # google.rpc.Code


def _anthropic(result: Body) -> Response:
    """Return the response to a line of Message Batches."""
    kind = result["type"]
    if kind == "succeeded" and isinstance(result.get("message"), dict):
        return _answer(anthropic_completion(result["message"]))
    if kind in EXPIRED:
        return unasked(f"the batch ended before it was asked ({kind})")
    error = result.get("error")
    if isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    return _fault(error or f"a result of the type {kind!r}")


def anthropic_completion(message: Body) -> Body:
    """Return a message of Anthropic's as a chat completion, all else that it says beside it."""
    rest = {k: v for k, v in message.items() if k not in ("content", "role", "stop_reason")}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": message.get("content")},
        "finish_reason": message.get("stop_reason"),
    }
    return {**rest, "choices": [choice]}


def google_completion(response: Body) -> Body:
    """Return an answer of the Gemini API as a chat completion, all else that it says beside it."""
    candidates = response.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else {}
    content = first.get("content") if isinstance(first, dict) else {}
    parts = content.get("parts") if isinstance(content, dict) else None
    choice: Body = {
        "index": 0,
        "message": {"role": "assistant", "content": [_google_part(p) for p in parts or []]},
        "finish_reason": first.get("finishReason") if isinstance(first, dict) else None,
    }
    usage = response.get("usageMetadata")
    rest = {k: v for k, v in response.items() if k not in ("candidates", "modelVersion")}
    if isinstance(first, dict) and isinstance(found := first.get("logprobsResult"), dict):
        choice["logprobs"] = {"content": _google_logprobs(found)}
    if not candidates:
        feedback = response.get("promptFeedback")
        choice["finish_reason"] = "content_filter" if feedback else None
    body = {**rest, "model": response.get("modelVersion"), "choices": [choice]}
    if isinstance(usage, dict):
        body["usage"] = _google_usage(usage)
    return body


def _google_logprobs(found: Mapping[str, Any]) -> list[Body]:
    """Return log-probabilities, token by token, as a chat completion has them."""

    def read(one: Any) -> Body:
        one = one if isinstance(one, dict) else {}
        return {"token": one.get("token"), "logprob": one.get("logProbability")}

    chosen, top = found.get("chosenCandidates") or [], found.get("topCandidates") or []
    best = [[read(one) for one in (at or {}).get("candidates") or []] for at in top]
    best += [[] for _ in chosen[len(best) :]]
    return [{**read(one), "top_logprobs": at} for one, at in zip(chosen, best, strict=False)]


def _google_part(part: Any) -> Any:
    """Return a part, its type said: text or thought."""
    if not isinstance(part, dict) or "text" not in part:
        return part
    return {**part, "type": "thought" if part.get("thought") is True else "text"}


def _google_usage(usage: Mapping[str, Any]) -> Body:
    thoughts = usage.get("thoughtsTokenCount") or 0
    answer = usage.get("candidatesTokenCount")
    return {
        "prompt_tokens": usage.get("promptTokenCount"),
        "completion_tokens": None if answer is None else answer + thoughts,
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }


WRITERS: dict[str, Callable[[str, Request], Body]] = {
    "openai": openai_line,
    "bare": bare_line,
    "anthropic": anthropic_line,
    "google": google_line,
}
