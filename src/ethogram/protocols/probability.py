"""Probability verdicts: what a judge's token log-probabilities say of the two words.

Two kinds. A chat judge answers as always, and the tokens at the place of its word say how nearly
it named the other one. A **completion judge** is a base model with no chat training: it reads a
text that breaks off before the word, and the word's likelihood is taken net of its prior, which is
its likelihood after a neutral reply.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ethogram.kernel import Messages
from ethogram.protocols.templates import Templates, fill
from ethogram.soft import choice_probability, completion_probability, word_logprobs

TOP = 20  # alternatives asked for at each token: the most that common services give
NEUTRAL = "(no answer)"
CHAT_PARAMS = {"logprobs": True, "top_logprobs": TOP}
COMPLETION_PARAMS = {"max_tokens": 1, "logprobs": TOP}


def completion_messages(
    templates: Templates, prompt: str, reply: str, first: str, second: str
) -> Messages:
    """Return the text that a completion judge goes on from, as one message."""
    text = fill(templates.completion, prompt=prompt, reply=reply, first=first, second=second)
    return ({"role": "user", "content": text},)


def chat_probability(logprobs: Any, first: str, second: str) -> float | None:
    """Probability of `first` at the place where the judge's word begins; None if it is not seen.

    Parameters
    ----------
    logprobs : the `logprobs` object of a chat completion
    first, second : str
        The two traits; the probability is given that one of them is named.
    """
    top = _at_answer(logprobs.get("content") if isinstance(logprobs, dict) else None)
    return _choice(top, first, second)


def completion_choice(logprobs: Any, prior: Any, first: str, second: str) -> float | None:
    """Probability of `first` as the next word, net of the words' priors; None if not seen."""
    with_reply = word_logprobs(_next_token(logprobs), (first, second))
    neutral = word_logprobs(_next_token(prior), (first, second))
    p = float(completion_probability(np.array(with_reply), np.array(neutral)))
    return None if np.isnan(p) else p


def _choice(top: dict[str, float], first: str, second: str) -> float | None:
    if not top:
        return None
    one, other = word_logprobs(top, (first, second))
    p = float(choice_probability(np.array(one), np.array(other)))
    return None if np.isnan(p) else p


def _at_answer(content: Any) -> dict[str, float]:
    """Return the alternatives at the first token after the last opening tag."""
    if not isinstance(content, list):
        return {}
    text, found = "", {}
    for entry in content:
        if not isinstance(entry, dict):
            return {}
        if text.rstrip().lower().endswith("<answer>"):
            found = _alternatives(entry)
        text += str(entry.get("token", ""))
    return found


def _next_token(logprobs: Any) -> dict[str, float]:
    """Return the alternatives at the first token of a text completion, in either known form."""
    if not isinstance(logprobs, dict):
        return {}
    content, top = logprobs.get("content"), logprobs.get("top_logprobs")
    if isinstance(content, list) and content and isinstance(content[0], dict):
        return _alternatives(content[0])
    if isinstance(top, list) and top and isinstance(top[0], dict):
        return {str(token): float(value) for token, value in top[0].items() if _is_number(value)}
    return {}


def _alternatives(entry: dict[str, Any]) -> dict[str, float]:
    """Return {token: log-probability} of one place, the chosen token included."""
    listed = entry.get("top_logprobs")
    places = [entry, *(listed if isinstance(listed, list) else [])]
    return {
        str(place["token"]): float(place["logprob"])
        for place in places
        if isinstance(place, dict) and "token" in place and _is_number(place.get("logprob"))
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
