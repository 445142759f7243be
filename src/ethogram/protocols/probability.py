"""Probability verdicts: what a judge's token log-probabilities say of the two words.

Two kinds. A chat judge answers as always, and the tokens at the place of its word say how nearly
it named the other one. A **completion judge** is a base model with no chat training: it reads a
text that breaks off before the word, and the word's likelihood is taken net of its prior, which is
its likelihood after a neutral reply.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ethogram.engine.requests import Messages, Reading, Status
from ethogram.protocols.templates import Templates, fill

TOP = 20  # alternatives asked for at each token: the most that common services give
FloatArray = NDArray[np.float64]
BLANKS = "Ġ▁Ċĉ"  # how tokenizers write a blank or a line break, where a service shows it so
OPENING = "*_`\"'“„‘«‹「『【（([{<"  # what may stand before a word in its token
CLOSING = ".,:;!?…。，：)]}）】』」*_`\"'”“’»›>"  # what may end a token that is a whole word
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


def read_one_token(reading: Reading) -> Reading:
    """Read an answer of which one token was asked for: that it ends there is no loss."""
    cut = reading.status is Status.TRUNCATED
    return reading._replace(status=Status.OK, reason="") if cut else reading


def next_token_choice(logprobs: Any, first: str, second: str) -> float | None:
    """Probability of `first` as the first token that is said; None if neither is seen."""
    return _choice(_next_token(logprobs), first, second)


def likeliest(logprobs: Any, words: tuple[str, ...]) -> str:
    """Return the word that is likeliest as the first token; "" where none is seen."""
    seen: dict[str, float] = {}
    for token, value in _next_token(logprobs).items():
        word = next((word for word in words if _is_whole(_bare(token), word)), "")
        if word and value > -np.inf:
            seen[word] = np.logaddexp(seen.get(word, -np.inf), value)
    return max(seen, key=seen.__getitem__, default="")


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
    """Return the alternatives at the first token that is said, in either known form."""
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
    """Whether it can be a log-probability: minus infinity can, infinity and NaN cannot."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value < math.inf


def _bare(token: str) -> str:
    """Return a token in lower case, without blanks at its ends and opening marks."""
    return token.strip().strip(BLANKS).strip().lstrip(OPENING).casefold()


def _is_whole(token: str, word: str) -> bool:
    """Whether a bare token is a word, or a word and the punctuation that closes it."""
    return word in (token, token.rstrip(CLOSING))


def word_logprobs(top: Mapping[str, float], words: tuple[str, str]) -> tuple[float, float]:
    """Log-probability of each of two words, from the likeliest tokens where the word begins.

    A token counts for a word that begins with it (blanks and case aside), and for one that is all
    of it but closing punctuation; one that begins both says nothing. Several tokens of one word
    are summed. A word that is not among the tokens gets the most it can have: the least
    log-probability shown, or that of all that is not shown, whichever is less.

    Parameters
    ----------
    top : mapping of token to log-probability
        As a service lists them (`top_logprobs`) for the place where the judge's word begins.
    words : two str

    Returns
    -------
    two float
        NaN both where neither word is seen, or neither has any probability.
    """
    clean = [(_bare(token), value) for token, value in top.items()]
    folded = [word.casefold() for word in words]
    seen: list[list[float]] = [[], []]
    for token, value in clean:
        starts = [
            bool(token) and (word.startswith(token) or _is_whole(token, word)) for word in folded
        ]
        if starts[0] != starts[1]:
            seen[starts.index(True)].append(value)
    if not any(value > -np.inf for values in seen for value in values):
        return float("nan"), float("nan")
    hidden = float(np.log(max(1 - np.exp(list(top.values())).sum(), 1e-12)))
    bound = min(hidden, *top.values())
    found = [float(np.logaddexp.reduce(values)) if values else bound for values in seen]
    return found[0], found[1]


def choice_probability(first: FloatArray, second: FloatArray) -> FloatArray:
    """Probability of the first of two words, given that one of them is named.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Log-probabilities, natural.

    Returns
    -------
    float array, shape (n,)
        NaN where neither word can be: the log-probabilities are minus infinity both.
    """
    with np.errstate(invalid="ignore"):
        made: FloatArray = expit(np.asarray(first) - np.asarray(second))
    return made


def both_orders(forward: FloatArray, swapped: FloatArray) -> FloatArray:
    """Probability that the trait shown first in `forward` is expressed, over both orders.

    Parameters
    ----------
    forward, swapped : float array, shape (n,)
        P(the judge names the trait that it is shown first), in the one order and in the other.

    Returns
    -------
    float array, shape (n,)
        (forward + 1 - swapped) / 2, so that a judge that goes by place alone says one half; NaN
        where either is missing, as one order alone carries the lean.
    """
    made: FloatArray = (np.asarray(forward) + 1 - np.asarray(swapped)) / 2
    return made


def completion_probability(likelihood: FloatArray, prior: FloatArray) -> FloatArray:
    """Probability of the first trait from how likely a base model finds each word.

    Parameters
    ----------
    likelihood : float array, shape (n, 2)
        Log-likelihood of each word (all its tokens) after the reply.
    prior : float array, shape (n, 2) or (2,)
        The same after a neutral text: how likely the word is anyway.

    Notes
    -----
    The difference is the pointwise mutual information of word and reply; without it common words
    win (Holtzman et al. 2021, EMNLP, arXiv 2104.08315).
    """
    with np.errstate(invalid="ignore"):  # a word that can be neither here nor there says nothing
        net = np.asarray(likelihood, dtype=float) - np.asarray(prior, dtype=float)
    return choice_probability(net[..., 0], net[..., 1])
