"""Which chosen replies people are asked about: a random order with known probabilities.

Replies are put into strata by how sure their judge is. Within a stratum every reply is as likely to
be drawn as any other, and draws are spread over the traits that the judge named. Unsure strata are
drawn from more often, as there the judge may be right or wrong (Neyman's allocation).
Pure numpy; knows nothing of stores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.comparisons import BoolArray, FloatArray, IntArray

STRATA = 4
TRUSTED = (0.6, 0.95)
"""A judge is not taken to be right more or less often than this, whatever it says of itself."""

OVERLAP = 0.2
"""Share of the queue that every labeller is asked about."""


@dataclass(frozen=True)
class Drawn:
    """A queue.

    Attributes
    ----------
    order : int array, shape (n,)
        Rows of the replies, in the order in which people are asked.
    stratum : int array, shape (N,)
        Of every reply, drawn or not.
    names : tuple of str
        Of the strata, the least sure first.
    replies : int array, shape (strata,)
        How many each stratum has.
    shared, swapped : bool array, shape (n,)
        Every labeller is asked; the second trait is shown first.
    """

    order: IntArray
    stratum: IntArray
    names: tuple[str, ...]
    replies: IntArray
    shared: BoolArray
    swapped: BoolArray


def draw_replies(
    confidence: FloatArray,
    named: IntArray,
    *,
    size: int,
    overlap: float = OVERLAP,
    seed: int = 0,
) -> Drawn:
    """Draw replies for people to label.

    Parameters
    ----------
    confidence : float array, shape (N,)
        How sure the judge is of its verdict on each reply, 0.5 to 1; NaN where nobody knows.
    named : int array, shape (N,)
        The trait that it named.
    size : int
        How many to draw; all, if there are fewer. A larger draw with the same seed begins with the
        smaller one.
    overlap : float
        Share of the queue that is shown to every labeller, spread evenly over it.
    seed : int

    Raises
    ------
    InputError
        No reply, fewer than one to draw, or an overlap outside 0 to 1.

    Notes
    -----
    Sequential Poisson sampling: each reply has a random number u, and the queue goes by u over the
    stratum's rate, so that its beginning is itself a sample, wherever people stop. Within one
    stratum and trait the numbers are evenly spaced (collocated), which spreads the draws.

    References
    ----------
    Ohlsson (1998), Journal of Official Statistics 14; Brewer, Early & Hanif (1984), Journal of
    Statistical Planning and Inference 10; Neyman (1934), Journal of the Royal Statistical Society
    97.
    """
    n = len(confidence)
    if not n or size < 1 or not 0 <= overlap <= 1:
        raise InputError(
            f"{n} replies, size {size}, overlap {overlap}: expected at least one reply, a size of "
            "at least 1, and an overlap from 0 to 1"
        )
    if any(number % 1 for number in (size, seed)) or not 0 <= seed < 2**63:
        raise InputError(f"size {size}, seed {seed}: expected whole numbers, the seed 0 or more")
    rng = np.random.default_rng(seed)
    stratum, names, rate = _strata(np.asarray(confidence, dtype=float))
    order = np.argsort(_spread_numbers(stratum, named, rng) / rate[stratum], kind="stable")
    swapped, places = rng.random(n) < 0.5, np.arange(min(size, n))
    return Drawn(
        order=order[:size],
        stratum=stratum,
        names=names,
        replies=np.bincount(stratum, minlength=len(names)),
        shared=np.floor((places + 1) * overlap + 1e-9) > np.floor(places * overlap + 1e-9),
        swapped=swapped[order[:size]],
    )


def _strata(confidence: FloatArray) -> tuple[IntArray, tuple[str, ...], FloatArray]:
    """Cut replies by confidence into strata of about one size; returns each, names and rates."""
    known = confidence[~np.isnan(confidence)]
    quantiles = np.arange(1, STRATA) / STRATA
    cuts: FloatArray = np.unique(np.quantile(known, quantiles)) if known.size else np.zeros(0)
    place = np.searchsorted(cuts, confidence, side="left")  # NaN: after the last
    kinds, stratum = np.unique(
        np.where(np.isnan(confidence), STRATA + 1, place), return_inverse=True
    )
    names, rates = [], []
    for i in range(len(kinds)):
        rows = confidence[stratum == i]
        sure = float(np.clip(rows.mean(), *TRUSTED)) if not np.isnan(rows).any() else TRUSTED[0]
        rates.append(np.sqrt(sure * (1 - sure)))
        names.append(
            "confidence unknown"
            if np.isnan(rows).any()
            else f"confidence {rows.min():.2f} to {rows.max():.2f}"
        )
    return stratum, tuple(names), np.array(rates)


def _spread_numbers(stratum: IntArray, named: IntArray, rng: np.random.Generator) -> FloatArray:
    """Random numbers in (0, 1), evenly spaced within each stratum and trait."""
    _, cell = np.unique(np.stack([stratum, named], axis=1), axis=0, return_inverse=True)
    sizes = np.bincount(cell)
    shuffled = rng.permutation(len(cell))
    by_cell = shuffled[np.argsort(cell[shuffled], kind="stable")]
    rank = np.empty(len(cell))
    rank[by_cell] = np.arange(len(cell)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    spaced: FloatArray = (rank + rng.random(len(sizes))[cell]) / sizes[cell]
    return spaced
