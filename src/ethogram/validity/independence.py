"""Do judges err independently? The correlation of their errors, and how many votes they amount to.

Pure numpy. Takes votes on replies whose trait is known: +1 right, -1 wrong, 0 a tie, NaN no answer.
Knows nothing of stores, models or what the replies are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ethogram.errors import InputError
from ethogram.ratings.comparisons import FloatArray, IntArray
from ethogram.ratings.quantiles import t_quantile
from ethogram.validity.error_counts import count_errors, mean_phi, pair_indices, phi_spreads
from ethogram.validity.proportions import FEWEST, Estimate, cluster_sizes, proportion


@dataclass(frozen=True)
class PairErrors:
    """How the errors of two judges go together.

    Attributes
    ----------
    judges : (str, str)
    phi : Estimate
        Correlation of the two judges' errors (0 right, 1 wrong) over the replies that both named a
        trait for: 0 independent, 1 always wrong together. NaN where one of them never errs there,
        or always does.
    wrong : (int, int)
        Errors of each on these replies.
    both : int
        Replies that both read wrongly.
    expected : float
        How many those would be if the errors were independent.
    """

    judges: tuple[str, str]
    phi: Estimate
    wrong: tuple[int, int]
    both: int
    expected: float

    @property
    def few(self) -> str:
        """Where a judge erred too rarely, or too rarely not, to tell: that, and how often."""
        n = self.phi.n
        least = min(min(wrong, n - wrong) for wrong in self.wrong)
        if least >= FEWEST:
            return ""
        rare = [w for w in self.wrong if w < FEWEST]
        return f"too few {'errors' if rare else 'right verdicts'} to tell"


@dataclass(frozen=True)
class Independence:
    """How far several judges' errors are their own.

    Attributes
    ----------
    judges : tuple of str, length m
    n : int
        Replies for which at least two judges named a trait.
    clusters : int
        Independent groups of these replies (prompts): what the intervals rest on.
    errors : tuple of Estimate
        Share of each judge's verdicts that is wrong; ties are in no share.
    pairs : tuple of PairErrors
    mean : Estimate
        Mean of phi over the pairs that have one.
    effective : Estimate
        Independent judges, as accurate, whose mean vote would be as exact: m / (1 + (m - 1) mean).
        A negative mean counts as 0, so that it is at most m.
    dimensions : float
        By eigenvalues, (sum)^2 / sum of squares of the matrix of phi: how many directions the
        errors have, whatever a vote makes of them. Not what the headline says.
    """

    judges: tuple[str, ...]
    n: int
    clusters: int
    errors: tuple[Estimate, ...]
    pairs: tuple[PairErrors, ...]
    mean: Estimate
    effective: Estimate
    dimensions: float

    @property
    def known(self) -> bool:
        """Whether any two judges erred so that a correlation can be told."""
        return bool(np.isfinite(self.mean.estimate))

    @property
    def ceiling(self) -> float:
        """Votes that no number of further judges of this kind exceeds: 1 / mean."""
        return 1 / self.mean.estimate if self.mean.estimate > 0 else float("inf")

    def with_one_more(self, *, alike: bool = True) -> float:
        """Effective votes with one judge more: as correlated as these are, or independent."""
        m, mean = len(self.judges), max(self.mean.estimate, 0.0)
        return effective_votes(m + 1, mean if alike else mean * (m - 1) / (m + 1))

    def replies_for(self, half_width: float) -> int:
        """Replies for an interval of the mean so wide, by the root law; 0 where these suffice."""
        now = (self.mean.high - self.mean.low) / 2
        return 0 if now <= half_width else int(np.ceil(self.n * (now / half_width) ** 2))


def effective_votes(m: int, mean: float) -> float:
    """Votes of so many judges whose errors have this mean correlation.

    The variance of a mean of m errors is var (1 + (m - 1) mean) / m, that of m_eff independent ones
    var / m_eff. Exact for any matrix of correlations, as only its mean is in it.

    References
    ----------
    Kish (1965), Survey Sampling, 8.2 (the design effect). For panels of judges: Kohli (2026), arXiv
    2605.29800.
    """
    return m / (1 + (m - 1) * min(max(mean, 0.0), 1.0))


def measure_independence(
    votes: FloatArray,
    judges: Sequence[str],
    *,
    clusters: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> Independence:
    """Measure how far the errors of several judges on the same replies go together.

    Parameters
    ----------
    votes : float array, shape (n, m)
        +1 right, -1 wrong, 0 a tie, NaN no answer. Ties and missing answers are no errors: a pair
        is compared on the replies for which both named a trait.
    judges : sequence of str, length m
    clusters : int array, shape (n,), optional
        Replies of one cluster (one prompt, one written reply) count as dependent.
    seed : int

    Raises
    ------
    InputError
        Fewer than two judges, or votes of another shape.

    Notes
    -----
    Intervals: the variance is that of a bootstrap of clusters, plus what two more clusters would
    move, one that all judges read wrongly and one that a single judge does; Student's t. Without
    these, three errors that happen not to meet would pass for independence.

    References
    ----------
    Correlation of errors of language models: Kim, Garg, Peng & Garg (2025), arXiv 2506.07962. Their
    measure for many answers, agreement where both are wrong, is always 1 with two words.
    """
    votes = check_votes(votes, judges)
    errors = np.where((votes == 0) | np.isnan(votes), np.nan, votes < 0)
    shared = (~np.isnan(errors)).sum(axis=1) >= 2
    _, of = cluster_sizes(clusters, len(errors))
    pairs = pair_indices(len(judges))
    tables = count_errors(errors[shared], of[shared], pairs)
    phi, spread, mean_spread = phi_spreads(tables, len(judges), seed)
    count = len(tables)
    mean = mean_phi(phi)
    made = _estimate(mean, mean_spread, count, int(shared.sum()))
    return Independence(
        judges=tuple(judges),
        n=int(shared.sum()),
        clusters=count,
        errors=tuple(_error_rate(errors[:, j], of) for j in range(len(judges))),
        pairs=tuple(
            _pair((judges[i], judges[j]), whole, value, sd, int((tables[:, k, 0] > 0).sum()))
            for k, ((i, j), whole, value, sd) in enumerate(
                zip(pairs.T, tables.sum(axis=0), phi, spread, strict=True)
            )
        ),
        mean=made,
        effective=_effective(made, len(judges)),
        dimensions=_dimensions(phi, mean, len(judges)),
    )


def check_votes(votes: FloatArray, judges: Sequence[str]) -> FloatArray:
    """Return votes as floats.

    Raises
    ------
    InputError
        Fewer than two judges, votes of another shape, or votes other than 1, 0, -1 and NaN.
    """
    votes = np.asarray(votes, dtype=np.float64)
    if len(judges) < 2:
        raise InputError(f"{len(judges)} judge, expected at least 2 to compare")
    if votes.ndim != 2 or votes.shape[1] != len(judges):
        raise InputError(f"votes have shape {votes.shape}, expected (replies, {len(judges)})")
    odd = votes[~(np.isnan(votes) | np.isin(votes, (-1, 0, 1)))]
    if odd.size:
        raise InputError(f"a vote is {odd[0]}, expected 1, 0, -1 or NaN")
    return votes


def _estimate(value: float, spread: float, clusters: int, n: int) -> Estimate:
    """A correlation with its t interval, within what is possible."""
    if not np.isfinite(value):
        return Estimate(float("nan"), -1.0, 1.0, 0)
    half = float(t_quantile(max(clusters - 1, 1))) * spread
    return Estimate(value, max(value - half, -1.0), min(value + half, 1.0), n)


def _pair(
    judges: tuple[str, str], whole: FloatArray, phi: float, spread: float, clusters: int
) -> PairErrors:
    n, one, other, both = (int(x) for x in whole)
    return PairErrors(
        judges=judges,
        phi=Estimate(float(phi), -1.0, 1.0, n)
        if np.isnan(phi)
        else _estimate(float(phi), float(spread), clusters, n),
        wrong=(one, other),
        both=both,
        expected=one * other / n if n else float("nan"),
    )


def _effective(mean: Estimate, m: int) -> Estimate:
    """Carry the mean correlation and its interval over to votes: the more, the fewer."""
    if not mean.n:
        return Estimate(float("nan"), 1.0, float(m), 0)
    low, value, high = (effective_votes(m, r) for r in (mean.high, mean.estimate, mean.low))
    return Estimate(value, low, high, mean.n)


def _dimensions(phi: FloatArray, mean: float, m: int) -> float:
    """Participation ratio of the eigenvalues; their squares sum to those of the matrix."""
    filled = np.where(np.isnan(phi), mean, phi)
    return float(m**2 / (m + 2 * (filled**2).sum())) if np.isfinite(mean) else float("nan")


def _error_rate(errors: FloatArray, of: IntArray) -> Estimate:
    """Share of a judge's verdicts that is wrong."""
    named = ~np.isnan(errors)
    return proportion(errors[named], clusters=of[named])
