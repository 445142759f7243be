"""Breadth: a reply with the log-probabilities of its tokens, and what they say of each choice.

The model is asked as in a trial, or with no trait named, and its service for the likeliest tokens
at each position. Log-probabilities that are missing, or are none, are a status and never a zero.
Knows no statistics over replies: `ethogram.analysis.breadth` has those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ethogram.engine.endpoints import limit_key
from ethogram.engine.requests import USABLE, Reading, Status
from ethogram.protocols.elicit import ELICIT, names_a_trait
from ethogram.protocols.protocol import Call, Protocol, Result, Setting, Trial

FloatArray = NDArray[np.float64]
TOP = 20  # alternatives at each position: the most that OpenAI gives, and vLLM unless told more
MAX_TOKENS = 256
GIVES_NONE = frozenset({"anthropic"})  # "logprobs: ignored", its page on the OpenAI SDK, 2026
NO_CHANCE = -1000.0  # OpenAI says -9999 and llama.cpp -3.4e38 of what is as good as impossible
ROUNDING = 0.01  # by which log-probabilities may exceed 0, and the sum of probabilities 1
COMPLETE = 0.999  # of the probability: a single token with as much stands for the distribution

MISSING = "no log-probabilities in the answer: this service or model gives none"
NOT_LOGS = "what stands for log-probabilities is none: above 0, or adding up to more than 1"
UNTOLD = "the tokens of the reply cannot be told from those of its thoughts"


class TokenLogprobs(NamedTuple):
    """Log-probabilities (natural) of a reply's n tokens.

    Attributes
    ----------
    chosen : float array, shape (n,)
        Of the token that was sampled; NaN where it is not given, -inf where it is only said to be
        unlikely.
    top : float array, shape (n, k)
        Of the tokens that the service lists; -inf fills up positions with fewer.
    """

    chosen: FloatArray
    top: FloatArray


class BreadthReply(NamedTuple):
    """One reply as it was asked for: where it belongs, its tokens, the parameters sent."""

    model: str
    condition: str
    prompt: str
    sample: int
    tokens: TokenLogprobs
    params: Mapping[str, Any]


# -- reading ----------------------------------------------------------------------------------


def read_tokens(reading: Reading) -> tuple[TokenLogprobs | None, str]:
    """Return the log-probabilities of a reply's tokens; None, and why, where there are none.

    Both known forms are read: a list of tokens (`content`), and lists of columns (`tokens`,
    `token_logprobs`, `top_logprobs`). Where the service sent thoughts, only the tokens of the
    reply itself are kept.
    """
    places = _places(reading.logprobs)
    if not places:
        return None, MISSING
    if reading.reasoning:
        places = _of_reply(places, reading.text)
        if not places:
            return None, UNTOLD
    width = max(len(place.top) for place in places)
    top = np.full((len(places), width), -np.inf)
    for row, place in zip(top, places, strict=True):
        row[: len(place.top)] = sorted(place.top, reverse=True)
    tokens = TokenLogprobs(
        _without_placeholders(np.array([place.chosen for place in places], dtype=np.float64)),
        _without_placeholders(top),
    )
    if np.isnan(tokens.chosen).all() and not width:
        return None, MISSING
    return (tokens, "") if _are_logs(tokens) else (None, NOT_LOGS)


class _Place(NamedTuple):
    """One position: the token as it is spelt, its log-probability and those listed."""

    token: Any
    chosen: float
    top: list[float]


def _places(logprobs: Any) -> list[_Place]:
    """Return each position of either form."""
    if not isinstance(logprobs, dict):
        return []
    content = logprobs.get("content")
    if isinstance(content, list):
        return [_place(entry) for entry in content if isinstance(entry, dict)]
    tokens, chosen, top = (logprobs.get(k) for k in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list) or not isinstance(chosen, list) or len(tokens) != len(chosen):
        return []
    listed = top if isinstance(top, list) and len(top) == len(tokens) else [None] * len(tokens)
    return [
        _Place(token, _number(value), _listed(alternatives))
        for token, value, alternatives in zip(tokens, chosen, listed, strict=True)
    ]


def _place(entry: Mapping[str, Any]) -> _Place:
    spelt = entry.get("bytes")
    token = entry.get("token", "") if spelt is None else spelt
    return _Place(token, _number(entry.get("logprob")), _listed(entry.get("top_logprobs")))


def _bytes(token: Any) -> bytes:
    """Return a token's bytes, of which services give numbers: it may end within a character."""
    if isinstance(token, list) and all(type(b) is int and 0 <= b < 256 for b in token):
        return bytes(token)
    return str(token).encode(errors="replace")


def _listed(alternatives: Any) -> list[float]:
    """Return the log-probabilities of alternatives: a list of entries, or a mapping by token."""
    try:  # as nearly always, and there are millions of them
        values = [entry["logprob"] for entry in alternatives]
        if all(type(value) is float for value in values):
            return values
    except (TypeError, KeyError):
        pass
    if isinstance(alternatives, dict):
        values = [_number(value) for value in alternatives.values()]
    elif isinstance(alternatives, list):
        values = [_number(a.get("logprob")) for a in alternatives if isinstance(a, dict)]
    else:
        values = []
    return [value for value in values if not np.isnan(value)]


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else float("nan")


def _of_reply(places: list[_Place], reply: str) -> list[_Place]:
    """Return the positions that spell the reply, which stands behind the thoughts; [] if none."""
    spelt = [_bytes(place.token) for place in places]
    said = reply.strip().encode()
    start = b"".join(spelt).rfind(said) if said else -1
    if start < 0:
        return []
    ends = np.cumsum([len(token) for token in spelt])
    return [place for place, end in zip(places, ends.tolist(), strict=True) if end > start]


def _without_placeholders(values: FloatArray) -> FloatArray:
    """Return log-probabilities with -inf for numbers that only say "unlikely"."""
    return np.where(values <= NO_CHANCE, -np.inf, values)


def _are_logs(tokens: TokenLogprobs) -> bool:
    """Whether these can be log-probabilities of tokens that are told apart."""
    highest = max(np.nanmax(tokens.chosen, initial=-np.inf), tokens.top.max(initial=-np.inf))
    most = np.exp(tokens.top).sum(axis=1).max(initial=0.0)
    return bool(highest <= ROUNDING and most <= 1 + ROUNDING)


# -- entropy ----------------------------------------------------------------------------------


def renormalised_entropy(top: FloatArray) -> FloatArray:
    """Entropy of the listed tokens as if there were no others, nats.

    Parameters
    ----------
    top : float array, shape (n, k)
        Log-probabilities; -inf for no token.

    Returns
    -------
    float array, shape (n,)
        NaN where too little is listed to tell: no token, or one alone with less than `COMPLETE`
        of the probability.

    Notes
    -----
    Where the listed are the k likeliest, this never exceeds the entropy H of the whole. With r the
    probability left out and c that of the least likely listed token, each token left out has at
    most c, so H >= (1 - r) (H_k - log(1 - r)) - r log c; and H_k <= log((1 - r) / c), as no listed
    token has less than c. Together H - H_k >= -log(1 - r) >= 0.
    """
    count = np.isfinite(top).sum(axis=1)
    known = (count > 1) | (np.exp(top).sum(axis=1) >= COMPLETE)
    found = np.full(len(top), np.nan)
    rows = top[known]
    if rows.size:
        shares = np.exp(rows - rows.max(axis=1, keepdims=True))
        found[known] = plogp(shares / shares.sum(axis=1, keepdims=True)).sum(axis=1)
    return found


def plogp(p: FloatArray) -> FloatArray:
    """Return -p log p, which is 0 at 0."""
    terms: FloatArray = -p * np.log(np.where(p > 0, p, 1.0))
    return terms


# -- the protocol -----------------------------------------------------------------------------


def _calls(trial: Trial, setting: Setting) -> Sequence[Call]:
    """Ask for one reply and the likeliest tokens at each of its positions."""
    asked = getattr(setting.study, "breadth", None)
    (call,) = ELICIT.calls(trial, setting)
    extra = {
        **call.extra,
        "logprobs": True,
        "top_logprobs": asked.top if asked else TOP,
        limit_key(setting.table): asked.max_tokens if asked else MAX_TOKENS,
    }
    return (call._replace(extra=extra, read=read_breadth_reply),)


def read_breadth_reply(reading: Reading) -> Reading:
    """Class a reply whose tokens cannot be read; it is not asked again in the same run."""
    if not reading.text.strip():  # cut within its thoughts: log-probabilities alone are no reply
        return reading.as_status(Status.EMPTY, "only reasoning, or no text", retry=False)
    tokens, why = read_tokens(reading)
    return reading if tokens else reading.as_status(Status.UNPARSED, why, retry=False)


def _result(trial: Trial, setting: Setting, readings: Sequence[Reading]) -> Result:
    """Take the mean entropy of the reply's positions, nats per token; None where none is known."""
    (reading,) = readings
    tokens, _ = read_tokens(reading)
    if reading.status not in USABLE or tokens is None:
        return Result(reading)
    entropy = renormalised_entropy(tokens.top)
    known = entropy[~np.isnan(entropy)]
    traits = [trait for trait in (trial.trait_1, trial.trait_2) if trait]
    named = names_a_trait(reading.text, *traits) if traits else None
    return Result(reading, value=float(known.mean()) if known.size else None, named=named)


BREADTH: Protocol[Trial] = Protocol(_calls, _result)
