"""The Inspect transport: a request to any of Inspect's providers, as one call of its model layer.

What a provider answers comes back in the form of a chat completion, so that statuses, tokens and
costs are read as of any service. Inspect asks once: the caller above retries, and records each try.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from ethogram.engine.bodies import dump_body
from ethogram.engine.endpoints import Endpoint
from ethogram.engine.requests import Request, Status, failure
from ethogram.engine.settings import ModelTable
from ethogram.engine.transport import Response
from ethogram.errors import EndpointError
from ethogram.stimuli.extras import need
from ethogram.stimuli.inspect_logs import has_refused

SERVICE = "inspect"
_CONFIG = {  # a parameter of chat completions: what Inspect calls it
    **{name: name for name in ("temperature", "top_p", "top_k", "max_tokens", "seed")},
    **{name: name for name in ("frequency_penalty", "presence_penalty", "reasoning_effort")},
    **{name: name for name in ("logprobs", "top_logprobs")},
    "stop": "stop_seqs",
}
_FINISH = {"max_tokens": "length", "model_length": "length", "unknown": None}
"""What Inspect calls an ending that chat completions call otherwise."""
_STATUS = ("status_code", "http_status", "status", "code")
"""Where an error of a provider's client has its HTTP status: openai, anthropic, google, httpx."""
_SECRET = re.compile(
    r"(?:^|_)(?:KEY|API_?KEY|KEY_ID|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PAT)(?:_\d+)?$"
    r"|[a-z]KEY$",  # OPENAI_APIKEY, OPENAIKEY
    re.IGNORECASE,
)
_SHORTEST = 8  # characters of a key; anything shorter stands in many a text
CHAT_MESSAGES = {
    "system": "ChatMessageSystem",
    "developer": "ChatMessageSystem",
    "user": "ChatMessageUser",
    "assistant": "ChatMessageAssistant",
}
"""What Inspect calls the message of each role; a developer's is a system text to it."""


def secrets_here() -> dict[str, str]:
    """Return the variables of this environment that hold keys, with what they hold."""
    return {
        name: value.strip()
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value.strip()) >= _SHORTEST
    }


def check_inspect(name: str, table: ModelTable) -> None:
    """Refuse, before anything is asked, a model that Inspect cannot make.

    Raises
    ------
    EndpointError
        Its library, or the provider's, is not installed; or a setting that it has no way to send.
    """
    if "/" not in table.model:
        raise EndpointError(
            f'{name}: model = "{table.model}", expected PROVIDER/MODEL as Inspect names it, such '
            "as bedrock/anthropic.claude-sonnet-4-5"
        )
    if table.query:
        raise EndpointError(f'{name}: query has no place in a call through service = "inspect"')
    if getattr(table, "verdict", "") == "completion":
        raise EndpointError(
            f'{name}: verdict = "completion" needs text completions, which Inspect has not: use '
            '"word", "letter" or "logprobs"'
        )
    _make_model(name, table)


class InspectTransport:
    """Sends requests to one model of Inspect's."""

    at_once = False

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._library = _library(endpoint.name)
        self._model = _make_model(endpoint.name, endpoint.table)

    async def send(self, request: Request) -> Response:
        """Send a request; whatever happens comes back as a response."""
        config = self._library.GenerateConfig(**self._config(request.params))
        try:
            async with asyncio.timeout(self._endpoint.table.timeout):
                output = await self._model.generate(self._messages(request), config=config)
        except TimeoutError:
            seconds = self._endpoint.table.timeout
            return Response(failure=failure(Status.TIMEOUT, f"no answer within {seconds:g} s"))
        except Exception as error:  # each provider's client has a family of its own
            return self._failed(error)
        return Response(200, _hidden(completion_body(output)))

    def _messages(self, request: Request) -> list[Any]:
        return [
            getattr(self._library, CHAT_MESSAGES[message["role"]])(content=message["content"])
            for message in request.messages
        ]

    def _config(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as Inspect names them; those it has no name for go into the body."""
        known = {_CONFIG[key]: value for key, value in params.items() if key in _CONFIG}
        rest = {key: value for key, value in params.items() if key not in _CONFIG}
        return {**known, **({"extra_body": rest} if rest else {})}

    def _failed(self, error: Exception) -> Response:
        """Return what an error of a provider's client says, with its HTTP status if it has one."""
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ValidationError):  # an answer that Inspect cannot read
            return Response(failure=failure(Status.MALFORMED, said))
        for one in _causes(error):
            if (status := _status_of(one)) is not None:
                body = {"error": {"message": _message_of(one) or said, "type": type(one).__name__}}
                return Response(status, _hidden(orjson.dumps(body)), _headers_of(one))
        reason = _hidden(f"{type(error).__name__}: {said}".encode()).decode()
        return Response(failure=failure(Status.TRANSPORT, reason))

    def expect_no_more(self) -> None:
        """Do nothing: each request goes out as it comes."""

    def shut(self) -> None:
        """Do nothing: calls under way get some time to finish."""


def completion_body(output: Any) -> bytes:
    """Return what a model of Inspect's gave as the body of a chat completion."""
    return dump_body(completion_of(output))


def completion_of(output: Any) -> dict[str, Any]:
    """Return what a model of Inspect's gave as a chat completion."""
    choices = [_choice(choice, output.error) for choice in output.choices[:1]]
    if not choices and output.error:  # moderation that leaves nothing
        choices = [{"index": 0, "message": {"role": "assistant", "refusal": output.error}}]
    usage = output.usage
    return {
        "object": "chat.completion",
        "model": output.model,
        "choices": choices,
        **({"usage": _usage(usage)} if usage is not None else {}),
    }


def _choice(choice: Any, refused: str | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.message.text}
    if thoughts := "\n".join(_thoughts(choice.message)):
        message["reasoning_content"] = thoughts
    if refused or has_refused(choice.message):
        message["refusal"] = refused or choice.message.text
    made = {
        "index": 0,
        "message": message,
        "finish_reason": _FINISH.get(choice.stop_reason, choice.stop_reason),
    }
    if choice.logprobs is not None:
        made["logprobs"] = choice.logprobs.model_dump(mode="json")
    return made


def _thoughts(message: Any) -> Iterator[str]:
    if not isinstance(message.content, str):
        yield from (
            part.reasoning or part.summary or ""
            for part in message.content
            if part.type == "reasoning"
        )


def _usage(usage: Any) -> dict[str, Any]:
    """Return tokens as chat completions count them: what was read from a cache is input too."""
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    made: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens + cached,
        "completion_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens is not None:
        made["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    if usage.total_cost is not None:
        made["cost"] = usage.total_cost
    return made


def _library(name: str) -> Any:
    return need("inspect_ai.model", what=f'{name}: service = "inspect"', extra="inspect")


def _make_model(name: str, table: ModelTable) -> Any:
    """Return Inspect's model: no retries of its own, as many calls at once as the table allows."""
    library = _library(name)
    config = library.GenerateConfig(
        max_retries=0,
        max_connections=table.concurrency,
        extra_headers=_own_headers(table),
    )
    try:
        model = library.get_model(
            table.model, config=config, base_url=table.base_url, memoize=False
        )
    except Exception as error:  # a provider that is not known, not installed, or has no key
        said = getattr(error, "message", None) or error
        text = " ".join(re.sub(r"\[/?[a-z ]*\]", "", str(said)).split())[:300]
        reason = _hidden(text.encode()).decode()
        raise EndpointError(f"{name}: Inspect cannot make {table.model}: {reason}") from error
    client: Any = getattr(model.api, "client", None)
    if hasattr(client, "max_retries"):  # openai's and anthropic's would ask twice more
        client.max_retries = 0
    return model


def _own_headers(table: ModelTable) -> dict[str, str] | None:
    from ethogram.engine.address import fill_variable

    return {n: fill_variable(v, os.environ) for n, v in table.headers.items()} or None


def _hidden(body: bytes) -> bytes:
    """Return a text without the keys of this environment: which of them was sent is not told."""
    for name, value in secrets_here().items():
        body = body.replace(value.encode(), f"[{name}]".encode())
    return body


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error has, if it has one."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore's: AWS Bedrock
        return _number(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
    for holder in (error, response):
        for name in _STATUS:
            if (found := _number(getattr(holder, name, None))) is not None:
                return found
    return None


def _number(value: Any) -> int | None:
    is_status = isinstance(value, int) and not isinstance(value, bool) and 300 <= value < 600
    return value if is_status else None


def _message_of(error: BaseException) -> str:
    """Return what the service itself said."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        inner = body.get("error")
        found = inner.get("message") if isinstance(inner, Mapping) else body.get("message")
        return str(found) if found else ""
    return ""


def _headers_of(error: BaseException) -> Mapping[str, str]:
    """Return the headers of the answer that an error is about, such as Retry-After."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        found = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    else:
        found = getattr(response, "headers", None)
    return {str(k): str(v) for k, v in dict(found).items()} if found else {}
