"""How far judges agree on the same model: their profiles beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ethogram.analysis.cohort import MINIMUM_TRAITS, form_cohort, rank_strengths
from ethogram.analysis.similarity import correlation_matrix
from ethogram.ratings.models import ELO_PER_LOGIT

if TYPE_CHECKING:
    from ethogram.ratings.profile import Profile


@dataclass(frozen=True)
class JudgesCompared:
    """Two judges' profiles of one model under one condition.

    Attributes
    ----------
    model, condition : str
    judges : (str, str)
    n : (int, int)
        Comparisons behind each.
    traits : int
        How many both have.
    spearman : float
        Rank correlation of the ratings.
    points : float
        Mean absolute difference of the ratings, Elo points.
    noise : float
        What that difference would be on average if the profiles were equal and their errors
        independent.
    """

    model: str
    condition: str
    judges: tuple[str, str]
    n: tuple[int, int]
    traits: int
    spearman: float
    points: float
    noise: float


def compare_judges(profiles: Sequence[Profile]) -> tuple[JudgesCompared, ...]:
    """Compare every two judges' profiles of the same model under the same condition."""
    return tuple(
        _compare(one, other)
        for one, other in combinations(profiles, 2)
        if (one.model, one.condition) == (other.model, other.condition)
        and one.judge != other.judge
        and len(set(one.traits) & set(other.traits)) >= MINIMUM_TRAITS
    )


def _compare(one: Profile, other: Profile) -> JudgesCompared:
    cohort = form_cohort([one, other])
    ranks = rank_strengths(cohort.strengths)
    apart = np.abs(cohort.strengths[0] - cohort.strengths[1])
    error = np.sqrt(cohort.variances.sum(axis=0))
    return JudgesCompared(
        model=one.model,
        condition=one.condition,
        judges=(one.judge, other.judge),
        n=(one.n, other.n),
        traits=len(cohort.traits),
        spearman=float(correlation_matrix(ranks)[0, 1]),
        points=float(apart.mean() * ELO_PER_LOGIT),
        noise=float(np.sqrt(2 / np.pi) * error.mean() * ELO_PER_LOGIT),  # of a normal, E|x|
    )
