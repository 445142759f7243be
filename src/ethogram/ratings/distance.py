"""Whether two profiles differ at all, and how far they are apart, net of noise.

Both rest on the covariance of all shifts at once: of paired sides, what leaving out each prompt of
both does to the difference; of finished profiles, the sum of their covariances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import brentq
from scipy.stats import chi2
from scipy.stats import f as fisher

from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.models import ELO_PER_LOGIT
from ethogram.ratings.quantiles import LEVEL, tails
from ethogram.ratings.sides import Sides, joint_influence
from ethogram.ratings.spread import added, against_their_mean, variances

UNKNOWN_CORRELATIONS = (
    "The overall test needs the correlations between the errors of traits, which take too much "
    "memory and are not kept."
)


@dataclass(frozen=True)
class Overall:
    """The whole profile: has anything changed, and how far is it from before?

    Attributes
    ----------
    statistic : float or None
        d' S^-1 d, with d the shifts and S their covariance; None where it cannot be computed.
    traits_free : int
        Its degrees of freedom: one less than the traits.
    freedom : float or None
        Degrees of freedom of S (of an F test); None where S is taken as known (chi-squared).
    p : float or None
        Of no change in any trait.
    reason : str
        Why there is no test, or "".
    distance, low, high : float
        Root mean square shift in rating points, sampling noise taken out, with its interval.
    level : float
        Of the interval.
    """

    statistic: float | None
    traits_free: int
    freedom: float | None
    p: float | None
    reason: str
    distance: float
    low: float
    high: float
    level: float


def measure_distance(
    sides: Sides, *, level: float = LEVEL, freedom: float | None = None
) -> Overall:
    """Test whether anything changed between two sides, and measure how much.

    Parameters
    ----------
    sides : Sides
    level : float
        Of the interval of the distance.
    freedom : float, optional
        Draws that the covariances of finished profiles are from; else they are taken as known.

    Returns
    -------
    Overall

    Notes
    -----
    The test is Hotelling's T^2 with the degrees of freedom of a covariance that is itself
    estimated from G prompts, by the total variance of its entries; with p = K - 1 and
    h_g = m_g' S^-1 m_g the share of prompt g, eta = p (p + 1) / (sum h_g^2 - p^2 / (G r)), with r
    comparisons behind a prompt (p at most), and T^2 (eta - p + 1) / (eta p) is F on p and
    eta - p + 1 degrees of freedom. The jackknife is too wide by about the share of parameters
    among comparisons, which is taken out.

    The distance is sqrt(max(0, (|d|^2 - tr S) / K)); its interval holds all distances under which
    |d|^2, as a gamma of the right mean and variance, is not in either tail.

    References
    ----------
    Zhang (2012), TEST 21(4), on the degrees of freedom; Pustejovsky & Tipton (2018), Journal of
    Business & Economic Statistics 36(4), on such tests of clustered regressions.
    """
    noise = find_noise(sides)
    distance, low, high = Length.of(sides.difference, noise).interval(level)
    tested = _test_any(sides.difference, noise, freedom)
    return Overall(*tested, distance, low, high, level)


@dataclass(frozen=True)
class Noise:
    """Covariance of the shifts, (K, K) or (K,), and the prompts' parts in it, (G, K), if paired.

    `behind` is the mean number of comparisons of a side behind a prompt.
    """

    covariance: FloatArray
    influence: FloatArray | None
    behind: float = 1.0

    @property
    def trace(self) -> float:
        """Sum of the variances."""
        return float(variances(self.covariance).sum())

    @property
    def trace_of_square(self) -> float:
        """Sum of all squared entries, which is the trace of S S."""
        return float((self.covariance**2).sum())

    @property
    def trace_variance(self) -> float:
        """How sure the trace is: the scatter of the prompts' parts in it."""
        if self.influence is None:
            return 0.0
        parts = (self.influence**2).sum(axis=1)
        return float(((parts - parts.mean()) ** 2).sum())

    def along(self, difference: FloatArray) -> float:
        """Return d' S d."""
        if self.covariance.ndim == 1:
            return float(self.covariance @ difference**2)
        return float(difference @ self.covariance @ difference)


def find_noise(sides: Sides) -> Noise:
    """Take the covariance from what leaving out prompts does, else from the two profiles."""
    one, other = sides.one, sides.other
    own = added(one.profile.covariance, other.profile.covariance)
    if not sides.paired:
        return Noise(own, None)
    moved = joint_influence(one, other)
    moved *= np.sqrt((1 - _leverage(sides)) * (len(moved) - 1) / max(len(moved), 1))
    # Of a trait that seldom wins or loses the jackknife knows too little.
    raised = np.where(one.few | other.few, variances(own), 0.0)
    variance = (moved**2).sum(axis=0)
    moved *= np.sqrt(np.maximum(1, raised / np.maximum(variance, 1e-300)))
    if own.ndim == 1:
        return Noise((moved**2).sum(axis=0) + one.worded + other.worded, moved)
    behind = (one.profile.n + other.profile.n) / max(len(one.label) + len(other.label), 1)
    worded = np.diag(one.worded + other.worded)
    return Noise(moved.T @ moved + worded, moved, behind)


def _leverage(sides: Sides) -> float:
    """Mean pull of a comparison on its own fit; leaving it out overstates a variance by that."""
    profiles = (sides.one.profile, sides.other.profile)
    shares = [(len(p.traits) - 1 + len(p.effects)) / max(p.n, 1) for p in profiles]
    return min(0.5, float(np.mean(shares)))


Tested = tuple[float | None, int, float | None, float | None, str]


def _test_any(difference: FloatArray, noise: Noise, freedom: float | None) -> Tested:
    """Return statistic, degrees of freedom of traits and of S, p-value and why there is none."""
    p = len(difference) - 1
    if noise.trace <= 0:  # the same comparisons on both sides
        return 0.0, p, None, 1.0, ""
    if noise.covariance.ndim == 1:
        return None, p, None, None, UNKNOWN_CORRELATIONS
    # Shifts and errors against their mean add up to zero, so the last of them says nothing new.
    covariance = against_their_mean(noise.covariance, np.arange(p + 1))[:p, :p]
    try:
        root = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None, p, None, None, _too_few(p, noise)
    apart = (difference - difference.mean())[:p]
    statistic = float((solve_triangular(root, apart, lower=True) ** 2).sum())
    if noise.influence is None and freedom is None:
        return statistic, p, None, float(chi2.sf(statistic, p)), ""
    if noise.influence is not None:
        freedom = _freedom(root, noise)
    assert freedom is not None  # given, or the prompts'
    left = freedom - p + 1
    if left < 1:
        return None, p, freedom, None, _too_few(p, noise)
    value = float(fisher.sf(statistic * left / (freedom * p), p, left))
    return statistic, p, freedom, value, ""


def _freedom(root: FloatArray, noise: Noise) -> float:
    """Degrees of freedom of a covariance that is estimated from prompts."""
    assert noise.influence is not None
    p = len(root)
    parts = noise.influence - noise.influence.mean(axis=1, keepdims=True)
    shares = (solve_triangular(root, parts[:, :p].T, lower=True) ** 2).sum(axis=0)
    rank = min(p, max(noise.behind, 1))  # of what a prompt adds to S
    scatter = float((shares**2).sum()) - float(shares.sum()) ** 2 / (len(shares) * rank)
    return float(min(p * (p + 1) / max(scatter, 1e-12), len(shares) - 1))


def _too_few(p: int, noise: Noise) -> str:
    """Say that there are more traits than the prompts can tell apart."""
    count = 0 if noise.influence is None else len(noise.influence)
    behind = f"{count:,} prompts or pairs" if count else "the two profiles"
    return (
        f"No overall test: {behind} are too few to tell how the shifts of {p + 1:,} traits vary "
        "together."
    )


@dataclass(frozen=True)
class Length:
    """What is known of the length of a vector of K shifts: |d|^2, and how it scatters (logits)."""

    squared: float
    noise: float
    noise_variance: float
    along: float
    k: int

    @classmethod
    def of(cls, difference: FloatArray, noise: Noise) -> Length:
        """Sum up the shifts and their covariance."""
        squared, trace = float(difference @ difference), noise.trace
        if trace <= 0:
            return cls(squared, 0.0, 0.0, 0.0, len(difference))
        spread = noise.trace_of_square
        net, near = squared - trace, np.sqrt(2 * spread)
        # Noise in the direction of the shift, drawn to the mean where little is known of either.
        mean = trace / max(len(difference) - 1, 1)
        along = (max(noise.along(difference) - spread, 0) + near * mean) / (max(net, 0) + near)
        variance = 2 * spread + noise.trace_variance
        return cls(squared, trace, variance, along, len(difference))

    def shrunk(self, share: float) -> Length:
        """Return what is to be expected where all variances are this share of what they are."""
        net = max(self.squared - self.noise, 0.0)
        return Length(
            net + share * self.noise,
            share * self.noise,
            share**2 * self.noise_variance,
            share * self.along,
            self.k,
        )

    def interval(self, level: float) -> tuple[float, float, float]:
        """Return the distance and its interval, rating points."""
        net = max(self.squared - self.noise, 0.0)
        below, above = tails(level)
        ends = (self._bound(above), net, self._bound(below)) if self.noise > 0 else (net,) * 3
        low, middle, high = (ELO_PER_LOGIT * float(np.sqrt(end / self.k)) for end in ends)
        return middle, min(low, middle), max(high, middle)

    def _bound(self, share: float) -> float:
        """The true |d|^2 under which what was seen is at this quantile; 0 where there is none."""
        if self._below(0.0) <= share:
            return 0.0
        top = max(self.squared, self.noise)
        while self._below(top) > share:
            top *= 2
        return float(brentq(lambda true: self._below(true) - share, 0.0, top, xtol=1e-12))

    def _below(self, true: float) -> float:
        """Probability of less than what was seen, where the true |d|^2 is this."""
        mean, variance = self.noise + true, self.noise_variance + 4 * self.along * true
        return float(chi2.cdf(2 * self.squared * mean / variance, 2 * mean**2 / variance))
