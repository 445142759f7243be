"""What a reply's log-probabilities say of each of its positions: entropies, bounds, surprisal.

Pure numpy; knows nothing of prompts or models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ethogram.protocols.breadth import (
    BreadthReply,
    FloatArray,
    TokenLogprobs,
    plogp,
    renormalised_entropy,
)

VOCABULARY = 262_144  # tokens over which the upper bound spreads the rest; Gemma 3 has as many
NUCLEUS = 0.9  # of the probability, which the published figures keep


@dataclass(frozen=True)
class ReplyBreadth:
    """What one reply says of each of its n positions, nats; NaN where it is not known.

    Attributes
    ----------
    model, condition, prompt : str
    sample : int
    entropy : float array, shape (n,)
        Of the listed tokens, renormalised.
    nucleus : float array, shape (n,)
        Of the likeliest tokens that have `NUCLEUS` of the probability, renormalised.
    low, high : float array, shape (n,)
        Bounds of the entropy of the whole distribution.
    surprisal : float array, shape (n,)
        Minus the log-probability of the token that was sampled.
    hidden : float array, shape (n,)
        Probability that no listed token has.
    params : mapping
        What was sent with the request.
    """

    model: str
    condition: str
    prompt: str
    sample: int
    entropy: FloatArray
    nucleus: FloatArray
    low: FloatArray
    high: FloatArray
    surprisal: FloatArray
    hidden: FloatArray
    params: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.entropy)


def measure_reply(reply: BreadthReply, *, vocabulary: int = VOCABULARY) -> ReplyBreadth:
    """Return what a reply's log-probabilities say of each position."""
    tokens = reply.tokens
    low, high = entropy_bounds(tokens, vocabulary=vocabulary)
    return ReplyBreadth(
        *(reply.model, reply.condition, reply.prompt, reply.sample),
        entropy=renormalised_entropy(tokens.top),
        nucleus=nucleus_entropy(tokens.top),
        low=low,
        high=high,
        surprisal=surprisal(tokens),
        hidden=1 - np.minimum(np.exp(tokens.top).sum(axis=1), 1),
        params=reply.params,
    )


def entropy_bounds(
    tokens: TokenLogprobs, *, vocabulary: int = VOCABULARY
) -> tuple[FloatArray, FloatArray]:
    """Least and greatest entropy that the whole distributions can have, nats.

    Parameters
    ----------
    tokens : TokenLogprobs
        Those listed are the likeliest; the sampled one may stand among them out of its turn.
    vocabulary : int
        Tokens there are.

    Returns
    -------
    low, high : float array, shape (n,)
        The probability left out in as few tokens as can be, none likelier than the least likely
        listed; spread evenly over the vocabulary.
    """
    p, known = np.exp(tokens.top), ~np.isnan(renormalised_entropy(tokens.top))
    listed = plogp(p).sum(axis=1)
    rest = np.clip(1 - p.sum(axis=1), 0, 1)
    cap = np.maximum(_least_listed(tokens), 1e-300)
    count = np.floor(rest / cap)
    left = np.clip(rest - count * cap, 0, None)
    others = max(vocabulary - tokens.top.shape[1], 1)
    high = listed + plogp(rest) + rest * np.log(others)
    low = np.minimum(listed + count * plogp(cap) + plogp(left), high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _least_listed(tokens: TokenLogprobs) -> FloatArray:
    """Return what no token left out can exceed: the least probability that is listed.

    vLLM lists the sampled token in place of the last where it is not among the likeliest, so a
    least token that may be the sampled one is passed over.
    """
    p = np.where(np.isfinite(tokens.top), np.exp(tokens.top), np.inf)
    if not p.shape[1]:
        return np.ones(len(p))
    p = np.sort(p, axis=1)
    least = p[:, 0]
    if p.shape[1] == 1:
        return np.minimum(least, 1.0)
    sampled = np.isclose(least, np.exp(tokens.chosen), rtol=1e-4, atol=0)
    return np.minimum(np.where(sampled, p[:, 1], least), 1.0)


def nucleus_entropy(top: FloatArray, *, mass: float = NUCLEUS) -> FloatArray:
    """Entropy of the likeliest tokens that have `mass` of the probability, renormalised, nats.

    Where the listed tokens have less than `mass`, all of them are kept.
    """
    ordered = -np.sort(-top, axis=1)
    before = np.cumsum(np.exp(ordered), axis=1) - np.exp(ordered)
    kept = np.where(before < mass, ordered, -np.inf)
    shares = np.exp(kept)
    with np.errstate(invalid="ignore"):
        shares = shares / shares.sum(axis=1, keepdims=True)
    found: FloatArray = plogp(shares).sum(axis=1)
    return np.where(np.isnan(renormalised_entropy(top)), np.nan, found)


def surprisal(tokens: TokenLogprobs) -> FloatArray:
    """Minus the log-probability of each sampled token, nats; NaN where it is not given.

    A token that is only said to be unlikely counts as the least likely one that is listed.
    """
    bound = np.log(np.maximum(_least_listed(tokens), 1e-300))
    found: FloatArray = -np.where(np.isneginf(tokens.chosen), bound, tokens.chosen)
    return found
