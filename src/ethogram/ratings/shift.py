"""How one profile differs from another: one shift per trait, with its interval and p-value.

For two models, or one model before and after a fine-tune, that answered the same design. Where
both sides are comparisons, what their shared prompts (or pairs) do to both at once is taken into
account: each prompt is left out of both fits together. Of two finished profiles only the
intervals are known, so they are treated as independent.

Verdicts only say which of two traits shows more, so shifts are relative to the average trait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from ethogram.errors import InputError
from ethogram.ratings.budget import influences_fit, inverse_fits
from ethogram.ratings.cards import card_html, card_text
from ethogram.ratings.comparisons import BoolArray, Comparisons, FloatArray, IntArray
from ethogram.ratings.covariance import jackknife
from ethogram.ratings.intervals import seldom
from ethogram.ratings.models import DEFAULT_RIDGE, ELO_PER_LOGIT, NOT_CONVERGED
from ethogram.ratings.plots import plot_shift
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import normal_quantile, t_quantile
from ethogram.ratings.rate import fit_comparisons, rate
from ethogram.ratings.spread import stretched, variances
from ethogram.ratings.summaries import shift_card, shift_line
from ethogram.ratings.threads import on_one_thread

if TYPE_CHECKING:
    from ethogram.ratings.plots import Figure, Theme

LEAST_TRUE_SPREAD = 0.2
"""Share of the strengths' variance that is never taken to be noise."""

NOTABLE_NOISE = 0.2
"""Noise's share of the variance from which the scaled shifts come with a warning."""

AGAINST_THE_AVERAGE = (
    "Shifts are relative to the average trait: if many traits rise, the others fall."
)


@dataclass(frozen=True)
class Change:
    """One difference per trait; arrays of shape (K,), logits.

    Attributes
    ----------
    estimate, low, high : float array
        With the pointwise 95% interval.
    p : float array
        Two-sided, of no difference.
    p_adjusted : float array
        Corrected for as many tests as there are traits (Benjamini & Hochberg 1995): call those
        below 0.05 different, and about 5% of the calls are false.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_adjusted: FloatArray


@dataclass(frozen=True)
class Shift:
    """`after` minus `before`, trait by trait, against the average trait.

    If many traits rise, those that did not move are found to fall, and are called moved: after 50
    of 144 rose by 2 logits, two thirds of the others were (10,296 comparisons per side). After a
    one-sided change read the differences between traits.

    Attributes
    ----------
    before, after : str
        Names of the two models.
    traits : tuple of str, length K
        Those in both.
    raw : Change
        Difference of the strengths.
    scaled : Change
        Difference after both are stretched to the same spread over traits (the geometric mean of
        their own spreads, sampling noise taken out). Says which traits moved against the others
        when one model, or its judge, is merely more decided. Intervals and p-values are t's on
        2 (K - 1) degrees of freedom at most, for each spread is itself estimated from K traits.
    stretch : float
        Spread of `after` over spread of `before`.
    paired : str
        "prompts", "pairs" (prompts unknown) or "" (independent).
    n_shared : int
        Prompts or pairs that both answered.
    caveats : tuple of str
    """

    before: str
    after: str
    traits: tuple[str, ...]
    raw: Change
    scaled: Change
    stretch: float
    paired: str
    n_shared: int
    caveats: tuple[str, ...]

    def __repr__(self) -> str:
        return shift_line(self)

    def __str__(self) -> str:
        return card_text(shift_card(self))

    def _repr_html_(self) -> str:
        return str(card_html(shift_card(self)))

    def plot(self, *, theme: Theme = "light") -> Figure:
        """Draw the traits that moved furthest, with intervals; a notebook shows the figure."""
        return plot_shift(self, theme)

    def frame(self) -> pl.DataFrame:
        """One row per trait, largest rise first; shifts in Elo points."""
        columns: dict[str, object] = {"trait": self.traits}
        for prefix, change in (("", self.raw), ("scaled_", self.scaled)):
            columns |= {
                f"{prefix}shift": ELO_PER_LOGIT * change.estimate,
                f"{prefix}low": ELO_PER_LOGIT * change.low,
                f"{prefix}high": ELO_PER_LOGIT * change.high,
                f"{prefix}p": change.p,
                f"{prefix}p_adjusted": change.p_adjusted,
            }
        return pl.DataFrame(columns).sort("shift", descending=True, maintain_order=True)


@on_one_thread
def shift(
    before: Comparisons | Profile,
    after: Comparisons | Profile,
    *,
    ridge: float = DEFAULT_RIDGE,
    profiles: tuple[Profile, Profile] | None = None,
) -> Shift:
    """How far each shared trait moved from `before` to `after`.

    Parameters
    ----------
    before, after : Comparisons or Profile
        Give comparisons of the same design where there are any: prompts with the same number are
        taken to be the same prompt.
    ridge : float
        As in `rate`.
    profiles : tuple of (Profile, Profile), optional
        What `rate` makes of the two sides with this `ridge`, if it is there already.

    Returns
    -------
    Shift

    Raises
    ------
    InputError
        Fewer than two shared traits.
    DisconnectedError, NotConverged
        As in `rate`.
    """
    names = after.traits
    there = set(names)
    shared = [trait for trait in before.traits if trait in there]
    if len(shared) < 2:
        raise InputError(
            f"the two share {len(shared)} traits, expected at least 2; rate both on one trait set"
        )
    pairing = _pairing(before, after)
    paired = pairing if _influences_fit(before, after, pairing) else ""
    rated = profiles or (None, None)
    one = _side(before, shared, paired, ridge, rated[0])
    other = _side(after, shared, paired, ridge, rated[1])
    spreads = [_spread(side) for side in (one, other)]
    common = float(np.sqrt(spreads[0] * spreads[1]))
    return Shift(
        before=one.profile.model,
        after=other.profile.model,
        traits=tuple(shared),
        raw=_change(one, other),
        scaled=_change(
            _stretched(one, spreads[0], common),
            _stretched(other, spreads[1], common),
            freedom=2 * (len(shared) - 1),
        ),
        stretch=spreads[1] / spreads[0],
        paired=paired,
        n_shared=len(np.intersect1d(one.label, other.label)),
        caveats=(*_caveats(one, other, before, after, paired), *_size_caveats(pairing, paired)),
    )


@dataclass(frozen=True)
class _Side:
    """A profile on the shared traits, and what leaving out each prompt does to it."""

    profile: Profile
    label: IntArray  # (G,) which prompt or pair
    influence: FloatArray  # (G, K)
    effective: FloatArray  # (K,)
    few: BoolArray  # (K,) the jackknife cannot tell


def _pairing(before: Comparisons | Profile, after: Comparisons | Profile) -> str:
    """What the two sides share."""
    if isinstance(before, Profile) or isinstance(after, Profile):
        return ""
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


def _size_caveats(pairing: str, paired: str) -> tuple[str, ...]:
    """What was left out for lack of memory."""
    if pairing == paired:
        return ()
    return (
        f"The effect of shared {pairing} on both sides at once takes too much memory to compute.",
    )


def _side(
    source: Comparisons | Profile,
    shared: Sequence[str],
    paired: str,
    ridge: float,
    rated: Profile | None,
) -> _Side:
    k = len(shared)
    profile = source if isinstance(source, Profile) else rated
    if profile is None:
        profile = rate(cast(Comparisons, source), ridge=ridge, splits=0)
    if isinstance(source, Profile) or not paired:
        nothing = np.zeros(0, dtype=np.int64)
        many = np.full(k, np.inf)
        return _Side(
            profile.restrict(shared), nothing, np.zeros((0, k)), many, np.ones(k, dtype=bool)
        )
    label, cluster = np.unique(_labels(source, shared, paired), return_inverse=True)
    fitted = fit_comparisons(source, ridge=ridge)
    left_out = jackknife(fitted.rows, fitted.fit, cluster, keep_influence=True, correlations=False)
    assert left_out.influence is not None  # it was asked for
    at = {trait: i for i, trait in enumerate(source.traits)}
    keep = np.array([at[trait] for trait in shared])
    influence = left_out.influence[:, keep]
    return _Side(
        profile=profile.restrict(shared),
        label=label,
        influence=influence - influence.mean(axis=1, keepdims=True),
        effective=left_out.effective[keep],
        few=seldom(fitted.pairs)[keep],
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


def _spread(side: _Side) -> float:
    """Standard deviation of the true strengths over traits: the noise's share is taken out."""
    seen = float(np.mean(side.profile.strengths**2))
    noise = float(np.mean(side.profile.variances))
    return float(np.sqrt(max(seen - noise, LEAST_TRUE_SPREAD * seen, 1e-12)))


def _stretched(side: _Side, spread: float, common: float) -> _Side:
    """The side with its strengths divided by their spread; its derivative carries the errors."""
    profile = side.profile
    s, k = profile.strengths, len(profile.traits)
    pull = common / (k * spread**3)
    influence = side.influence * (common / spread) - np.outer(side.influence @ s, pull * s)
    covariance = stretched(profile.covariance, s, common, spread)
    width = np.sqrt(variances(covariance) / np.maximum(profile.variances, 1e-300))
    strengths = s * common / spread
    moved = replace(
        profile,
        strengths=strengths,
        covariance=covariance,
        low=strengths - width * (s - profile.low),
        high=strengths + width * (profile.high - s),
    )
    return replace(side, profile=moved, influence=influence)


def _change(one: _Side, other: _Side, freedom: float = np.inf) -> Change:
    """Difference, interval and p-value of each trait, on at most so many degrees of freedom.

    The interval is the jackknife's where both sides can tell, else it is put together from the
    two profiles' own (Zou & Donner 2008, Statistics in Medicine 27(10)), which may be lopsided.
    """
    difference = other.profile.strengths - one.profile.strengths
    a, b = one.profile, other.profile
    below = np.hypot(b.strengths - b.low, a.high - a.strengths)
    above = np.hypot(b.high - b.strengths, a.strengths - a.low)
    alone = one.few | other.few
    clusters = np.where(alone, np.inf, np.minimum(one.effective, other.effective) - 1)
    degrees = np.minimum(np.maximum(clusters, 1), freedom)
    quantile = t_quantile(degrees)
    half = quantile * np.sqrt(_paired_variance(one, other))
    wider = quantile / normal_quantile()  # than the profiles' own
    below, above = np.where(alone, wider * below, half), np.where(alone, wider * above, half)
    toward_zero = np.maximum(np.where(difference > 0, below, above), 1e-300)
    p = 2 * student.sf(np.abs(difference) * quantile / toward_zero, degrees)
    return Change(difference, difference - below, difference + above, p, false_discovery_control(p))


def _paired_variance(one: _Side, other: _Side) -> FloatArray:
    """Variance of the difference when each prompt is left out of both sides at once."""
    label = np.union1d(one.label, other.label)
    moved = np.zeros((len(label), len(one.profile.traits)))
    moved[np.searchsorted(label, other.label)] += other.influence
    moved[np.searchsorted(label, one.label)] -= one.influence
    variance: FloatArray = (moved**2).sum(axis=0) * (len(label) - 1) / max(len(label), 1)
    return variance


def _unconverged(profile: Profile) -> list[str]:
    """What the profile says of a fit that did not get there."""
    who = f"{profile.model}: " if profile.model else ""
    return [f"{who}{said}" for said in profile.caveats if said.startswith(NOT_CONVERGED)]


def _caveats(
    one: _Side,
    other: _Side,
    before: Comparisons | Profile,
    after: Comparisons | Profile,
    paired: str,
) -> tuple[str, ...]:
    said = [AGAINST_THE_AVERAGE, *_unconverged(one.profile), *_unconverged(other.profile)]
    k = len(one.profile.traits)
    missing = len(set(before.traits) ^ set(after.traits))
    if missing:
        are = "trait is" if missing == 1 else "traits are"
        said.append(f"{missing:,} {are} on one side only and left out.")
    for what in ("judge", "condition"):
        left, right = getattr(one.profile, what), getattr(other.profile, what)
        if left != right:
            said.append(f"The {what} differs: {left!r} before, {right!r} after.")
    if not paired:
        said.append("The two profiles are treated as independent; shared prompts were not used.")
    elif not np.intersect1d(one.label, other.label).size:
        said.append(f"The two share no {paired}; they are treated as independent.")
    few = int((one.few | other.few).sum())
    if paired and few:
        seldom = (
            "wins or loses; its interval combines" if few == 1 else "win or lose; theirs combine"
        )
        said.append(f"{few:,} of {k:,} traits seldom {seldom} those of the two profiles.")
    for side in (one, other):
        profile = side.profile
        seen = float(np.mean(profile.strengths**2))
        noise = float(np.mean(profile.variances)) / max(seen, 1e-12)
        if noise > NOTABLE_NOISE:
            share = "All" if noise >= 1 else f"{noise:.0%}"
            said.append(
                f"{share} of the variance of {profile.model or 'one side'} over traits is "
                f"noise; the scaled shifts are rough."
            )
    return tuple(said)
