"""The misclassification model behind corrected ratings, and draws from its posterior.

The reply of a trial between i and j shows i with probability p = expit(s_i - s_j + b), Bradley and
Terry's model. The judge finds a shown trait t with probability a_t, so it names i with probability

    q = a_i p + (1 - a_j) (1 - p)

Strengths s, accuracies a and the spreads of both are estimated together from comparisons and
replies whose trait is known: plants, and chosen replies that people labelled. Where there are
labels, a is the accuracy on chosen replies, and planted ones may be easier by so many logits.
Knows nothing of profiles; `ethogram.validity.correction` makes them of the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, diags_array
from scipy.special import expit

from ethogram.ratings.comparisons import FloatArray, IntArray

WARM_UP = 200
_STEPS = 7
_TINY = 1e-9
_FAR = 30  # logits; a jump beyond has gone astray and is refused


@dataclass(frozen=True)
class Evidence:
    """Comparisons and replies of known trait as the model reads them.

    `place` is +1 where the judge was shown `first` first, -1 where second, 0 where unknown; in
    `planted_place` it is the planted trait that was shown first or second. With labels, the known
    replies are plants and labels: `acted` is 1 for a plant and 0 for a label, `known_weight` what
    each counts for.
    """

    first: IntArray
    second: IntArray
    outcome: FloatArray
    place: FloatArray
    weight: float
    planted: IntArray
    hit: FloatArray
    planted_place: FloatArray
    k: int
    acted: FloatArray | None = None
    known_weight: FloatArray | None = None

    @cached_property
    def easier(self) -> FloatArray:
        """Where the accuracy is that on acted replies."""
        return np.zeros(len(self.planted)) if self.acted is None else self.acted

    @cached_property
    def counts(self) -> FloatArray:
        """What each reply of known trait counts for."""
        return np.ones(len(self.planted)) if self.known_weight is None else self.known_weight

    @cached_property
    def rows(self) -> tuple[IntArray, IntArray]:
        """Where each side's accuracy stands in the flat table of places (-1, 0, 1) by traits."""
        place = self.place.astype(np.int64)
        return (1 + place) * self.k + self.first, (1 - place) * self.k + self.second


@dataclass(frozen=True)
class Point:
    """One setting of the parameters.

    In the flat vector: strengths, accuracies (logits), then position effect of the model's
    prompt, of the judge's, mean accuracy, log spread of accuracies, log spread of strengths; and
    with labels, how much easier planted replies are (logits).
    """

    strengths: FloatArray
    skills: FloatArray
    choice: float
    place: float
    mean: float
    log_spread: float
    log_scale: float
    ease: float = 0.0

    @classmethod
    def of(cls, x: FloatArray, k: int) -> Point:
        """Read the flat vector."""
        return cls(x[:k], x[k : 2 * k], *(float(v) for v in x[2 * k :]))


@dataclass(frozen=True)
class _Link:
    """q of each comparison and its slopes along (d, logit a_i, logit a_j), d = s_i - s_j + b."""

    q: FloatArray
    along_gap: FloatArray
    along_first: FloatArray
    along_second: FloatArray


def _link(at: Point, e: Evidence) -> _Link:
    """The misclassification model, on one screen."""
    p = expit(at.strengths[e.first] - at.strengths[e.second] + at.choice)
    table = expit(at.skills + at.place * np.array([[-1.0], [0.0], [1.0]])).ravel()
    found_first, found_second = (table[row] for row in e.rows)
    q = found_first * p + (1 - found_second) * (1 - p)
    return _Link(
        q=np.clip(q, _TINY, 1 - _TINY),
        along_gap=(found_first + found_second - 1) * p * (1 - p),
        along_first=p * found_first * (1 - found_first),
        along_second=-(1 - p) * found_second * (1 - found_second),
    )


def log_density(x: FloatArray, e: Evidence) -> tuple[float, FloatArray]:
    """Log posterior and its gradient."""
    if not np.abs(x).max() < _FAR:
        return -np.inf, np.zeros_like(x)
    at = Point.of(x, e.k)
    link = _link(at, e)
    plant_logit = _known_logit(at, e)
    value = e.weight * (e.outcome @ np.log(link.q) + (1 - e.outcome) @ np.log1p(-link.q)) - float(
        e.counts @ np.logaddexp(0, np.where(e.hit > 0, -plant_logit, plant_logit))
    )
    pull = e.weight * (e.outcome - link.q) / (link.q * (1 - link.q))
    surplus = e.counts * (e.hit - expit(plant_logit))
    gap, up, down = pull * link.along_gap, pull * link.along_first, pull * link.along_second
    k = e.k
    slopes = [
        np.bincount(e.first, gap, k) - np.bincount(e.second, gap, k),
        np.bincount(e.first, up, k)
        + np.bincount(e.second, down, k)
        + np.bincount(e.planted, surplus, k),
        np.array([gap.sum(), (up - down) @ e.place + surplus @ e.planted_place, 0.0, 0.0, 0.0]),
        np.array([surplus @ e.easier] if e.acted is not None else []),
    ]
    prior, prior_slopes = _log_prior(at, k)
    return float(value + prior), np.concatenate(slopes) + prior_slopes[: len(x)]


def _known_logit(at: Point, e: Evidence) -> FloatArray:
    """Logit of the judge's accuracy on each reply of known trait."""
    made: FloatArray = at.skills[e.planted] + at.place * e.planted_place + at.ease * e.easier
    return made


def _log_prior(at: Point, k: int) -> tuple[float, FloatArray]:
    """Log prior and its gradient.

    Strengths N(0, scale), logit accuracies N(mean, spread), scale and spread half-normal(1), mean
    N(1, 2), position effects and the ease of planted replies N(0, 1).
    (Published profiles have a scale of 0.7 to 1.2 logits. A half-normal(2) for it let weak data run
    off to large strengths, and lost to the plain ratings.)
    The densities of the two spreads are in terms of their logarithms.
    """
    spread2, scale2 = np.exp(2 * at.log_spread), np.exp(2 * at.log_scale)
    away = at.skills - at.mean
    squares, strength_squares = away @ away, at.strengths @ at.strengths
    value = (
        -0.5 * (squares / spread2 + strength_squares / scale2)
        - 0.5 * (at.choice**2 + at.place**2 + at.ease**2)
        - 0.5 * (spread2 + scale2 + (at.mean - 1) ** 2 / 4)
        - (k - 1) * (at.log_spread + at.log_scale)
    )
    tail = [
        -at.choice,
        -at.place,
        away.sum() / spread2 - (at.mean - 1) / 4,
        squares / spread2 - (k - 1) - spread2,
        strength_squares / scale2 - (k - 1) - scale2,
        -at.ease,
    ]
    return float(value), np.concatenate([-at.strengths / scale2, -away / spread2, tail])


def curvature(x: FloatArray, e: Evidence) -> FloatArray:
    """Expected information plus the prior's; what steps and jumps are scaled by."""
    k, at = e.k, Point.of(x, e.k)
    link, n = _link(at, e), len(e.first)
    rows, one = np.arange(n), np.ones(n, dtype=np.int64)
    entries = [
        (link.along_gap, e.first),
        (-link.along_gap, e.second),
        (link.along_first, k + e.first),
        (link.along_second, k + e.second),
        (link.along_gap, 2 * k * one),
        ((link.along_first - link.along_second) * e.place, (2 * k + 1) * one),
    ]
    size = len(x)
    slopes = coo_array(
        (
            np.concatenate([value for value, _ in entries]),
            (np.tile(rows, len(entries)), np.concatenate([column for _, column in entries])),
        ),
        shape=(n, size),
    ).tocsr()
    weights = diags_array(e.weight / (link.q * (1 - link.q)))
    made: FloatArray = (slopes.T @ weights @ slopes).toarray()
    return made + _plant_curvature(at, e, size) + _prior_curvature(at, k, size)


def _plant_curvature(at: Point, e: Evidence, size: int) -> FloatArray:
    """Information of the plants."""
    k = e.k
    a = expit(_known_logit(at, e))
    made, w = np.zeros((size, size)), e.counts * a * (1 - a)
    skills = np.arange(k, 2 * k)
    made[skills, skills] = np.bincount(e.planted, w, k)
    made[skills, 2 * k + 1] = made[2 * k + 1, skills] = np.bincount(
        e.planted, w * e.planted_place, k
    )
    made[2 * k + 1, 2 * k + 1] = w.sum()
    if e.acted is not None:
        own = w * e.acted
        made[skills, -1] = made[-1, skills] = np.bincount(e.planted, own, k)
        made[2 * k + 1, -1] = made[-1, 2 * k + 1] = own @ e.planted_place
        made[-1, -1] = own.sum()
    return made


def _prior_curvature(at: Point, k: int, size: int) -> FloatArray:
    """Curvature of the prior; that of the two log spreads at their typical value."""
    tight = np.exp(-2 * at.log_spread)
    diagonal = np.concatenate(
        [
            np.full(k, np.exp(-2 * at.log_scale)),
            np.full(k, tight),
            [1.0, 1.0, k * tight + 0.25, 0.5 * k, 1.0 * k, 1.0],
        ]
    )
    made = np.diag(diagonal[:size])
    made[k : 2 * k, 2 * k + 2] = made[2 * k + 2, k : 2 * k] = -tight
    return made


def climb(x: FloatArray, e: Evidence, *, rounds: int = 30) -> FloatArray:
    """Climb toward the mode with the two spreads held fixed (their joint mode is degenerate)."""
    free = np.delete(np.arange(len(x)), [2 * e.k + 3, 2 * e.k + 4])
    value, slope = log_density(x, e)
    for _ in range(rounds):
        step = cho_solve(cho_factor(curvature(x, e)[np.ix_(free, free)]), slope[free])
        fraction = min(1.0, 1.5 / max(np.abs(step).max(), 1e-300))
        for _ in range(6):
            trial = x.copy()
            trial[free] += fraction * step
            trial_value, trial_slope = log_density(trial, e)
            if trial_value >= value:
                break
            fraction /= 2
        else:
            return x
        gained, x, value, slope = trial_value - value, trial, trial_value, trial_slope
        if gained < 1e-3:
            return x
    return x


def sample(start: FloatArray, e: Evidence, *, draws: int, seed: int) -> FloatArray:
    """Draws from the posterior by Hamiltonian Monte Carlo, one chain, shape (draws, size).

    The curvature at the mode makes all directions alike; the step is tuned in the warm-up to
    accept four of five jumps.

    References
    ----------
    Neal (2011), in Handbook of Markov Chain Monte Carlo, ch. 5, fig. 2.
    """
    rng = np.random.default_rng(seed)
    root = np.linalg.inv(np.linalg.cholesky(curvature(start, e))).T
    x = start + 0.5 * root @ rng.standard_normal(len(start))
    value, slope = log_density(x, e)
    kept, step = np.empty((draws, len(x))), 0.3
    for i in range(WARM_UP + draws):
        spin = rng.standard_normal(len(x))
        length = step * rng.uniform(0.7, 1.2)
        to, moved, to_value, to_slope = x, spin + 0.5 * length * (slope @ root), value, slope
        for left in reversed(range(_STEPS)):
            to = to + length * (root @ moved)
            to_value, to_slope = log_density(to, e)
            moved = moved + (1.0 if left else 0.5) * length * (to_slope @ root)
        gain = to_value - value - 0.5 * float(moved @ moved - spin @ spin)
        accepted = float(np.exp(min(0.0, gain))) if np.isfinite(gain) else 0.0
        if rng.random() < accepted:
            x, value, slope = to, to_value, to_slope
        if i < WARM_UP:
            step *= np.exp(0.06 * (accepted - 0.8))
        else:
            kept[i - WARM_UP] = x
    return kept


def split_rhat(chains: FloatArray) -> float:
    """Largest split R-hat over the columns of (chains, draws, k) (Gelman et al., BDA3, 11.4)."""
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = parts.mean(axis=1).var(axis=0, ddof=1)
    return float(np.sqrt((half - 1) / half + between / np.maximum(within, 1e-300)).max())
