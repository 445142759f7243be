"""Verdicts as probabilities, and what they buy against plain ones.

A service that returns token log-probabilities says not only which trait a judge names but how
nearly it named the other. Knows nothing of services' formats: it takes {token: log-probability}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ethogram.comparisons import FloatArray
from ethogram.profiles import Profile


def word_logprobs(top: Mapping[str, float], words: tuple[str, str]) -> tuple[float, float]:
    """Log-probability of each of two words, from the likeliest tokens where the word begins.

    A token counts for a word that begins with it (blanks and case aside); one that begins both
    says nothing. A word that is not among the tokens gets the most it can have: the least
    log-probability shown, or that of all that is not shown, whichever is less.

    Parameters
    ----------
    top : mapping of token to log-probability
        As a service lists them (`top_logprobs`) for the place where the judge's word begins.
    words : two str

    Returns
    -------
    two float
        NaN both where neither word is seen.
    """
    clean = [(token.strip().casefold(), value) for token, value in top.items()]
    folded = [word.casefold() for word in words]
    seen: list[list[float]] = [[], []]
    for token, value in clean:
        starts = [bool(token) and word.startswith(token) for word in folded]
        if starts[0] != starts[1]:
            seen[starts.index(True)].append(value)
    if not seen[0] and not seen[1]:
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
    """
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
    net = np.asarray(likelihood, dtype=float) - np.asarray(prior, dtype=float)
    return choice_probability(net[..., 0], net[..., 1])


@dataclass(frozen=True)
class Yardstick:
    """How sharp a profile is, by figures that do not shrink with its scale.

    Attributes
    ----------
    reliability : float or None
        Split-half.
    rank_width : float
        Mean number of ranks that a trait may have (simultaneous 95% ranges).
    error_over_spread : float
        Root mean square standard error of the strengths, over their standard deviation.
    error : float
        The bare standard error in logits, which also falls where the ratings merely shrink.
    """

    reliability: float | None
    rank_width: float
    error_over_spread: float
    error: float


@dataclass(frozen=True)
class Gain:
    """Plain and probability verdicts on the same replies, side by side."""

    plain: Yardstick
    soft: Yardstick

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        before, after = self.plain, self.soft
        change = 100 * (after.error_over_spread / before.error_over_spread - 1)
        word = "less" if change < 0 else "more"
        return (
            f"With probability verdicts the error is {abs(change):.0f}% {word} in terms of the "
            f"spread of the ratings ({after.error_over_spread:.2f} against "
            f"{before.error_over_spread:.2f}), and a trait may have {after.rank_width:.0f} ranks "
            f"where it had {before.rank_width:.0f}."
        )


def yardstick(profile: Profile) -> Yardstick:
    """Measure how sharp a profile is."""
    error = float(np.sqrt(np.diag(profile.covariance).mean()))
    spread = float(profile.strengths.std())
    return Yardstick(
        reliability=profile.reliability,
        rank_width=float((profile.rank_high - profile.rank_low + 1).mean()),
        error_over_spread=error / spread if spread else float("inf"),
        error=error,
    )


def what_it_buys(plain: Profile, soft: Profile) -> Gain:
    """Compare the profile from probability verdicts with that from plain ones, for equal calls."""
    return Gain(plain=yardstick(plain), soft=yardstick(soft))
