"""How one profile differs from another: one shift per trait, with its interval and p-value.

For two models, or one model before and after a fine-tune, that answered the same design. Where
both sides are comparisons, what their shared prompts (or pairs) do to both at once is taken into
account: each prompt is left out of both fits together. Of two finished profiles only the
intervals are known, so they are treated as independent.

Verdicts only say which of two traits shows more, so shifts are relative to the average trait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from ethogram.ratings.cards import card_html, card_text
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT, NOT_CONVERGED
from ethogram.ratings.plots import plot_shift
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import LEVEL, normal_quantile, t_quantile
from ethogram.ratings.sides import Side, Sides, arms, pair_sides, paired_variance
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
    level : float
        Of each interval on its own.
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
    level: float = LEVEL

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
    ridge: float | None = None,
    profiles: tuple[Profile, Profile] | None = None,
    level: float = LEVEL,
) -> Shift:
    """How far each shared trait moved from `before` to `after`.

    Parameters
    ----------
    before, after : Comparisons or Profile
        Give comparisons of the same design where there are any: prompts with the same number are
        taken to be the same prompt.
    ridge : float, optional
        As in `rate`.
    profiles : tuple of (Profile, Profile), optional
        What `rate` makes of the two sides with this `ridge`, if it is there already.
    level : float
        Of each trait's interval on its own.

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
    return shift_between(pair_sides(before, after, ridge=ridge, profiles=profiles, level=level))


def shift_between(sides: Sides) -> Shift:
    """Return the shift of two sides that are measured and paired already, at their level."""
    one, other, shared, level = sides.one, sides.other, sides.traits, sides.level
    spreads = [_spread(side) for side in (one, other)]
    common = float(np.sqrt(spreads[0] * spreads[1]))
    return Shift(
        before=one.profile.model,
        after=other.profile.model,
        traits=shared,
        raw=_change(one, other, level=level),
        scaled=_change(
            _stretched(one, spreads[0], common),
            _stretched(other, spreads[1], common),
            freedom=2 * (len(shared) - 1),
            level=level,
        ),
        stretch=spreads[1] / spreads[0],
        paired=sides.paired,
        n_shared=sides.n_shared,
        caveats=(*_caveats(sides), *_size_caveats(sides)),
        level=level,
    )


def _spread(side: Side) -> float:
    """Standard deviation of the true strengths over traits: the noise's share is taken out."""
    seen = float(np.mean(side.profile.strengths**2))
    noise = float(np.mean(side.profile.variances))
    return float(np.sqrt(max(seen - noise, LEAST_TRUE_SPREAD * seen, 1e-12)))


def _stretched(side: Side, spread: float, common: float) -> Side:
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
    worded = side.worded * (common / spread) ** 2
    return replace(side, profile=moved, influence=influence, worded=worded)


def _change(one: Side, other: Side, *, level: float, freedom: float = np.inf) -> Change:
    """Difference, interval and p-value of each trait, on at most so many degrees of freedom.

    The interval is the jackknife's where both sides can tell, else it is put together from the
    two profiles' own (Zou & Donner 2008, Statistics in Medicine 27(10)), which may be lopsided.
    """
    difference = other.profile.strengths - one.profile.strengths
    (a_below, a_above), (b_below, b_above) = arms(one.profile, level), arms(other.profile, level)
    below, above = np.hypot(b_below, a_above), np.hypot(b_above, a_below)
    alone = one.few | other.few
    clusters = np.where(alone, np.inf, np.minimum(one.effective, other.effective) - 1)
    degrees = np.minimum(np.maximum(clusters, 1), freedom)
    quantile = t_quantile(degrees, level)
    half = quantile * np.sqrt(paired_variance(one, other))
    wider = quantile / normal_quantile(level)  # than the profiles' own
    below, above = np.where(alone, wider * below, half), np.where(alone, wider * above, half)
    toward_zero = np.maximum(np.where(difference > 0, below, above), 1e-300)
    p = 2 * student.sf(np.abs(difference) * quantile / toward_zero, degrees)
    return Change(difference, difference - below, difference + above, p, false_discovery_control(p))


def _unconverged(profile: Profile) -> list[str]:
    """What the profile says of a fit that did not get there."""
    who = f"{profile.model}: " if profile.model else ""
    return [f"{who}{said}" for said in profile.caveats if said.startswith(NOT_CONVERGED)]


def _size_caveats(sides: Sides) -> tuple[str, ...]:
    """What was left out for lack of memory."""
    if sides.pairing == sides.paired:
        return ()
    what = sides.pairing
    return (f"The effect of shared {what} on both sides at once takes too much memory to compute.",)


def _caveats(sides: Sides) -> tuple[str, ...]:
    one, other, paired = sides.one, sides.other, sides.paired
    said = [AGAINST_THE_AVERAGE, *_unconverged(one.profile), *_unconverged(other.profile)]
    k = len(one.profile.traits)
    if missing := sides.n_missing:
        are = "trait is" if missing == 1 else "traits are"
        said.append(f"{missing:,} {are} on one side only and left out.")
    for what in ("judge", "condition"):
        left, right = getattr(one.profile, what), getattr(other.profile, what)
        if left != right:
            said.append(f"The {what} differs: {left!r} before, {right!r} after.")
    if not paired:
        said.append("The two profiles are treated as independent; shared prompts were not used.")
    elif not sides.n_shared:
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
