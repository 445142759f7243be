"""How far two sets of ratings agree: Spearman as measured, and what noise hides of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import spearmanr

from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray
from ethogram.ratings.numbers import say_number
from ethogram.ratings.profile import Profile
from ethogram.ratings.quantiles import t_quantile

LEAST = 4  # traits in common
VAGUE = 1.5  # an interval so wide says nothing
_EDGE = 0.9999
_BOUNDS = [(-12.0, 3.0)] * 2  # logarithms of variances, in those of the measured values


@dataclass(frozen=True)
class Agreement:
    """Two profiles on the traits that they share.

    Attributes
    ----------
    n : int
        Traits in common.
    spearman : float
        As measured: noise on either side makes it smaller.
    latent, low, high : float
        Correlation of the strengths behind both, noise taken out, with a 95% interval. It takes
        strengths to be normal over traits, and the errors of the two sides to be independent.
    """

    n: int
    spearman: float
    latent: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """Both figures in words."""
        if self.high - self.low > VAGUE:
            return (
                f"Spearman {_number(self.spearman)} over {self.n} traits, of which noise leaves "
                f"anything open ({_number(self.low)} to {_number(self.high)})"
            )
        return (
            f"Spearman {_number(self.spearman)} over {self.n} traits; {_number(self.latent)} "
            f"({_number(self.low)} to {_number(self.high)}) with noise taken out"
        )


def _number(value: float) -> str:
    return say_number(value, 2)


def compare_ratings(one: Profile, other: Profile) -> Agreement:
    """Correlate two profiles on the traits that they share.

    Raises
    ------
    InputError
        Fewer than four traits in common, or one side has the same rating for all.

    Notes
    -----
    Maximum likelihood of a bivariate normal over traits, to which each side adds noise of known
    variance; the interval inverts the likelihood-ratio test, so that it stays within -1 and 1,
    with the quantile of t on K - 2 degrees of freedom, as few traits need a wider one.
    """
    shared = frozenset(other.traits)
    traits = [name for name in one.traits if name in shared]
    if len(traits) < LEAST:
        raise InputError(f"{len(traits)} traits in common, expected at least {LEAST}")
    a, b = one.restrict(traits), other.restrict(traits)
    if not np.ptp(a.strengths) or not np.ptp(b.strengths):
        raise InputError("all ratings are equal, expected some that differ")
    latent, low, high = latent_correlation(a.strengths, a.variances, b.strengths, b.variances)
    rank = float(spearmanr(a.strengths, b.strengths).statistic)
    return Agreement(len(traits), rank, latent, low, high)


def latent_correlation(
    x: FloatArray, x_noise: FloatArray, y: FloatArray, y_noise: FloatArray
) -> tuple[float, float, float]:
    """Correlation behind two noisy measurements, with the 95% interval of its likelihood ratio.

    Parameters
    ----------
    x, y : float array, shape (K,)
    x_noise, y_noise : float array, shape (K,)
        Variances of their errors.
    """
    if not x.std() or not y.std():  # nothing to correlate
        return 0.0, -1.0, 1.0
    data = (*_standardised(x, x_noise), *_standardised(y, y_noise))
    start = np.log([max(1 - data[i].mean(), 0.05) for i in (1, 3)])

    def profile(rho: float) -> float:
        return float(minimize(_minus_log_likelihood, start, (rho, *data), bounds=_BOUNDS).fun)

    grid = np.linspace(-_EDGE, _EDGE, 31)
    values = np.array([profile(rho) for rho in grid])
    best = _refined(grid, values)
    least = profile(best)
    limit = least + float(t_quantile(len(x) - 2)) ** 2 / 2

    def crossing(edge: float) -> float:
        if profile(edge) <= limit:
            return float(np.sign(edge))
        return float(brentq(lambda rho: profile(rho) - limit, best, edge, xtol=1e-3))

    return best, crossing(-_EDGE), crossing(_EDGE)


def _standardised(values: FloatArray, noise: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values and variances of their errors in units of the values' own spread."""
    spread = values.std()
    return (values - values.mean()) / spread, np.maximum(noise, 1e-12) / spread**2


def _refined(grid: FloatArray, values: FloatArray) -> float:
    """Return the place of the least value, by a parabola through it and its neighbours."""
    i = int(np.argmin(values))
    if i in (0, len(grid) - 1):
        return float(grid[i])
    below, here, above = values[i - 1 : i + 2]
    bend = below - 2 * here + above
    step = 0.5 * (below - above) / bend if bend > 0 else 0.0
    return float(grid[i] + step * (grid[1] - grid[0]))


def _minus_log_likelihood(
    logs: FloatArray, rho: float, x: FloatArray, vx: FloatArray, y: FloatArray, vy: FloatArray
) -> float:
    """Of bivariate normal strengths with these log variances, noise added."""
    sx, sy = np.exp(logs)
    a, b, c = sx + vx, sy + vy, rho * np.sqrt(sx * sy)
    determinant = a * b - c**2
    square = (b * x**2 - 2 * c * x * y + a * y**2) / determinant
    return float(0.5 * (np.log(determinant) + square).sum())
