"""Dose and response: what a readout does as a direction is added, and as controls are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.quantiles import t_quantile
from ethogram.validity.proportions import Estimate, cluster_sizes

TRAIT, RANDOM, ORTHOGONAL, NONE = "trait", "random", "orthogonal", "none"
CONTROLS = (RANDOM, ORTHOGONAL)
_SAME = 1e-3  # of a direction's length: what is left of it beside another is rounding


@dataclass(frozen=True)
class Responses:
    """One row per steered reply.

    Attributes
    ----------
    value : float array, shape (n,)
        Such as the judge's probability of the trait.
    dose : float array, shape (n,)
    kind : array of str, shape (n,)
        Which direction was added: of the trait, random, orthogonal, or none (dose 0).
    prompt : int array, shape (n,)
    """

    value: FloatArray
    dose: FloatArray
    kind: tuple[str, ...]
    prompt: IntArray


def slope(rows: Responses, kind: str) -> Estimate:
    """Change of the readout per unit of dose, least squares within prompts, clustered by prompt."""
    x, y, prompt = _within(rows, kind)
    pulls, middle = _slope_pulls(x, y)
    return _estimate(middle, pulls, prompt)


def slope_gain(rows: Responses, control: str) -> Estimate:
    """How much steeper the trait's own direction is than a control, paired by prompt."""
    mine, theirs = (_within(rows, kind) for kind in (TRAIT, control))
    (a, first), (b, second) = (_slope_pulls(x, y) for x, y, _ in (mine, theirs))
    pulls, prompt = np.concatenate([a, -b]), np.concatenate([mine[2], theirs[2]])
    return _estimate(first - second, pulls, prompt)


def _within(rows: Responses, kind: str) -> tuple[FloatArray, FloatArray, IntArray]:
    """Doses and readouts of one direction and of no dose, less the means of their prompts."""
    kept = np.isin(rows.kind, (kind, NONE))
    _, of = np.unique(rows.prompt[kept], return_inverse=True)
    n = np.bincount(of)
    x, y = (v[kept] - (np.bincount(of, v[kept]) / n)[of] for v in (rows.dose, rows.value))
    return x, y, rows.prompt[kept]


def _slope_pulls(x: FloatArray, y: FloatArray) -> tuple[FloatArray, float]:
    scale = float((x * x).sum())
    if not scale:
        return np.zeros(len(x)), float("nan")
    middle = float((x * y).sum() / scale)
    return x * (y - middle * x) / scale, middle


def _estimate(middle: float, pulls: FloatArray, prompt: IntArray) -> Estimate:
    sizes, of = cluster_sizes(prompt, len(pulls))
    groups = len(sizes)
    if np.isnan(middle) or groups < 2:
        return Estimate(middle, -np.inf, np.inf, groups if not np.isnan(middle) else 0)
    sums = np.bincount(of, pulls)
    half = float(t_quantile(groups - 1)) * np.sqrt(groups / (groups - 1) * (sums**2).sum())
    return Estimate(middle, middle - half, middle + half, groups)


def control_directions(direction: FloatArray, others: FloatArray, *, seed: int) -> FloatArray:
    """Return a random unit vector, and one of other traits' directions made orthogonal; (2, d).

    Parameters
    ----------
    direction : float array, shape (d,)
        A unit vector.
    others : float array, shape (m, d)
        Directions of other traits; with none, or one that is the same line (of two traits, the one
        is the other turned round), the second is another random one.
    seed : int
    """
    rng = np.random.default_rng([seed, 0xD0])
    drawn = rng.normal(size=(2, len(direction)))
    if len(others):
        other = others[int(rng.integers(len(others)))]
        if np.linalg.norm(other - (other @ direction) * direction) > _SAME * np.linalg.norm(other):
            drawn[1] = other
    drawn[1] -= (drawn[1] @ direction) * direction
    norms = np.linalg.norm(drawn, axis=1, keepdims=True)
    unit: FloatArray = drawn / np.where(norms > 0, norms, 1.0)
    return unit
