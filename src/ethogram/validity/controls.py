"""Controls: ratings net of what a model shows, or a judge sees, without any preference.

The **random** condition tells the model to choose by chance; what it then still shows is ease of
acting and the judge's liking for a word, not preference. The **natural** condition names no trait
to the model; from its ratings the judge's liking for the word itself is subtracted, measured on
replies in which neither word was asked for. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ethogram.errors import InputError
from ethogram.ratings.comparisons import Comparisons, FloatArray
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import central_range
from ethogram.ratings.rate import rate
from ethogram.ratings.spread import added, correlate_noise, spread_root
from ethogram.validity.proportions import Estimate

_DRAWS = 1000


@dataclass(frozen=True)
class NetProfile:
    """Ratings less those of a control.

    Attributes
    ----------
    profile : Profile
        The difference of strengths, with its own intervals; 0 is what the control alone gives.
    measured, control : Profile
        Both restricted to the traits that they share.
    left : Estimate
        How much of a lead between two traits remains in the control: 0 nothing, 1 all of it (slope
        of the control's strengths on the measured ones, both cleared of noise).
    clear : tuple of str
        Traits whose net interval does not hold 0.
    caveats : tuple of str
    """

    profile: Profile
    measured: Profile
    control: Profile
    left: Estimate
    clear: tuple[str, ...]
    caveats: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        return (
            f"Of a lead between traits, {self.left.interval} remains under the "
            f"{self.control.condition} control; net of it, {len(self.clear)} of "
            f"{len(self.profile.traits)} traits differ from the average trait."
        )


def net_of(measured: Profile, control: Profile, *, seed: int = 0) -> NetProfile:
    """Subtract a control's ratings: the random condition's, or the judge's liking for the words.

    Parameters
    ----------
    measured, control : Profile
        Of the same model (or, for words, the same judge); traits that one lacks are left out.
    seed : int
        For the interval of `left`.

    Returns
    -------
    NetProfile

    Raises
    ------
    InputError
        Fewer than three traits in common.

    Notes
    -----
    Intervals of the difference: Zou & Donner (2008), Statistics in Medicine 27 (each side's own
    interval, squared and added), which needs no symmetry. The two are taken as independent; where
    they share prompts, the interval is if anything too wide.
    """
    shared = frozenset(control.traits)
    traits = [name for name in measured.traits if name in shared]
    if len(traits) < 3:
        raise InputError(f"{len(traits)} traits in common with the control, expected at least 3")
    one, base = measured.restrict(traits), control.restrict(traits)
    middle = one.strengths - base.strengths
    low = middle - np.hypot(one.strengths - one.low, base.high - base.strengths)
    high = middle + np.hypot(one.high - one.strengths, base.strengths - base.low)
    clear = (low > 0) | (high < 0)
    caveats = _caveats(measured, control, traits)
    profile = replace(
        one,
        condition=f"{one.condition} net of {base.condition}",
        method=f"{one.method}, net",
        strengths=middle,
        covariance=added(one.covariance, base.covariance),
        low=low,
        high=high,
        effects=(),
        reliability=None,
        prior_effect=one.prior_effect + base.prior_effect,
        interval_method="both sides' intervals combined "
        f"({one.interval}; control: {base.interval})",
        caveats=one.caveats + caveats,
    )
    names = tuple(name for name, is_clear in zip(traits, clear, strict=True) if is_clear)
    return NetProfile(profile, one, base, _left(one, base, seed), names, caveats)


def _left(measured: Profile, control: Profile, seed: int) -> Estimate:
    """Slope of the control's strengths on the measured ones, noise taken out, by drawing both."""
    rng = np.random.default_rng(seed)
    noise = float(measured.variances.mean())
    slope = _slope(measured.strengths, control.strengths, noise)
    draws = zip(_draw(measured, rng), _draw(control, rng), strict=True)
    # A draw carries its noise twice: that of the estimate, and its own.
    made = np.array([_slope(x, y, 2 * noise) for x, y in draws])
    low, high = central_range(made)
    return Estimate(slope, float(low), float(high), len(measured.traits))


def _slope(x: FloatArray, y: FloatArray, noise: float) -> float:
    """Regression slope of y on x whose noise variance is known (Fuller 1987, 1.2)."""
    return float(np.cov(x, y, ddof=0)[0, 1] / max(x.var() - noise, 0.1 * x.var()))


def _draw(profile: Profile, rng: np.random.Generator) -> FloatArray:
    """Profiles that the data allow, shape (draws, K)."""
    normal = rng.standard_normal((_DRAWS, len(profile.traits)))
    return profile.strengths + correlate_noise(normal, spread_root(profile.covariance))


def _caveats(measured: Profile, control: Profile, traits: list[str]) -> tuple[str, ...]:
    """What a reader must know beside the figures."""
    said = [
        "Net ratings are differences: at 1000 (strength 0) a trait shows no more than under the "
        "control, relative to the average trait."
    ]
    dropped = len(measured.traits) - len(traits)
    if dropped:
        said.append(f"{dropped} traits are not in the control and are left out.")
    if measured.judge != control.judge:
        said.append(f"The control was judged by {control.judge!r}, not by {measured.judge!r}.")
    return tuple(said)


def word_preference(comparisons: Comparisons) -> Profile:
    """How readily a judge names each word when neither of the two was asked for.

    Parameters
    ----------
    comparisons : Comparisons
        Verdicts on replies to trials of other traits (see `foreign_pairs`).

    Returns
    -------
    Profile
        Its condition is "word". Strengths are drawn toward zero by as much as their spread
        suggests, as a few verdicts a word say little.

    Notes
    -----
    Empirical Bayes: the prior's variance is the variance of the first estimates less their mean
    squared error (the method of moments of DerSimonian & Laird 1986, Controlled Clinical Trials
    7), and at least a quarter of the latter.
    """
    # The default prior would shrink these, too, and make the spread seem smaller than it is.
    first = rate(comparisons, ridge=0.01, ties="half", interval="fisher", splits=0)
    noise = float(first.variances.mean())
    # A spread of zero would deny what few verdicts cannot exclude: intervals would be too short.
    spread = float(np.sqrt(max(first.strengths.var() - noise, noise / 4)))
    drawn = rate(comparisons, ridge=1 / spread**2, ties="half", interval="fisher", splits=0)
    return replace(
        drawn,
        condition="word",
        interval_method=f"posterior under a prior with the words' own spread ({spread:.2f} logits)",
    )
