"""What a response says: a completion or an error, read whatever shape a service gives it.

Pure. `read_response` is called for every response, and again for every one that a store holds, so
what it makes of one must not depend on when or where it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ethogram.engine.bodies import UNREADABLE, clean, load_body, unpacked
from ethogram.engine.faults import (
    Fault,
    class_fault,
    error_status,
    excerpt,
    find_fault,
    is_page,
    one_line,
)
from ethogram.engine.requests import CUT, Reading, Status, Usage, failure
from ethogram.engine.spellings import Ending, ending_of, fold
from ethogram.engine.thoughts import split_thoughts, strip_tokens

COSTS = ("cost", "total_cost", "estimated_cost")  # OpenRouter; relays; DeepInfra
_DOLLARS = re.compile(r"\s*\$?\d{1,9}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?\s*", re.ASCII)
REASONING_PARTS = frozenset(  # types of parts, folded
    fold(name)
    for name in (
        *("reasoning", "reasoning_text", "reasoning.text", "reasoning_summary"),  # OpenAI
        *("summary_text", "reasoning.summary", "reasoning.encrypted"),  # OpenAI; OpenRouter
        *("thinking", "thinking_delta", "redacted_thinking", "thinking_block"),  # Anthropic
        *("reasoning_content", "reasoning_content_delta"),  # AWS Bedrock; DeepSeek
        *("thought", "thoughts", "think"),  # Gemini, and relays of it
        *("analysis", "commentary"),  # harmony's channels
    )
)
REASONING_KEYS = (  # what holds a part's thoughts where its type says nothing
    *("thinking", "reasoning", "thought", "thoughts", "summary"),
    *("reasoning_content", "reasoningContent", "reasoning_text", "reasoningText"),
)
REASONING_FIELDS = (  # the first that says anything: OpenRouter sends two that say the same
    *("reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks"),
    *("thoughts", "thought", "reasoning_text"),
)


def read_response(
    http_status: int, body: bytes, spellings: Sequence[tuple[str, str]] = (), *, location: str = ""
) -> Reading:
    """Class a service's response.

    Parameters
    ----------
    http_status : int
    body : bytes
        As received; a chat completion, a text completion or an error in JSON.
    spellings : sequence of (opening, closing)
        More marks between which this model puts its thoughts.
    location : str
        Where a redirect points to.

    Returns
    -------
    Reading
        Never raises: what cannot be read is `malformed`. Texts are without NUL and lone surrogates:
        a replacement character (U+FFFD) stands in their place, and nothing else is changed.
    """
    try:
        return _read(http_status, body, spellings, location)
    except RecursionError:  # nested beyond all reason
        status = Status.MALFORMED if http_status == 200 else error_status(http_status)
        return failure(status, f"HTTP {http_status}: {excerpt(body)}")


def _read(
    http_status: int, body: bytes, spellings: Sequence[tuple[str, str]], location: str
) -> Reading:
    """Class a response, a completion or an error."""
    body = unpacked(body)
    data = load_body(body)
    if http_status == 200 and isinstance(data, dict):
        choice = _first_choice(data)
        if choice is not None:
            return _read_completion(data, choice, spellings)
    return _read_error(http_status, data, body, location)


def _first_choice(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the completion's first choice."""
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


# -- completions ------------------------------------------------------------------------------


def _read_completion(
    data: dict[str, Any], choice: dict[str, Any], spellings: Sequence[tuple[str, str]]
) -> Reading:
    """Read a 200 response that has a choice."""
    message = _message(choice)
    content = message.get("content")
    text, part_thoughts = (content, "") if isinstance(content, str) else _parts(content)
    split = split_thoughts(text, spellings)
    reply = clean(strip_tokens(split.reply))
    thoughts = "\n".join(filter(None, (_thoughts(message), part_thoughts, split.reasoning)))
    provider, model = data.get("provider"), data.get("model")
    found = Reading(
        status=Status.OK,
        text=reply,
        reasoning=clean(thoughts) if thoughts else "",
        usage=_usage(data, answered=bool(reply)),
        provider=clean(str(provider)) if provider else "",
        model_said=clean(str(model)) if model else "",
        logprobs=choice.get("logprobs"),
        split=split.found,
    )
    fault = _fault_beside(data, choice, message)
    if fault is not None:
        return _as_fault(found, fault)
    return _class_completion(found, choice, message)


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    """Return a choice's message, in whichever place it stands."""
    for key in ("message", "delta"):
        message = choice.get(key)
        if isinstance(message, dict):
            return message
        if isinstance(message, str):
            return {"content": message}
    return {"content": choice.get("text")}


def _fault_beside(
    data: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]
) -> Fault | None:
    """Return the error that came with a text: the text is then not all of it."""
    for place in (data, choice, message):
        if place is not message or len(place) > 2:  # most have a role and a content
            fault = find_fault(place, beside=True)
            if fault is not None:
                return fault
    return None


def _as_fault(found: Reading, fault: Fault) -> Reading:
    """Class a completion by the error beside its text."""
    status, own = class_fault(fault, 200)
    reason = f"HTTP {fault.http or 200}: {fault.message}"[:500]
    return found.as_status(status, reason)._replace(own=own)


def _class_completion(found: Reading, choice: dict[str, Any], message: dict[str, Any]) -> Reading:
    """Give a completion its status, by why it stopped and what text it has."""
    content = message.get("content")
    refusal = message.get("refusal") or (_refusal_part(content) if type(content) is list else "")
    if refusal:
        return found.as_status(Status.REFUSED, one_line(str(refusal))[:500])._replace(own=True)
    finish = "stop" if choice.get("finish_reason") == "stop" else _finish(choice)
    ending = Ending.STOPPED if finish == "stop" else ending_of(finish)
    if ending is Ending.FILTERED:
        named = "" if finish == "content_filter" else f" (finish_reason {finish})"
        reason = f"stopped by the service's content filter{named}"
        return found.as_status(Status.FILTERED, reason)._replace(own=True)
    if ending is Ending.REFUSED:
        return found.as_status(Status.REFUSED, f"finish_reason {finish}")._replace(own=True)
    if ending is Ending.BROKEN:
        return found.as_status(Status.SERVER_ERROR, f"finish_reason {finish}")
    cut = ending is Ending.CUT
    if not found.text.strip() and not (found.logprobs and cut):
        why = "only reasoning" if found.reasoning else "no text"
        if cut:
            return found.as_status(Status.EMPTY, f"{why}, {CUT}", retry=False)._replace(cut=True)
        return found.as_status(Status.EMPTY, f"{why}, finish_reason {finish or 'missing'}")
    if cut:
        return found.as_status(Status.TRUNCATED, CUT)._replace(cut=True)
    if ending is None:
        return found.as_status(Status.OTHER_FINISH, f"finish_reason {finish} is not known")
    return found


def _finish(choice: dict[str, Any]) -> str:
    """Return why a choice ended: its finish reason, else what else a service calls it."""
    for key in (
        "finish_reason",
        "native_finish_reason",
        "finishReason",
        "stop_reason",
        "done_reason",
    ):
        value = choice.get(key)
        if isinstance(value, dict):
            value = value.get("type") or value.get("reason")
        if isinstance(value, str) and value.strip():
            return value if value.isidentifier() else one_line(value)[:100]
    return ""


def _parts(content: Any, depth: int = 0) -> tuple[str, str]:
    """Return the text and the thoughts of a message that comes in parts."""
    if isinstance(content, dict):
        content = [content]
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            text, thought = _part(part, depth)
            texts.append(text)
            thoughts.append(thought)
    return "".join(texts), "".join(thoughts)


def _part(part: dict[str, Any], depth: int) -> tuple[str, str]:
    """Return the text and the thoughts of one part."""
    names = (part.get("type"), part.get("channel"))
    flag = part.get("thought")
    if flag is True or (isinstance(flag, str) and flag.strip().lower() == "true"):
        return "", _words(part)
    if any(isinstance(name, str) and fold(name) in REASONING_PARTS for name in names):
        return "", _words(part)
    if not part.get("text"):
        if isinstance(part.get("content"), list | dict):
            return _parts(part["content"], depth + 1) if depth < 4 else ("", "")
        if not part.get("content") and any(part.get(key) for key in REASONING_KEYS):
            return "", _words(part)
    return _words(part), ""


def _words(value: Any, depth: int = 0) -> str:
    """Return the words of a part, however deep they stand in it."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "".join(_words(part, depth + 1) for part in value)
    if isinstance(value, dict):
        for key in ("text", *REASONING_KEYS, "content", "value", "analysis"):
            if value.get(key):
                return _words(value[key], depth + 1)
    return ""


def _refusal_part(content: list[Any]) -> str:
    """Return a refusal that came as a part of the content."""
    for part in content:
        if isinstance(part, dict) and part.get("type") == "refusal":
            return str(part.get("refusal") or "refused")
    return ""


def _thoughts(message: dict[str, Any]) -> str:
    """Return reasoning that came in a field of its own."""
    if len(message) == 2 and "role" in message and "content" in message:
        return ""  # as most messages are
    for key in REASONING_FIELDS:
        if message.get(key):
            words = _words(message[key])
            if words:
                return words
    return ""


# -- errors -----------------------------------------------------------------------------------


def _read_error(http: int, data: Any, body: bytes, location: str) -> Reading:
    """Class what is not a completion; the reason is the service's own words."""
    fault = _fault(http, data, body)
    if fault is None and http == 200:
        if not isinstance(data, dict):
            return failure(Status.MALFORMED, f"not JSON: {excerpt(body)}")
        return failure(Status.MALFORMED, "no choices")._replace(usage=_usage(data, answered=False))
    status, own = class_fault(fault, http)
    shown = fault.http if fault and fault.http and http == 200 else http
    said = (fault.message if fault else "") or excerpt(body)
    if location:
        said = f"redirected to {one_line(location)}"
    reading = failure(status, f"HTTP {shown}: {said}")._replace(own=own)
    return (
        reading._replace(usage=_usage(data, answered=False)) if isinstance(data, dict) else reading
    )


def _fault(http: int, data: Any, body: bytes) -> Fault | None:
    """Return the error that a body tells of, in JSON or in plain words."""
    fault = find_fault(data)
    if fault is not None:
        return fault
    if isinstance(data, str):
        return Fault(words=[one_line(data)]) if http != 200 and data.strip() else None
    if data is not UNREADABLE or is_page(body):
        return None
    plain = one_line(body[:5000].decode("utf-8", "replace"))
    if http != 200:
        return Fault(words=[plain]) if plain else None
    # A 200 in plain words is an error only where the words are known: else it is no answer at all.
    fault = Fault(words=[plain])
    known = plain[:1] not in ("{", "[", '"') and len(plain) <= 300
    return fault if known and class_fault(fault, 200)[0] is not Status.SERVER_ERROR else None


# -- usage ------------------------------------------------------------------------------------


def _usage(data: dict[str, Any], *, answered: bool) -> Usage:
    """Return the usage as it is billed, with None for what is missing or no number.

    Parameters
    ----------
    data : dict
    answered : bool
        Whether there is a text: it cannot have cost no tokens, so a 0 is then no count.
    """
    usage = data.get("usage")
    if not isinstance(usage, dict):
        usage = data.get("usageMetadata")  # Gemini's name and names
        if not isinstance(usage, dict):
            return Usage()
    prompt = _prompt_tokens(usage)
    completion = _count(usage.get("completion_tokens"))
    if completion is None:
        completion = _first_count(usage, ("output_tokens", "candidatesTokenCount"))
    reasoning = _reasoning_tokens(usage)
    billed = _billed(prompt, completion, reasoning, usage)
    cost = _cost(usage, answered=answered)
    if answered and not billed:
        if not prompt:
            return Usage(cost=cost or None)
        billed = None
    return Usage(prompt, billed, reasoning, cost)


def _billed(
    prompt: int | None, completion: int | None, reasoning: int | None, usage: dict[str, Any]
) -> int | None:
    """Return the tokens that are billed as written: some services count reasoning outside them."""
    if completion is None:
        return None
    total = _count(usage.get("total_tokens"))
    if total is None:
        total = _count(usage.get("totalTokenCount"))
    if total is not None and prompt is not None and total - prompt > completion:
        completion = total - prompt
    if reasoning is not None and reasoning > completion:
        completion += reasoning
    return completion


def _prompt_tokens(usage: dict[str, Any]) -> int | None:
    """Return the tokens read; Anthropic counts those of its cache beside them."""
    prompt = _count(usage.get("prompt_tokens"))
    if prompt is not None:
        return prompt
    prompt = _first_count(usage, ("input_tokens", "promptTokenCount"))
    if prompt is None:
        return None
    cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
    return prompt + sum(_count(usage.get(key)) or 0 for key in cached)


def _reasoning_tokens(usage: dict[str, Any]) -> int | None:
    """Return the tokens of reasoning, in whichever place they are counted."""
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    if isinstance(details, dict):
        count = _count(details.get("reasoning_tokens"))
        if count is not None:
            return count
    return _first_count(usage, ("reasoning_tokens", "thoughtsTokenCount"))


def _first_count(usage: dict[str, Any], keys: Sequence[str]) -> int | None:
    """Return the first token count among some keys."""
    for key in keys:
        if key in usage:
            return _count(usage[key])
    return None


def _count(value: Any) -> int | None:
    """Return a token count, or None for what is none."""
    if type(value) is int:
        return value if 0 <= value < 2**40 else None
    if type(value) is float and value.is_integer():
        return _count(int(value))
    return None


def _cost(usage: dict[str, Any], *, answered: bool) -> float | None:
    """Return US dollars; with one's own key, OpenRouter bills its fee and the provider the rest.

    A text that cost 0 is one whose cost nobody counted, unless it is said who was billed for it.
    """
    costs = (_dollars(usage.get(key)) for key in COSTS)
    cost = next((cost for cost in costs if cost is not None), None)
    details = usage.get("cost_details")
    if isinstance(details, dict) and (usage.get("is_byok") is True or cost == 0):
        upstream = _dollars(details.get("upstream_inference_cost"))
        if upstream is not None:
            return (cost or 0.0) + upstream
    return None if answered and cost == 0 and usage.get("is_byok") is not True else cost


def _dollars(value: Any) -> float | None:
    """Return a cost, or None for what is none."""
    if isinstance(value, dict):  # Perplexity's, by what they are for
        value = next((value[key] for key in ("total_cost", "total") if key in value), None)
    if isinstance(value, str) and _DOLLARS.fullmatch(value):
        value = float(value.strip().removeprefix("$"))
    return float(value) if type(value) in (int, float) and 0 <= value < 1e6 else None
