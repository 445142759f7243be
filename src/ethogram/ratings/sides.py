"""Two profiles made ready to be compared: on shared traits, paired by what both answered.

Where both sides are comparisons, each prompt (or pair) is left out of both fits together, and what
that does to each side is kept; of finished profiles there is only their own uncertainty. `shift`
reads one variance per trait from it, `distance` the covariance of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.budget import influences_fit, inverse_fits
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray
from ethogram.ratings.covariance import jackknife
from ethogram.ratings.intervals import seldom
from ethogram.ratings.models import DEFAULT_RIDGE
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import LEVEL, normal_quantile
from ethogram.ratings.rate import fit_comparisons, rate
from ethogram.ratings.wordings import wording_variance


@dataclass(frozen=True)
class Side:
    """A profile on the shared traits, and what leaving out each prompt does to it.

    Attributes
    ----------
    profile : Profile
    label : int array, shape (G,)
        Which prompt or pair; none where the sides are not paired.
    influence : float array, shape (G, K)
        How leaving it out moves each strength, logits.
    effective : float array, shape (K,)
        Effective number of prompts or pairs behind each strength.
    few : bool array, shape (K,)
        The jackknife cannot tell: too few wins or losses, or not paired.
    worded : float array, shape (K,)
        Variance that the wordings of the instruction add, which no prompt shows.
    """

    profile: Profile
    label: IntArray
    influence: FloatArray
    effective: FloatArray
    few: BoolArray
    worded: FloatArray


@dataclass(frozen=True)
class Sides:
    """Both sides on the traits that they share.

    Attributes
    ----------
    one, other : Side
    traits : tuple of str, length K
    pairing, paired : str
        What both could be paired by, and what they are: "prompts", "pairs" or "".
    n_missing : int
        Traits on one side only.
    level : float
        Of the intervals of profiles that were rated here.
    """

    one: Side
    other: Side
    traits: tuple[str, ...]
    pairing: str
    paired: str
    n_missing: int
    level: float = LEVEL

    @property
    def difference(self) -> FloatArray:
        """Strengths after less strengths before, shape (K,), logits."""
        return self.other.profile.strengths - self.one.profile.strengths

    @property
    def n_shared(self) -> int:
        """Prompts or pairs that both answered."""
        return len(np.intersect1d(self.one.label, self.other.label))


def pair_sides(
    before: Comparisons | Profile,
    after: Comparisons | Profile,
    *,
    ridge: float | None = None,
    profiles: tuple[Profile, Profile] | None = None,
    level: float = LEVEL,
) -> Sides:
    """Measure both sides; parameters and errors as in `shift`."""
    there = set(after.traits)
    shared = tuple(trait for trait in before.traits if trait in there)
    if len(shared) < 2:
        raise InputError(
            f"the two share {len(shared)} traits, expected at least 2; rate both on one trait set"
        )
    pairing = _pairing(before, after)
    paired = pairing if _influences_fit(before, after, pairing) else ""
    one, other = (
        _side(source, shared, paired, ridge, rated, level)
        for source, rated in zip((before, after), profiles or (None, None), strict=True)
    )
    n_missing = len(set(before.traits) ^ there)
    return Sides(one, other, shared, pairing, paired, n_missing, level)


def _pairing(before: Comparisons | Profile, after: Comparisons | Profile) -> str:
    """What the two sides share."""
    if isinstance(before, Profile) or isinstance(after, Profile):
        return ""
    if before.adaptive or after.adaptive:
        return ""  # leaving out a prompt would not undo what its answer led to
    known = (before.prompt >= 0).all() and (after.prompt >= 0).all()
    return "prompts" if known else "pairs"


def _influences_fit(
    before: Comparisons | Profile, after: Comparisons | Profile, paired: str
) -> bool:
    """Whether what leaving out each prompt or pair does to each trait fits the memory."""
    if not paired:
        return False
    sides = [cast(Comparisons, side) for side in (before, after)]
    sizes = [len(np.unique(_labels(side, side.traits, paired))) * side.n_traits for side in sides]
    return inverse_fits(max(side.n_traits for side in sides)) and influences_fit(sum(sizes))


def _side(
    source: Comparisons | Profile,
    shared: Sequence[str],
    paired: str,
    ridge: float | None,
    rated: Profile | None,
    level: float,
) -> Side:
    k = len(shared)
    profile = source if isinstance(source, Profile) else rated
    if profile is None:
        profile = rate(cast(Comparisons, source), ridge=ridge, splits=0, level=level)
    if isinstance(source, Profile) or not paired:
        nothing = np.zeros(0, dtype=np.int64)
        many = np.full(k, np.inf)
        alone = np.ones(k, dtype=bool)
        return Side(profile.restrict(shared), nothing, np.zeros((0, k)), many, alone, np.zeros(k))
    label, cluster = np.unique(_labels(source, shared, paired), return_inverse=True)
    fitted = fit_comparisons(source, ridge=DEFAULT_RIDGE if ridge is None else ridge)
    left_out = jackknife(fitted.rows, fitted.fit, cluster, keep_influence=True, correlations=False)
    assert left_out.influence is not None  # it was asked for
    at = {trait: i for i, trait in enumerate(source.traits)}
    keep = np.array([at[trait] for trait in shared])
    influence = left_out.influence[:, keep]
    return Side(
        profile=profile.restrict(shared),
        label=label,
        influence=influence - influence.mean(axis=1, keepdims=True),
        effective=left_out.effective[keep],
        few=seldom(fitted.pairs)[keep],
        worded=wording_variance(source)[keep],
    )


def _labels(source: Comparisons, shared: Sequence[str], paired: str) -> IntArray:
    """Prompt numbers, or numbers of the unordered pairs that are the same for both sides."""
    if paired == "prompts":
        return source.prompt
    order = [*shared, *sorted(set(source.traits) - set(shared))]
    rank = {trait: i for i, trait in enumerate(order)}
    place = np.array([rank[trait] for trait in source.traits])
    low = np.minimum(place[source.first], place[source.second])
    high = np.maximum(place[source.first], place[source.second])
    label: IntArray = (
        high * (high - 1) // 2 + low
    )  # grows with `high`: pairs of shared traits first
    return label


def joint_influence(one: Side, other: Side) -> FloatArray:
    """How leaving out each prompt, of both sides at once, moves the difference, shape (G, K)."""
    label = np.union1d(one.label, other.label)
    moved = np.zeros((len(label), len(one.profile.traits)))
    moved[np.searchsorted(label, other.label)] += other.influence
    moved[np.searchsorted(label, one.label)] -= one.influence
    return moved


def paired_variance(one: Side, other: Side) -> FloatArray:
    """Variance of the difference when each prompt is left out of both sides at once."""
    moved = joint_influence(one, other)
    variance: FloatArray = (moved**2).sum(axis=0) * (len(moved) - 1) / max(len(moved), 1)
    return variance + one.worded + other.worded


def arms(profile: Profile, level: float) -> tuple[FloatArray, FloatArray]:
    """How far a profile's intervals reach below and above, stretched to another level."""
    stretch = normal_quantile(level) / normal_quantile(profile.level)
    s = profile.strengths
    return stretch * (s - profile.low), stretch * (profile.high - s)
