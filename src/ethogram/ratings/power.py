"""Power: what so many comparisons will tell, before they are paid for.

Strengths are drawn with a stated spread and the design's trials are answered by a Bradley-Terry
model. Standard errors are those of the design's information matrix; how much wider the intervals of
`rate` are (they are by prompts, on few degrees of freedom where these are few) is found by rating
some of the simulated studies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, norm, spearmanr
from scipy.stats import t as student

from ethogram.design import Design
from ethogram.errors import InputError
from ethogram.ratings.comparisons import Comparisons, FloatArray, compare
from ethogram.ratings.covariance import centred
from ethogram.ratings.models import DEFAULT_RIDGE, ELO_PER_LOGIT, expect
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import LEVEL
from ethogram.ratings.rate import rate, reference_profiles
from ethogram.ratings.threads import on_one_thread

POWER = 0.8
"""Share of real shifts of the promised size that are found."""

MOVED = 5
"""Traits that move in a simulated pair of studies, up and down in turn."""

LEAST = 30
"""Comparisons per trait from which on the size of a shift is promised."""

LONGEST = 50_000
"""Comparisons that are simulated and rated at most, or 50 per trait if these are more."""

_SIMULATED = 20_000  # comparisons that are rated for one answer, in 1 to 12 studies
_DRAWN = 1_000_000  # entries of the information matrices that are inverted for one answer
_QUANTILES = 40  # of the errors, that power is averaged over
_LARGEST = 1_000  # traits; above, errors are those of each trait by itself
_MANY = 1e6  # degrees of freedom of a normal distribution


@dataclass(frozen=True)
class Power:
    """What a number of comparisons per model is expected to tell.

    Attributes
    ----------
    comparisons : int
    half_width : float
        Points: half of a rating's 95% interval, mean over traits.
    shift : float
        Points: the smallest move of one trait, against the others, from one model to the next that
        is found with probability `POWER` by simultaneous 95% intervals for all traits. Infinite
        below `LEAST` comparisons per trait, where many a trait wins always or never, and no size
        can be promised.
    rank_correlation : float
        Spearman's, of the ratings with the truth, mean over studies.
    """

    comparisons: int
    half_width: float
    shift: float
    rank_correlation: float

    def with_more(self, comparisons: int) -> Power:
        """Return the same for more comparisons: errors shrink with the root of their number.

        That holds where traits have met often; see `LONGEST`.
        """
        share = self.comparisons / comparisons
        return Power(
            comparisons,
            self.half_width * math.sqrt(share),
            self.shift * math.sqrt(share),
            1 - (1 - self.rank_correlation) * share,
        )


def reference_spread() -> float:
    """Return the spread of strengths of the published profiles: logits, the median model's.

    The noise of their own intervals is taken out.
    """
    return float(np.median([true_spread(profile) for profile in reference_profiles().values()]))


def true_spread(profile: Profile) -> float:
    """Return the standard deviation of a profile's strengths, logits, without the share of noise.

    0 where all of it may be noise.
    """
    seen, noise = float(np.mean(profile.strengths**2)), float(np.mean(profile.variances))
    return math.sqrt(max(seen - noise, 0.0))


@on_one_thread
def foresee(
    design: Design,
    *,
    spread: float,
    position: float = 0.0,
    studies: int | None = None,
    seed: int = 0,
) -> Power:
    """Work out what a design will tell.

    Parameters
    ----------
    design : Design
        Of one model; the two models of a shift are both asked it.
    spread : float
        Standard deviation of the true strengths over traits, logits.
    position : float
        Logits toward the trait that is shown first.
    studies : int, optional
        How many are simulated and rated; if not given 1 to 12, the more the smaller.
    seed : int

    Raises
    ------
    InputError
        A spread that is not above 0.
    DisconnectedError
        Some traits never meet the others.
    """
    if not 0 < spread < np.inf:
        raise InputError(f"the spread is {spread!r}, expected a number above 0 (logits)")
    count = studies or _studies(len(design))
    seen = [
        _rate_one(design, spread, position, np.random.default_rng([seed, 0x90, i]))
        for i in range(count)
    ]
    halves, errors, own, freedoms, agreements = np.array(seen).T
    before = _draw(design, spread, seed)
    base = np.array([_errors(design, strengths) ** 2 for strengths in before])
    found = math.inf
    if 2 * len(design) >= LEAST * design.n_traits:
        found = _detectable(
            design,
            before,
            base,
            freedom=float(np.median(freedoms)),
            inflation=float(np.median(errors / own)) ** 2,
            seed=seed,
        )
    return Power(
        comparisons=len(design),
        half_width=ELO_PER_LOGIT * float(np.mean(halves) * np.sqrt(base).mean() / np.mean(own)),
        shift=ELO_PER_LOGIT * found,
        rank_correlation=float(np.mean(agreements)),
    )


def _studies(n: int) -> int:
    """Return how many studies of so many comparisons are rated for one answer."""
    return max(1, min(_SIMULATED // max(n, 1), 6), min(_SIMULATED // (5 * max(n, 1)), 12))


def _rate_one(
    design: Design, spread: float, position: float, rng: np.random.Generator
) -> tuple[float, float, float, float, float]:
    """Rate a simulated study.

    Returns half-width and standard error (logits), that which the information matrix gives at the
    truth, degrees of freedom of its intervals, and Spearman's correlation with the truth.
    """
    strengths = rng.normal(0, spread, design.n_traits)
    profile = rate(simulate(design, strengths, rng, position=position), splits=0)
    half = (profile.high - profile.low) / 2
    error = np.sqrt(profile.variances)
    return (
        float(half.mean()),
        float(error.mean()),
        float(_errors(design, strengths).mean()),
        _freedom(float(np.median(half / error))),
        _agreement(profile.strengths, strengths),
    )


def _agreement(ratings: FloatArray, truth: FloatArray) -> float:
    """Return Spearman's correlation; 0 where all ratings are equal, which order nothing."""
    if np.ptp(ratings) < 1e-9:
        return 0.0
    return float(spearmanr(ratings, truth).statistic)


def simulate(
    design: Design, strengths: FloatArray, rng: np.random.Generator, *, position: float = 0.0
) -> Comparisons:
    """Answer a design as a model of these strengths (logits) does; ties do not occur."""
    gap = strengths[design.first] - strengths[design.second] + position
    won = rng.random(len(design)) < 1 / (1 + np.exp(-gap))
    names = [str(i) for i in range(design.n_traits)]
    return compare(names, design.first, design.second, won.astype(float), prompt=design.prompt)


def _freedom(ratio: float) -> float:
    """Return the degrees of freedom at which a t interval is so many standard errors wide."""
    upper = (1 + LEVEL) / 2
    if ratio <= float(norm.ppf(upper)) * 1.0005:
        return _MANY
    return float(np.exp(_solve(lambda x: student.ppf(upper, np.exp(x)) - ratio, 0, np.log(_MANY))))


def _draw(design: Design, spread: float, seed: int) -> FloatArray:
    """Draw strengths, logits, shape (draws, K): the few studies that are rated may not be usual."""
    k = design.n_traits
    draws = int(np.clip(_DRAWN // k**2, 1, 200))
    return np.random.default_rng([seed, 0x91]).normal(0, spread, (draws, k))


def _detectable(
    design: Design,
    before: FloatArray,
    base: FloatArray,
    *,
    freedom: float,
    inflation: float,
    seed: int,
) -> float:
    """Return the shift, in logits, that simultaneous intervals find with probability `POWER`.

    An extreme trait tells less, so the errors after a shift are those of the shifted strengths.
    """
    k = design.n_traits
    m = min(MOVED, max(1, k // 2))
    rng = np.random.default_rng([seed, 0x92])
    who = np.argsort(rng.random(before.shape), axis=1)[:, :m]
    signs = np.where(np.arange(m) % 2, -1.0, 1.0)
    critical = _critical(k, freedom)
    size = 0.0
    for _ in range(3):  # the errors hardly depend on the size: it settles at once
        moves = np.zeros_like(before)
        np.put_along_axis(moves, who, size * signs, axis=1)
        after = np.array([_errors(design, strengths) ** 2 for strengths in before + moves])
        error = np.sqrt(inflation * np.take_along_axis(base + after, who, axis=1)).ravel()
        size = _size_found(error, critical, freedom)
    return size


def found_size(half: FloatArray, error: FloatArray) -> float:
    """Return the smallest move of a trait that two profiles like one would find, in logits.

    Parameters
    ----------
    half, error : float array, shape (K,)
        Half-widths of the profile's 95% intervals, and standard errors; logits.
    """
    freedom = _freedom(float(np.median(half / error)))
    return _size_found(np.sqrt(2) * error, _critical(len(error), freedom), freedom)


def _critical(k: int, freedom: float) -> float:
    """Return how many standard errors simultaneous intervals for so many traits reach."""
    return float(student.ppf(1 - (1 - LEVEL) / (2 * k), freedom))


def _size_found(error: FloatArray, critical: float, freedom: float) -> float:
    """Return the size of a move that is found with probability `POWER`, mean over errors."""
    error = np.quantile(error, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)

    def short(size: float) -> float:
        ratio = size / error
        found = norm.sf(critical - ratio) if freedom >= _MANY else nct.sf(critical, freedom, ratio)
        return float(np.mean(found)) - POWER

    return _solve(short, 0.0, 4 * critical * float(error.max()))


def _solve(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, rtol=1e-4))


def _errors(design: Design, strengths: FloatArray) -> FloatArray:
    """Return the standard errors of centred strengths that a design gives, shape (K,)."""
    _, slope, _ = expect(strengths[design.first] - strengths[design.second], 0.0)
    k = design.n_traits
    own = np.bincount(design.first, slope, k) + np.bincount(design.second, slope, k)
    if k > _LARGEST:
        return np.asarray(np.sqrt((1 - 1 / k) / np.maximum(own, DEFAULT_RIDGE)))
    cross = np.bincount(design.first * k + design.second, slope, k * k).reshape(k, k)
    information = np.diag(own + DEFAULT_RIDGE) - cross - cross.T
    return np.asarray(np.sqrt(np.diag(centred(np.linalg.inv(information), k))))
